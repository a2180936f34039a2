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
        geometries = np.array([zone.geometry for zone in self.all], dtype=object)
        self._tree = shapely.STRtree(geometries)
        self._alone: list[Here] = [_here([zone]) for zone in self.all]
        self._closed = [number for number, zone in enumerate(self.all) if zone.kind == NO_CAPTURE]
        self._planes = [Plane.of(geometries[number]) for number in self._closed]
        around = [plane.flat(geometries[number]) for plane, number in zip(self._planes, self._closed, strict=True)]
        self._flat = np.array(around, dtype=object)
        self._closed_tree = shapely.STRtree(geometries[self._closed])
        _prepare(geometries)
        _prepare(self._flat)

    @classmethod
    def load(cls, directory: Path) -> Zones:
        """What was imported into the store's folder; no zones where nothing was. Raises ConfigError."""
        return cls(stored.read(directory))

    def names(self) -> frozenset[str]:
        """What a routing rule may name: the INSEE codes of communes, the names of special zones."""
        return frozenset(zone.id for zone in self.all)

    def at(self, lat: float, lon: float, accuracy: float = 0.0) -> Here:
        """The zones of a place, in degrees WGS 84.

        Where communes share a border or overlap, the one with the smallest code is the answer. With an accuracy in
        metres the place also counts as inside each no-capture zone that is no farther away, and for one in a
        hundred more, since plane geometry may be off by that much.
        """
        if not self.all:
            return NOWHERE
        point = self._shapely.Point(lon, lat)
        inside: set[int] = {
            number for number in self._tree.query(point).tolist() if self.all[number].geometry.covers(point)
        }
        if accuracy > 0 and self._closed:
            inside.update(self._within(lat, lon, accuracy * MARGIN, point))
        if len(inside) == 1:
            return self._alone[inside.pop()]
        return _here([self.all[number] for number in sorted(inside)]) if inside else NOWHERE

    def _within(self, lat: float, lon: float, metres: float, point: Geometry) -> Iterator[int]:
        """The no-capture zones at most so many metres away."""
        north = metres / METRES
        east = north / max(math.cos(math.radians(min(abs(lat) + north, 90.0))), 1e-9)  # no degree is shorter
        for number in self._closed_tree.query(point, predicate="dwithin", distance=east * MARGIN).tolist():
            place = self._shapely.Point(self._planes[number].metres(lat, lon))
            if self._flat[number].dwithin(place, metres):
                yield self._closed[number]


def _here(found: Sequence[Zone]) -> Here:
    """What these zones, in their order, come to."""
    kinds = {zone.kind for zone in found}
    commune = found[0] if found[0].kind == COMMUNE else None
    return Here(
        commune=commune.code if commune else None,
        name=commune.name if commune else None,
        no_capture=NO_CAPTURE in kinds,
        statistics=STATISTICS in kinds,
        # What is special about a place goes before the commune that is around it.
        zones=tuple(dict.fromkeys(zone.id for zone in sorted(found, key=lambda zone: zone.kind == COMMUNE))),
    )


def _prepare(geometries: Geometry) -> None:
    """Build each one's own index now: the first look-up would, and two threads at once must not."""
    import shapely  # noqa: PLC0415 - see the module

    shapely.prepare(geometries)
    shapely.covers(geometries, shapely.point_on_surface(geometries))
