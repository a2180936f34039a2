"""The simulated patrol: the same from the same seed, and bound by the physics of a camera and a receiver."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from agent.domain import Fix, Pixels
from agent.drivers.simulated import FIRST_FIX, LATENCIES, LATENCY, SimulatedCamera, SimulatedGps
from agent.errors import DeviceError, RecordingEnded
from agent.interfaces import Camera, Demand, Gps
from agent.simulation.patrol import Patrol, default_route, metres_between
from agent.simulation.scenery import DEFECTS

START = datetime(2025, 5, 12, 9, 0, tzinfo=UTC)


class Clock:
    """A wall clock that only goes on when somebody waits."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture(scope="module")
def patrol() -> Patrol:
    return Patrol(seed=7, duration=120.0)


@pytest.fixture(scope="module")
def long_patrol() -> Patrol:
    return Patrol(seed=7, duration=600.0)


def _camera(patrol: Patrol, clock: Clock, speed_factor: float = 4.0) -> SimulatedCamera:
    camera = SimulatedCamera(patrol, START, speed_factor, rate=5.0, size=(64, 36), now=clock.now, wait=clock.wait)
    camera.open()
    return camera


def _gps(patrol: Patrol) -> SimulatedGps:
    gps = SimulatedGps(patrol, START)
    gps.open()
    return gps


def _fixes(patrol: Patrol) -> list[Fix]:
    return list(_gps(patrol).take(patrol.duration + 1))


def _error(patrol: Patrol, fix: Fix) -> tuple[float, float]:
    """Metres north and east from where the vehicle was to where the receiver put it."""
    return metres_between(patrol.place((fix.at - START).total_seconds()), (fix.lat, fix.lon))


def _metres_from_route(place: tuple[float, float]) -> float:
    """Metres from the nearest point of the default route, taken every metre."""
    corners = default_route()
    nearest = math.inf
    for begin, end in zip(corners, (*corners[1:], corners[0]), strict=True):
        north, east = metres_between(begin, end)
        to_north, to_east = metres_between(begin, place)
        share = min(1.0, max(0.0, (to_north * north + to_east * east) / (north**2 + east**2)))
        nearest = min(nearest, math.hypot(to_north - share * north, to_east - share * east))
    return nearest


def test_the_same_seed_gives_the_same_patrol_and_another_seed_another(patrol: Patrol) -> None:
    again, other = Patrol(seed=7, duration=120.0), Patrol(seed=8, duration=120.0)

    assert again.truth() == patrol.truth()
    assert np.array_equal(again.frame(33.2, 64, 36), patrol.frame(33.2, 64, 36))
    assert _fixes(again) == _fixes(patrol)
    assert other.truth() != patrol.truth()
    assert not np.array_equal(other.frame(33.2, 64, 36), patrol.frame(33.2, 64, 36))


def test_a_longer_patrol_begins_like_a_shorter_one(patrol: Patrol, long_patrol: Patrol) -> None:
    assert long_patrol.metres(100.0) == patrol.metres(100.0)
    assert np.array_equal(long_patrol.frame(50.0, 64, 36), patrol.frame(50.0, 64, 36))
    assert _fixes(long_patrol)[:100] == _fixes(patrol)[:100]


def test_the_vehicle_accelerates_brakes_and_keeps_to_the_speed_limit(patrol: Patrol) -> None:
    speeds = np.array([patrol.speed(s) for s in np.arange(0, 120, 0.1)])

    assert speeds[0] == 0
    assert 6 < speeds.max() <= 50 / 3.6
    assert np.abs(np.diff(speeds)).max() / 0.1 < 4.5


def test_the_vehicle_stands_at_some_red_light_and_drives_on(long_patrol: Patrol) -> None:
    standing = [second for second in range(20, 600) if long_patrol.speed(second) == 0]

    assert 5 < len(standing) < 120
    assert long_patrol.metres(600) > 3000


def test_the_demonstration_passes_all_five_defects_with_clean_stretches_between(patrol: Patrol) -> None:
    passed = [defect for defect in patrol.truth() if defect.metres < patrol.metres(patrol.duration)]
    seen = [bool(patrol.in_sight(frame / 5)) for frame in range(600)]

    assert 10 <= len(passed) <= 24
    assert {defect.label for defect in passed} == set(DEFECTS)
    assert 0.1 < np.mean(seen) < 0.6


