"""In which zones a place lies: an index in memory, asked before a frame is taken and when a report is made.

shapely is imported only where zones are kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from agent.domain import Here
from agent.zones import stored
from agent.zones.zone import COMMUNE, METRES, NO_CAPTURE, STATISTICS, Geometry, Plane, Zone

NOWHERE = Here()
MARGIN = 1.01  # what Plane may be off by


class Zones:
    """All zones of the device, immutable: several threads may ask at once."""

    def __init__(self, zones: Sequence[Zone] = ()) -> None:
        """Index the zones, whose geometries are valid."""
        self.all = tuple(sorted(zones, key=lambda zone: zone.order))
        if not self.all:
            return
        import numpy as np  # noqa: PLC0415 - see the module
        import shapely  # noqa: PLC0415

        self._shapely = shapely
        self._geometries = np.array([zone.geometry for zone in self.all], dtype=object)
        self._tree = shapely.STRtree(self._geometries)
        self._flat = {
            number: (plane, plane.flat(zone.geometry))
            for number, zone in enumerate(self.all)
            if zone.kind == NO_CAPTURE
            for plane in (Plane.of(zone.geometry),)
        }
        _prepare(self._geometries)
        _prepare(np.array([flat for _plane, flat in self._flat.values()], dtype=object))

    @classmethod
    def load(cls, directory: Path) -> Zones:
        """What was imported into the store's folder; no zones where nothing was. Raises ConfigError."""
        return cls(stored.read(directory))

    def at(self, lat: float, lon: float, accuracy: float = 0.0) -> Here:
        """The zones of a place, in degrees WGS 84.

        Where communes share a border or overlap, the one with the smallest code is the answer. With an accuracy in
        metres the place also counts as inside each no-capture zone that is no farther away, and for one in a
        hundred more, since plane geometry may be off by that much.
        """
        if not self.all:
            return NOWHERE
        point = self._shapely.Point(lon, lat)
        near = self._tree.query(point)
        inside = near[self._shapely.covers(self._geometries[near], point)].tolist()
        if accuracy > 0 and self._flat:
            inside += self._within(lat, lon, accuracy * MARGIN)
        if not inside:
            return NOWHERE
        found = [self.all[number] for number in sorted(set(inside))]
        kinds = {zone.kind for zone in found}
        commune = found[0] if found[0].kind == COMMUNE else None
        return Here(
            commune=commune.code if commune else None,
            name=commune.name if commune else None,
            no_capture=NO_CAPTURE in kinds,
            statistics=STATISTICS in kinds,
            zones=tuple(dict.fromkeys(zone.id for zone in found)),
        )

    def _within(self, lat: float, lon: float, metres: float) -> Iterator[int]:
        """The no-capture zones at most so many metres away."""
        north = metres / METRES
        east = north / max(math.cos(math.radians(min(abs(lat) + north, 90.0))), 1e-9)
        around = self._shapely.box(lon - east, lat - north, lon + east, lat + north)
        for number in self._tree.query(around).tolist():
            if number in self._flat:
                plane, flat = self._flat[number]
                if self._shapely.dwithin(flat, self._shapely.Point(plane.metres(lat, lon)), metres):
                    yield number


def _prepare(geometries: Geometry) -> None:
    """Build each one's own index now: the first look-up would, and two threads at once must not."""
    import shapely  # noqa: PLC0415 - see the module

    shapely.prepare(geometries)
    shapely.covers(geometries, shapely.point_on_surface(geometries))
