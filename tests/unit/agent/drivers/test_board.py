"""What a board tells by sysfs."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.domain import Heat
from agent.drivers.board import Board
from tests.unit.somebody_else import somebody_else

COOL = Heat(celsius=None, throttled=False, undervoltage=False)


def write(sysfs: Path, path: str, content: bytes) -> Path:
    file = sysfs / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def zone(sysfs: Path, number: int, content: bytes) -> Path:
    return write(sysfs, f"class/thermal/thermal_zone{number}/temp", content)


def firmware(sysfs: Path, flags: bytes) -> None:
    write(sysfs, "devices/platform/soc/soc:firmware/get_throttled", flags)


def hwmon(sysfs: Path, number: int, name: bytes, alarm: bytes) -> None:
    write(sysfs, f"class/hwmon/hwmon{number}/name", name)
    write(sysfs, f"class/hwmon/hwmon{number}/in0_lcrit_alarm", alarm)


def test_a_board_that_tells_nothing_is_cool(tmp_path: Path) -> None:
    assert Board(tmp_path).read() == COOL
    assert Board(tmp_path / "nothing").read() == COOL


def test_the_hottest_sensor_counts(tmp_path: Path) -> None:
    for number, content in enumerate((b"48312\n", b"61500\n", b"-5000\n")):
        zone(tmp_path, number, content)
    assert Board(tmp_path).read().celsius == 61.5


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\n",
        b"nan",
        b"inf",
        b"hot",
        b"61.5",
        b"-273000",
        b"999999",
        b"127000",
        b"\xff\x00\xfe",
        b"9" * 5000,
        b"0x1",
    ],
)
def test_what_is_no_temperature_is_left_out(tmp_path: Path, garbage: bytes) -> None:
    zone(tmp_path, 0, garbage)
    assert Board(tmp_path).read().celsius is None
    zone(tmp_path, 1, b"40000\n")
    assert Board(tmp_path).read().celsius == 40.0


def test_a_sensor_that_may_not_be_read_or_is_none_is_left_out(public: Path) -> None:
    zone(public, 0, b"90000\n").chmod(0)
    (public / "class/thermal/thermal_zone1/temp").mkdir(parents=True)
    zone(public, 2, b"40000\n")
    with somebody_else():
        assert Board(public).read() == Heat(40.0, throttled=False, undervoltage=False)


@pytest.mark.parametrize(
    ("flags", "throttled", "undervoltage"),
    [
        (b"0\n", False, False),
        (b"1\n", False, True),
        (b"2\n", True, False),
        (b"4\n", True, False),
        (b"8\n", False, False),  # a Pi 3B+ at 60 degrees
        (b"5\n", True, True),
        (b"50005\n", True, True),
        (b"0x50005\n", True, True),
        (b"f0000\n", False, False),  # has been, and is no more
        (b"", False, False),
        (b"error", False, False),
        (b"\xff\xff", False, False),
    ],
)
def test_a_raspberry_pi_tells_whether_it_is_slowed_down_or_lacks_voltage_now(
    tmp_path: Path, flags: bytes, throttled: bool, undervoltage: bool
) -> None:
    firmware(tmp_path, flags)
    assert Board(tmp_path).read() == Heat(None, throttled, undervoltage)


@pytest.mark.parametrize(
    ("name", "alarm", "undervoltage"),
    [
        (b"rpi_volt\n", b"1\n", True),
        (b"rpi_volt\n", b"0\n", False),
        (b"rpi_volt\n", b"", False),
        (b"nvme\n", b"1\n", False),
        (b"\xff", b"1\n", False),
    ],
)
def test_the_kernels_own_watch_over_the_voltage_counts_too(
    tmp_path: Path, name: bytes, alarm: bytes, undervoltage: bool
) -> None:
    hwmon(tmp_path, 0, b"cpu_thermal\n", b"1\n")
    hwmon(tmp_path, 1, name, alarm)
    assert Board(tmp_path).read().undervoltage is undervoltage
    assert not Board(tmp_path).read().throttled


def test_the_machine_that_runs_the_tests_can_be_read() -> None:
    celsius = Board().read().celsius
    assert celsius is None or -40 < celsius < 125
