"""Fixes in their order, and tracks recorded as NMEA 0183."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from functools import reduce
from operator import xor
from pathlib import Path

import pytest

from agent.domain import Fix
from agent.drivers.track import RecordedTrack, plausible
from agent.errors import ConfigError
from tests.unit.builders import NOON


def sentence(content: str) -> str:
    """The sentence with its checksum, the exclusive or of its characters (NMEA 0183)."""
    return f"${content}*{reduce(xor, content.encode()):02X}"


def rmc(clock: str, date: str = "221126", status: str = "A", lat: str = "4317.7900,N", **fields: str) -> str:
    lon, speed, track = fields.get("lon", "00522.1880,E"), fields.get("speed", "19.4"), fields.get("track", "120.0")
    talker = fields.get("talker", "GP")
    return sentence(f"{talker}RMC,{clock},{status},{lat},{lon},{speed},{track},{date},,,A")


def gga(clock: str, lat: str = "4317.7900,N", quality: str = "1", hdop: str = "0.9") -> str:
    return sentence(f"GPGGA,{clock},{lat},00522.1880,E,{quality},09,{hdop},12.0,M,49.5,M,,")


def gst(clock: str) -> str:
    return sentence(f"GPGST,{clock},3.1,2.6,2.1,45.0,3.0,4.0,4.0")


def recorded(directory: Path, *lines: str) -> RecordedTrack:
    path = directory / "track.nmea"
    path.write_text("\r\n".join(lines) + "\r\n", encoding="latin-1")
    return RecordedTrack(path)


def fixes(track: RecordedTrack) -> list[Fix]:
    """All fixes of the track."""
    track.open()
    return list(track.take(track.duration))


def test_the_sentences_of_one_epoch_make_one_fix(tmp_path: Path) -> None:
    lines = [part for clock in ("100000.00", "100001.00") for part in (gga(clock), gst(clock), rmc(clock))]
    track = recorded(tmp_path, *lines)
    first, second = fixes(track)
    assert first.lat == pytest.approx(43.2965)
    assert first.lon == pytest.approx(5.3698)
    assert first.speed == pytest.approx(9.98, abs=0.001)
    assert first.track == pytest.approx(120.0)
    assert first.eph == pytest.approx(10.0)
    assert (first.monotonic, second.monotonic) == (0.0, 1.0)
    assert track.start == datetime(2026, 11, 22, 10, tzinfo=UTC)
    assert track.duration == 1.0


def test_the_error_comes_from_the_dilution_where_there_is_no_gst(tmp_path: Path) -> None:
    (fix,) = fixes(recorded(tmp_path, gga("100000.00"), rmc("100000.00")))
    assert fix.eph == pytest.approx(0.9 * 19.0)


def test_what_a_sentence_leaves_empty_is_unknown_and_north_is_north(tmp_path: Path) -> None:
    track = recorded(tmp_path, rmc("100000.00", track="", speed=""), rmc("100001.00", track="0.0", speed="0.0"))
    unknown, north = fixes(track)
    assert (unknown.track, unknown.speed, unknown.eph) == (None, None, None)
    assert (north.track, north.speed) == (0.0, 0.0)


def test_any_talker_and_any_hemisphere_is_read(tmp_path: Path) -> None:
    (fix,) = fixes(recorded(tmp_path, rmc("100000", talker="GN", lat="3351.0000,S", lon="15112.0000,W")))
    assert (fix.lat, fix.lon) == pytest.approx((-33.85, -151.2))


def test_a_void_epoch_makes_no_fix_even_where_its_gga_has_a_position(tmp_path: Path) -> None:
    track = recorded(tmp_path, rmc("100000.00"), gga("100001.00"), rmc("100001.00", status="V"), rmc("100002.00"))
    assert [fix.monotonic for fix in fixes(track)] == [0.0, 2.0]


def test_an_epoch_whose_rmc_is_spoilt_takes_its_gga_and_the_date_before_it(tmp_path: Path) -> None:
    spoilt = rmc("100001.00")[:-2] + "00"
    track = recorded(tmp_path, rmc("100000.00"), gga("100001.00", lat="4318.0000,N"), spoilt)
    _, second = fixes(track)
    assert second.lat == pytest.approx(43.3)
    assert (second.monotonic, second.track) == (1.0, None)


def test_a_gga_without_a_fix_of_satellites_or_before_any_date_is_none(tmp_path: Path) -> None:
    track = recorded(
        tmp_path, gga("095959.00"), rmc("100000.00"), gga("100001.00", quality="0"), gga("100002", "", "6")
    )
    assert [fix.monotonic for fix in fixes(track)] == [0.0]


def test_midnight_is_passed_with_and_without_a_date(tmp_path: Path) -> None:
    track = recorded(tmp_path, rmc("235959.00"), gga("000000.00"), rmc("000001.00", date="231126"))
    assert [fix.monotonic for fix in fixes(track)] == [0.0, 1.0, 2.0]
    assert fixes(track)[1].at == datetime(2026, 11, 23, tzinfo=UTC)


def test_dates_that_a_cold_receiver_invents_are_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    dates = ("060180", "010100", "080407")
    track = recorded(tmp_path, *(rmc(f"00000{second}.00", date) for second, date in enumerate(dates)), rmc("100000.00"))
    assert track.start == datetime(2026, 11, 22, 10, tzinfo=UTC)
    assert "3 fixes were refused" in caplog.text


def test_null_island_and_positions_off_the_globe_are_refused(tmp_path: Path) -> None:
    null_island = rmc("100001.00", lat="0000.0000,N", lon="00000.0000,E")
    track = recorded(
        tmp_path, rmc("100000.00"), null_island, rmc("100002.00", lat="9100.0000,N"), rmc("100003.00", lat=",")
    )
    assert len(fixes(track)) == 1


def test_time_that_runs_backwards_makes_no_fix(tmp_path: Path) -> None:
    track = recorded(tmp_path, rmc("100005.00"), rmc("100001.00"), rmc("100006.00"))
    assert [fix.monotonic for fix in fixes(track)] == [0.0, 1.0]


def test_nonsense_is_skipped_with_one_line_in_the_log_and_no_position(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    garbage = ["noise \xff\x00", "$GPRMC,1000", rmc("100001.00")[:-2] + "00", sentence("GPRMC,100002.00,A,4x,N"), ""]
    others = [sentence("GPGSV,1,1,00"), "$PUBX,00", "!AIVDM,1,1,,A,x,0*00"]
    track = recorded(tmp_path, *garbage, *others, rmc("100003.00"))
    assert len(fixes(track)) == 1
    (record,) = (record for record in caplog.records if record.levelno >= logging.WARNING)
    assert "track.nmea: 3 lines" in record.getMessage()
    assert "4317" not in caplog.text


def test_a_file_without_a_usable_fix_is_a_fault_of_the_configuration_that_says_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"track\.nmea: no usable fix.*RMC"):
        recorded(tmp_path, gga("100000.00"), rmc("100000.00", status="V"))


def test_a_file_that_is_not_there_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"away\.nmea: can not be read \(No such file"):
        RecordedTrack(tmp_path / "away.nmea")


def test_fixes_are_told_once_in_their_order_as_their_instants_come(tmp_path: Path) -> None:
    track = recorded(tmp_path, *(rmc(f"10000{second}.00") for second in range(6)))
    track.open()
    told = [[fix.monotonic for fix in track.take(at)] for at in (-0.1, 0.0, 0.9, 3.0, 3.0, 1.0, 3.0, 99.0, 99.0)]
    assert told == [[], [0.0], [], [1.0, 2.0, 3.0], [], [], [], [4.0, 5.0], []]
    track.close()
    track.close()


def test_a_track_that_is_opened_again_begins_again(tmp_path: Path) -> None:
    track = recorded(tmp_path, rmc("100000.00"), rmc("100001.00"))
    assert [len(fixes(track)) for _ in range(2)] == [2, 2]


@pytest.mark.parametrize("speed", [9999.0, 1.7e308, -5.0])
def test_a_speed_that_no_vehicle_has_is_not_known(speed: float) -> None:
    told = plausible(Fix(43.3, 5.4, NOON, 0.0, speed=speed, track=90.0))
    assert (told.speed, told.track) == (None, None)
