"""Zones without geometry: a commune east of each whole degree, and special zones that are everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Here:
    """What holds a place."""

    commune: str | None
    name: str | None
    zones: tuple[str, ...]
    no_capture: bool = False


@dataclass(frozen=True)
class Somewhere:
    """The communes, by code and in their order from the Greenwich meridian, and the special zones."""

    communes: Mapping[str, str]
    zones: tuple[str, ...] = ()
    no_capture: bool = False

    def at(self, lat: float, lon: float) -> Here:
        """See Zones."""
        inside = 0 <= lon < len(self.communes) and lat > 0
        code = list(self.communes)[int(lon)] if inside else None
        return Here(code, self.communes[code] if code else None, self.zones, self.no_capture)

    def names(self) -> list[str]:
        """See Zones."""
        return [*self.communes, *self.zones]
