"""Takes in what vehicles wrote to a USB stick; what the network brings as well is stored once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from agent.errors import FidamiaError
from agent.export import bundle
from agent.export.bundle import BundleFault
from agent.export.signature import SignatureFault
from agent.i18n import _, shown
from agent.interfaces import Message
from central.ingest import Counters, Intake
from central.store import EmbeddedStore

AT_ONCE = 100  # messages


class Refused(FidamiaError):
    """A bundle of which nothing, or not all, was taken in; the message says which."""


def take_in(path: Path, authority: Path, store: EmbeddedStore, prefix: str, revoked: Path | None = None) -> Counters:
    """Store what a bundle holds; how much that was.

    `authority` vouches for the certificates of devices, unless they are on the list of `revoked` ones. Raises Refused
    and StoreError.
    """
    intake = Intake(store, prefix)
    try:
        device, messages = bundle.read(path, authority, revoked)
        for some in _groups(messages):
            for message in some:
                if not message.topic.startswith(f"{prefix}/{device}/"):
                    raise BundleFault(_("a message for {topic}").format(topic=repr(message.topic)))
            intake.take(some)
    except (OSError, BundleFault, SignatureFault) as error:
        reason = getattr(error, "strerror", None) or error
        raise Refused(
            _("{path}: {reason}; {number} report(s) were taken in before that; the device still has all of it").format(
                path=shown(path), reason=reason, number=intake.counters.reports
            )
        ) from error
    return intake.counters


def _groups(messages: Iterable[Message]) -> Iterator[list[Message]]:
    rest = iter(messages)
    while some := list(islice(rest, AT_ONCE)):
        yield some
