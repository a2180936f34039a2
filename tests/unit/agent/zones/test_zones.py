"""In which zones a place lies."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from agent.domain import Here
from agent.plane import travel
from agent.zones import geojson, intake, stored
from agent.zones.zone import Zone
from agent.zones.zones import NOWHERE, Zones
from tests.unit.zone_files import COMMUNES, square, with_communes, zone

LEFT = zone("commune", "13002", square(0, 0))
RIGHT = zone("commune", "13001", square(1, 0))
SCHOOL = zone("no_capture", "École Jules Ferry", square(0.4, 0.4, 0.2))
FAIR = zone("statistics", "Foire", square(0.5, 0, 1))


def at(zones: Zones, east: float, north: float, accuracy: float = 0.0) -> Here:
    """The zones so many hundredths of a degree from 5 east, 43 north."""
    return zones.at(43 + north / 100, 5 + east / 100, accuracy)


def test_a_place_is_in_every_zone_that_covers_it() -> None:
    zones = Zones([FAIR, SCHOOL, RIGHT, LEFT])
    assert at(zones, 0.2, 0.2) == Here("13002", "13002", zones=("13002",))
    assert at(zones, 0.55, 0.5) == Here("13002", "13002", True, True, ("École Jules Ferry", "Foire", "13002"))
    assert at(zones, 1.2, 0.5) == Here("13001", "13001", False, True, ("Foire", "13001"))
    assert at(zones, 3, 3) is NOWHERE


@pytest.mark.parametrize("order", [[LEFT, RIGHT], [RIGHT, LEFT]])
def test_on_a_shared_border_the_smallest_code_is_the_answer(order: list[Zone]) -> None:
    here = Zones(order).at(43.005, 5.01)
    assert (here.commune, here.zones) == ("13001", ("13001", "13002"))


def test_a_hole_is_outside() -> None:
    zones = Zones([zone("commune", "13001", square(0, 0), square(0.4, 0.4, 0.2))])
    assert at(zones, 0.2, 0.2).commune == "13001"
    assert at(zones, 0.5, 0.5) is NOWHERE
    assert at(zones, 0.4, 0.5).commune == "13001"


@pytest.mark.parametrize("lat", [math.nan, math.inf, -math.inf, 91.0])
@pytest.mark.parametrize("accuracy", [0.0, 50.0])
def test_a_place_that_is_none_lies_nowhere(lat: float, accuracy: float) -> None:
    assert Zones([LEFT, SCHOOL]).at(lat, 5.005, accuracy) is NOWHERE


def test_a_place_of_which_it_is_not_sure_counts_as_inside_a_zone_without_capture() -> None:
    zones = Zones([LEFT, RIGHT, SCHOOL, FAIR])
    lat, lon = travel(43.005, 5.004, 30.0, 270.0)  # west of the school's western wall
    assert not zones.at(lat, lon).no_capture
    assert not zones.at(lat, lon, 29.0).no_capture
    near = zones.at(lat, lon, 31.0)
    assert (near.no_capture, near.zones) == (True, ("École Jules Ferry", "13002"))
    assert not near.statistics  # 80 m away, and not a matter of privacy
    assert zones.at(43.0, 4.0, 1e9).no_capture


def test_a_commune_is_not_widened() -> None:
    assert Zones([LEFT, SCHOOL]).at(43.005, 4.9999, 50.0) is NOWHERE


def test_without_zones_a_place_lies_nowhere() -> None:
    assert Zones().at(43.3, 5.4, 100.0) is NOWHERE


corners = st.tuples(st.floats(0, 3), st.floats(0, 3), st.floats(0.1, 2))


@given(
    communes=st.lists(corners, min_size=1, max_size=12),
    places=st.lists(st.tuples(st.floats(-0.5, 5), st.floats(-0.5, 5)), min_size=1, max_size=20),
)
def test_the_index_says_what_asking_each_zone_says(
    communes: list[tuple[float, float, float]], places: list[tuple[float, float]]
) -> None:
    zones = [zone("commune", f"{13001 + i}", square(*corner)) for i, corner in enumerate(communes)]
    index = Zones(zones)
    corners_too = [((lon - 5) * 100, (lat - 43) * 100) for one in zones for lon, lat in one.geometry.exterior.coords]
    for east, north in places + corners_too:
        lat, lon = 43 + north / 100, 5 + east / 100
        expected = [one.code for one in zones if one.geometry.covers(shapely.Point(lon, lat))]
        here = index.at(lat, lon)
        assert here.zones == tuple(expected)
        assert here.commune == min(expected, default=None, key=str)


@given(
    corner=corners,
    place=st.tuples(st.floats(-3, 6), st.floats(-3, 6)),
    metres=st.floats(1, 5000),
    lat=st.sampled_from([-60.0, -21.0, 0.0, 43.0, 60.0]),
)
def test_near_is_never_said_to_be_far(
    corner: tuple[float, float, float], place: tuple[float, float], metres: float, lat: float
) -> None:
    outline = [(lon, latitude - 43 + lat) for lon, latitude in square(*corner)]
    index = Zones([zone("no_capture", "school", outline)])
    here_lat, here_lon = lat + place[1] / 100, 5 + place[0] / 100
    true = min(
        metres_between(here_lat, here_lon, y, x)
        for a, b in pairwise(outline)
        for t in np.linspace(0, 1, 101)
        for x, y in [(a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]))]
    )
    inside = shapely.Polygon(outline).covers(shapely.Point(here_lon, here_lat))
    found = index.at(here_lat, here_lon, metres).no_capture
    if inside or true <= metres:
        assert found
    elif true > metres * 1.03 + 25:  # the points of the outline stand up to 22 m apart
        assert not found


@pytest.mark.parametrize(
    ("lat", "far_north", "far_east"), [(0.0, 1000.0, 0.0), (60.0, 0.0, 1000.0), (43.0, 700.0, 700.0)]
)
def test_what_the_plane_is_off_by_is_allowed_for(lat: float, far_north: float, far_east: float) -> None:
    corner = (5.0, lat)
    index = Zones([zone("no_capture", "school", [corner, (4.999, lat), (5.0, lat - 0.001)])])
    north = far_north / metres_between(lat, 5.0, lat + 1, 5.0)
    east = far_east / metres_between(lat, 5.0, lat, 6.0)
    true = metres_between(lat + north, 5.0 + east, lat, 5.0)
    assert index.at(lat + north, 5.0 + east, true).no_capture
    assert not index.at(lat + north, 5.0 + east, true * 0.98).no_capture


def metres_between(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """On the ellipsoid of WGS 84, for short ways: by its radii of curvature at the middle."""
    semi_major, squared_eccentricity = 6_378_137.0, 0.00669437999014
    middle = math.radians((lat + other_lat) / 2)
    root = 1 - squared_eccentricity * math.sin(middle) ** 2
    north = math.radians(other_lat - lat) * semi_major * (1 - squared_eccentricity) / root**1.5
    east = math.radians(other_lon - lon) * semi_major * math.cos(middle) / math.sqrt(root)
    return math.hypot(north, east)


@with_communes
def test_every_place_of_the_metropolis_is_in_the_commune_that_covers_it() -> None:
    taken = intake.examine(list(geojson.read(COMMUNES, COMMUNES.read_bytes())))
    assert (len(taken.zones), taken.repaired, taken.overlaps, taken.faults) == (92, (), (), ())
    index = Zones(taken.zones)
    random = np.random.default_rng(1)
    west, south, east, north = shapely.total_bounds([one.geometry for one in taken.zones])
    inside = 0
    for lon, lat in random.uniform((west, south), (east, north), (500, 2)):
        found = shapely.covers([one.geometry for one in taken.zones], shapely.Point(lon, lat))
        covering = [one.code for one, covers in zip(taken.zones, found, strict=True) if covers]
        assert index.at(lat, lon).commune == min(covering, default=None, key=str)
        inside += bool(covering)
    assert inside > 250
    assert index.at(43.29648, 5.36978).name == "Marseille"


@with_communes
def test_each_corner_of_the_metropolis_has_exactly_one_commune() -> None:
    taken = intake.examine(list(geojson.read(COMMUNES, COMMUNES.read_bytes())))
    one, other = Zones(taken.zones), Zones(taken.zones[::-1])
    shared = 0
    for zone_ in taken.zones:
        for lon, lat in shapely.get_coordinates(zone_.geometry)[::7]:
            here = one.at(lat, lon)
            assert here == other.at(lat, lon)
            assert here.commune == here.zones[0]
            assert zone_.code in here.zones
            shared += len(here.zones) > 1
    assert shared > 500


def test_threads_may_ask_at_once() -> None:
    zones = Zones([zone("commune", f"{13001 + i}", square(i % 10, i // 10)) for i in range(100)])
    faults: list[object] = []

    def ask() -> None:
        for number in range(2000):
            expected = str(13001 + number % 100)
            here = at(zones, number % 10 + 0.5, number % 100 // 10 + 0.5, 3.0)
            if here.commune != expected:
                faults.append(here)

    threads = [threading.Thread(target=ask) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults


def test_shapely_is_loaded_only_where_there_are_zones(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from agent.zones.zones import Zones\n"
        "Zones.load(Path(sys.argv[1])).at(43.3, 5.4, 10.0); print('shapely' in sys.modules)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"
    stored.replace(tmp_path, {"commune"}, [LEFT])
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "True\n"