def test_truth_lies_on_the_route_in_the_order_of_the_drive(patrol: Patrol) -> None:
    defects = patrol.truth()

    assert [d.metres for d in defects] == sorted(d.metres for d in defects)
    assert all(0 <= d.metres < patrol.length for d in defects)
    assert all(abs(_metres_from_route((d.lat, d.lon)) - abs(d.aside)) < 0.5 for d in defects)
    assert all(abs(d.aside) < 10 for d in defects)


def test_a_defect_is_in_sight_over_several_frames_and_grows(patrol: Patrol) -> None:
    areas: dict[float, list[float]] = {}
    for frame in range(600):
        for defect, (left, top, right, bottom) in patrol.in_sight(frame / 5, least=0.004):
            areas.setdefault(defect.metres, []).append((right - left) * (bottom - top))

    followed = [a for a in areas.values() if len(a) >= 3]
    assert len(followed) > 0.8 * len(areas)
    assert all(max(a) == max(a[-2:]) or max(a) > 2 * a[0] for a in followed)
    assert np.median([max(a) / a[0] for a in followed]) > 2


def test_the_light_changes_along_the_route(patrol: Patrol) -> None:
    assert len({leg.light for leg in patrol.legs}) == len(patrol.legs)


def test_camera_and_receiver_fit_the_seams(patrol: Patrol) -> None:
    camera, gps = SimulatedCamera(patrol, START), SimulatedGps(patrol, START)
    seams: tuple[Camera, Gps] = camera, gps

    assert seams == (camera, gps)


def test_frames_tell_the_time_of_the_patrol(patrol: Patrol) -> None:
    clock = Clock()
    camera = _camera(patrol, clock)
    first, second = camera.read(1.0), camera.read(1.0)

    assert first is not None
    assert second is not None
    assert (first.monotonic, second.monotonic) == (0.0, 0.2)
    assert second.captured_at == START + timedelta(seconds=0.2)
    assert second.pixels.shape == (36, 64, 3)
    assert clock.now() - 1000.0 == pytest.approx(0.05, abs=0.002)


def test_a_slow_reader_misses_frames_and_gets_the_newest(patrol: Patrol) -> None:
    clock = Clock()
    camera = _camera(patrol, clock)
    camera.read(1.0)
    clock.wait(2.0)
    late, next_one = camera.read(1.0), camera.read(1.0)

    assert late is not None
    assert next_one is not None
    assert late.monotonic == pytest.approx(8.0)
    assert next_one.monotonic == pytest.approx(8.2)


