"""What fails on a patrol, and when, as people write it: `camera 30-45`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from agent.i18n import _

CAMERA = ("camera", "camera-hang", "camera-frozen", "camera-grey", "clock")
GPS = ("gps", "gps-frozen", "gps-nonsense")
NETWORK = "network"  # which a program can not cut for itself
KINDS = (*CAMERA, *GPS, NETWORK)
WRITTEN = re.compile(r"\s*([a-z-]+)\s+([0-9]+(?:\.[0-9]+)?)\s*-\s*([0-9]+(?:\.[0-9]+)?)\s*\Z")
LONGEST = 100_000.0  # seconds


@dataclass(frozen=True, slots=True)
class Outage:
    """What fails, and from which second until which."""

    kind: str  # one of KINDS
    begin: float  # seconds since the start
    end: float  # seconds since the start

    def __str__(self) -> str:
        """As `parse` reads it."""
        return f"{self.kind} {self.begin:g}-{self.end:g}"

    def covers(self, seconds: float) -> bool:
        """Whether it has failed then."""
        return self.begin <= seconds < self.end


def parse(text: str) -> Outage:
    """An outage as people write it: `camera 30-45`. Raises ValueError with a sentence for people."""
    found = WRITTEN.match(text)
    if found is None:
        raise ValueError(
            _("'{text}' is not an outage; write what fails and the seconds, for instance camera 30-45").format(
                text=text
            )
        )
    kind, begin, end = found[1], float(found[2]), float(found[3])
    if kind not in KINDS:
        raise ValueError(
            _("'{text}': {kind} can not fail; what can is {kinds}").format(text=text, kind=kind, kinds=", ".join(KINDS))
        )
    if not begin < end <= LONGEST:
        raise ValueError(
            _("'{text}': an outage ends after it begins, at second {last:.0f} at the latest").format(
                text=text, last=LONGEST
            )
        )
    return Outage(kind, begin, end)


def fails(outages: Iterable[Outage], kind: str, seconds: float) -> bool:
    """Whether one of the outages is of that kind and in force then."""
    return any(outage.kind == kind and outage.covers(seconds) for outage in outages)
