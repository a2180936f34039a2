"""What the centre has not, in one signed file: it goes on a USB stick where no network does.

A zip of the very messages that MQTT would carry, and a manifest of them with their hashes, which the device signs.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from agent.archive import UNREADABLE
from agent.config import Broker, DeviceName
from agent.errors import FidamiaError
from agent.export.signature import sign, verify
from agent.export.target import replacing
from agent.i18n import _
from agent.interfaces import Message
from agent.store.outbox import OPEN, Entry
from agent.store.store import Store
from agent.sync.messages import JPEG, LARGEST_PAYLOAD, batches, feature, loss_message, piece_message, report_message
from agent.sync.transfer import LARGEST_PIECE, Piece

FORMAT = "fidamia-bundle-1"
MANIFEST, SIGNATURE = "manifest.json", "manifest.p7s"
LARGEST_MANIFEST = 200_000_000  # bytes: more than the messages of the largest quota
LARGEST_SIGNATURE = 100_000  # bytes
LOSSES = 100_000  # more than there ever are


class BundleFault(FidamiaError):
    """A bundle that can not be believed; the message says why."""


class Enclosed(msgspec.Struct, frozen=True):
    """A message of a bundle."""

    file: Annotated[str, Meta(pattern=r"^[0-9]{1,9}\Z")]
    topic: Annotated[str, Meta(max_length=500)]
    content_type: Annotated[str, Meta(max_length=100)]
    properties: dict[str, str]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


class Manifest(msgspec.Struct, frozen=True):
    """What a bundle holds."""

    format: str
    device: DeviceName
    created_at: str
    messages: list[Enclosed]


def write(path: Path, store: Store, device: str, broker: Broker) -> int:
    """Reports, pictures and losses that the centre has not; how many reports. Nothing of it counts as delivered.

    Signed with the certificate that `broker` names. Raises OSError, StoreError and SignatureFault; then there is no
    half file.
    """
    now = datetime.now(UTC)
    number = 0

    def counted() -> Iterator[Entry]:
        nonlocal number
        for entry in store.outbox.entries(*OPEN):
            number += 1
            yield entry

    enclosed = []
    with replacing(path) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for index, message in enumerate(_messages(store, counted(), device, broker.prefix, now), 1):
            how = zipfile.ZIP_STORED if message.content_type == JPEG else zipfile.ZIP_DEFLATED
            archive.writestr(_undated(str(index)), message.payload, how)
            digest = hashlib.sha256(message.payload).hexdigest()
            enclosed.append(Enclosed(str(index), message.topic, message.content_type, message.properties, digest))
        manifest = msgspec.json.encode(Manifest(FORMAT, device, now.isoformat(), enclosed))
        archive.writestr(_undated(MANIFEST), manifest, zipfile.ZIP_DEFLATED)
        archive.writestr(_undated(SIGNATURE), sign(manifest, Path(broker.certificate), Path(broker.key)))
    return number


def _undated(name: str) -> zipfile.ZipInfo:
    """A zip knows no time before 1980, which a device without a clock may have; the manifest says when it was made."""
    return zipfile.ZipInfo(name)


def read(path: Path, authority: Path, revoked: Path | None = None) -> tuple[str, Iterator[Message]]:
    """Who made it, and its messages. Nothing of it is believed that is not signed.

    `authority` vouches for the device's certificate, unless it is on the list of `revoked` ones.
    Raises OSError, BundleFault and SignatureFault, also while the messages are read.
    """
    try:
        archive = zipfile.ZipFile(path)
    except UNREADABLE as error:
        raise BundleFault(_("not a bundle of fidamia: {reason}").format(reason=error)) from error
    encoded = _member(archive, MANIFEST, LARGEST_MANIFEST)
    signer = verify(encoded, _member(archive, SIGNATURE, LARGEST_SIGNATURE), authority, revoked)
    try:
        manifest = msgspec.json.decode(encoded, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BundleFault(_("not a bundle of fidamia: {reason}").format(reason=error)) from error
    if manifest.format != FORMAT:
        raise BundleFault(_("a bundle of another version: {version}").format(version=repr(manifest.format)))
    if manifest.device != signer:
        raise BundleFault(
            _("it says it comes from {device}, but {signer} has signed it").format(
                device=manifest.device, signer=repr(signer)
            )
        )
    return manifest.device, _enclosed(archive, manifest)


def _messages(store: Store, entries: Iterator[Entry], device: str, prefix: str, now: datetime) -> Iterator[Message]:
    sequences: set[int] = set()
    for batch in batches((entry, feature(entry, now)) for entry in entries):
        sequences |= {entry.sequence for entry, _encoded in batch}
        yield report_message(prefix, device, (encoded for _entry, encoded in batch), now)
    for loss in store.losses.pending(LOSSES):
        yield loss_message(prefix, device, loss, now)
    for picture in store.pictures.following(sequences):
        content = store.pictures.read(picture) or b""
        for start in range(0, len(content), LARGEST_PIECE):
            piece = Piece(picture, start, min(start + LARGEST_PIECE, picture.bytes))
            yield piece_message(prefix, device, piece, content[start : piece.end], now)


def _enclosed(archive: zipfile.ZipFile, manifest: Manifest) -> Iterator[Message]:
    with archive:
        for one in manifest.messages:
            payload = _member(archive, one.file, LARGEST_PAYLOAD)
            if hashlib.sha256(payload).hexdigest() != one.sha256:
                raise BundleFault(_("message {file} is not what was signed").format(file=one.file))
            yield Message(one.topic, payload, one.content_type, one.properties)


def _member(archive: zipfile.ZipFile, name: str, largest: int) -> bytes:
    """No more than so many bytes, whatever the archive says of itself."""
    try:
        # Of the other packings zipfile takes apart as much as there is, however little was asked for.
        if archive.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise BundleFault(_("not a bundle of fidamia: {reason}").format(reason=f"{name}: not stored, nor deflated"))
        with archive.open(name) as file:
            content = file.read(largest + 1)
    except UNREADABLE as error:
        raise BundleFault(_("not a bundle of fidamia: {reason}").format(reason=error)) from error
    if len(content) > largest:
        raise BundleFault(_("not a bundle of fidamia: {reason}").format(reason=f"{name}: {len(content)} bytes"))
    return content