def test_frames_that_are_not_wanted_are_not_drawn(patrol: Patrol, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[float] = []
    draw = Patrol.frame

    def noted(patrol: Patrol, second: float, width: int, height: int) -> Pixels:
        drawn.append(second)
        return draw(patrol, second, width, height)

    monkeypatch.setattr(Patrol, "frame", noted)
    clock = Clock()
    camera = _camera(patrol, clock)

    def due(_camera: str, second: float, _fix: Fix | None) -> Demand:
        return Demand.NOW if second >= 3.0 else Demand.LATER

    assert camera.read(0.5, due) is None
    frame = camera.read(1.0, due)
    assert frame is not None
    assert frame.monotonic == pytest.approx(3.0)
    assert drawn == [frame.monotonic]


def test_a_read_gives_up_after_its_timeout(patrol: Patrol) -> None:
    clock = Clock()
    camera = _camera(patrol, clock, speed_factor=0.01)
    camera.read(1.0)

    assert camera.read(0.5) is None
    assert clock.now() == pytest.approx(1000.5)


def test_an_infinite_pace_gives_every_frame_and_ends_with_the_patrol() -> None:
    camera = SimulatedCamera(Patrol(1, duration=2.0), START, math.inf, rate=5.0, size=(64, 36))
    camera.open()
    times = [frame.monotonic for frame in (camera.read(0.0) for _ in range(10)) if frame]

    assert times == pytest.approx([n / 5 for n in range(10)])
    with pytest.raises(RecordingEnded):
        camera.read(0.0)


def test_a_camera_that_is_not_open_is_an_error(patrol: Patrol) -> None:
    camera = SimulatedCamera(patrol, START)
    with pytest.raises(DeviceError):
        camera.read(0.0)
    camera.open()
    camera.close()
    camera.close()
    with pytest.raises(DeviceError):
        camera.read(0.0)


def test_the_patrol_goes_on_while_the_camera_is_closed(patrol: Patrol) -> None:
    clock = Clock()
    camera = _camera(patrol, clock)
    camera.read(1.0)
    camera.close()
    clock.wait(5.0)
    camera.open()
    frame = camera.read(1.0)

    assert frame is not None
    assert frame.monotonic == pytest.approx(20.0)
    assert camera.seconds == pytest.approx(20.0)


def test_fixes_are_told_once_in_their_order_and_a_while_after_their_instants(patrol: Patrol) -> None:
    gps = _gps(patrol)
    told = {tenth / 10: gps.take(tenth / 10) for tenth in range(1210)}
    instants = [(fix.at - START).total_seconds() for fixes in told.values() for fix in fixes]
    assert instants == list(range(int(FIRST_FIX), 121))
    for at, fixes in told.items():
        for fix in fixes:
            assert LATENCIES[0] <= at - (fix.at - START).total_seconds() <= LATENCIES[1] + 0.1


def test_a_fix_is_told_when_a_driver_takes_it_to_be_heard(patrol: Patrol) -> None:
    for fix in _fixes(patrol)[::25]:
        gps = _gps(patrol)
        gps.take(fix.monotonic + LATENCY - 0.01)
        assert gps.take(fix.monotonic + LATENCY) == (fix,)


def test_the_instant_of_a_fix_is_known_as_well_as_its_latency_is(patrol: Patrol) -> None:
    """A driver takes every receiver to be equally late, and none is."""
    late = []
    for one in (patrol, Patrol(1, duration=5.0), Patrol(2, duration=5.0)):
        offsets = [fix.monotonic - (fix.at - START).total_seconds() for fix in _fixes(one)]
        assert offsets == pytest.approx([offsets[0]] * len(offsets))
        assert LATENCIES[0] - LATENCY <= offsets[0] <= LATENCIES[1] - LATENCY
        late.append(offsets[0])
    assert len(set(late)) == 3


def test_several_fixes_that_were_not_asked_for_are_told_together(patrol: Patrol) -> None:
    gps = _gps(patrol)
    assert [(fix.at - START).total_seconds() for fix in gps.take(6.5)] == [2, 3, 4, 5, 6]
    assert gps.take(3.0) == ()
    assert gps.take(6.5) == ()


def test_there_is_no_fix_at_first_nor_from_a_closed_receiver(patrol: Patrol) -> None:
    gps = SimulatedGps(patrol, START)
    assert gps.take(5.0) == ()
    gps.open()
    assert gps.take(FIRST_FIX) == ()
    gps.close()
    assert gps.take(5.0) == ()
    gps.open()
    assert len(gps.take(5.0)) == 3


def test_positions_err_by_metres_and_drift_slowly(patrol: Patrol) -> None:
    errors = np.array([_error(patrol, fix) for fix in _fixes(patrol)])
    size = np.hypot(*errors.T)

    assert 0.5 < size.mean() < 8
    assert np.hypot(*np.diff(errors, axis=0).T).mean() < 0.6 * size.mean()
    ephs = [fix.eph or 0.0 for fix in _fixes(patrol)]
    assert np.mean(size < ephs) > 0.85


def test_no_fix_is_ever_at_null_island(long_patrol: Patrol) -> None:
    for fix in _fixes(Patrol(3)) + _fixes(long_patrol):
        assert abs(fix.lat - 43.2965) < 0.02
        assert abs(fix.lon - 5.3698) < 0.02


def test_a_standing_vehicle_has_no_track_and_a_moving_one_has(long_patrol: Patrol) -> None:
    fixes = _fixes(long_patrol)

    assert any(fix.track is None for fix in fixes)
    for fix in fixes:
        assert fix.speed is not None
        assert (fix.track is None) == (fix.speed < 0.5)
        assert fix.track is None or 0 <= fix.track < 360


def test_a_tunnel_is_darker_and_without_fixes() -> None:
    patrol = Patrol(7, duration=60.0, tunnel=(100.0, 200.0))
    seconds = np.arange(0, 60, 0.5)
    inside = [float(s) for s in seconds if 105 < patrol.metres(float(s)) < 195]
    outside = next(float(s) for s in seconds if patrol.metres(float(s)) > 215)
    told = [patrol.metres((fix.at - START).total_seconds()) for fix in _fixes(patrol)]

    assert any(metres < 100 for metres in told)
    assert any(metres > 200 for metres in told)
    assert not any(100 <= metres <= 200 for metres in told)
    assert 25 < patrol.frame(inside[3], 64, 36).mean() < 0.8 * patrol.frame(outside, 64, 36).mean()


def test_a_pace_or_a_route_that_can_not_be_is_refused(patrol: Patrol) -> None:
    with pytest.raises(ValueError, match="above 0"):
        SimulatedCamera(patrol, START, 0.0)
    with pytest.raises(ValueError, match="two corners"):
        Patrol(1, route=[(43.0, 5.0)])
