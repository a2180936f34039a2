"""Zones for tests: a commune east of each whole degree, and special zones that are everywhere."""

from __future__ import annotations

from collections.abc import Mapping

import shapely

from agent.zones.zone import COMMUNE, NO_CAPTURE, STATISTICS, Zone
from agent.zones.zones import Zones


def somewhere(communes: Mapping[str, str], special: tuple[str, ...] = (), no_capture: bool = False) -> Zones:
    """The communes, by code and in their order from the Greenwich meridian, north of the equator, and special zones."""
    kind = NO_CAPTURE if no_capture else STATISTICS
    return Zones(
        [
            *(
                Zone(COMMUNE, code, name, shapely.box(i, 0, i + 1, 90))
                for i, (code, name) in enumerate(communes.items())
            ),
            *(Zone(kind, None, name, shapely.box(-180, -90, 180, 90)) for name in special),
        ]
    )
