"""The computer's own clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from agent.drivers.clock import SystemClock

LOST = datetime(1970, 1, 1, 0, 1, tzinfo=UTC)  # where a computer without a battery begins its day


def rtc(directory: Path, content: bytes) -> Path:
    path = directory / "hctosys"
    path.write_bytes(content)
    return path


def test_it_tells_the_time_and_says_by_whom_it_was_set(tmp_path: Path) -> None:
    for path, unset in ((rtc(tmp_path, b"1\n"), "rtc"), (tmp_path / "none", "unknown")):
        before, monotonic = datetime.now(UTC), time.monotonic()
        found = SystemClock(path)()
        assert before <= found.at <= datetime.now(UTC)
        assert monotonic <= found.monotonic <= time.monotonic()
        # Only this computer's kernel knows which it is.
        assert found.source in ("ntp", unset)
        assert (found.error is None) == (found.source == unset)
        assert found.error is None or 0 <= found.error < 3600


@pytest.mark.parametrize("when", [LOST, datetime(2019, 12, 31, tzinfo=UTC), datetime(2080, 1, 2, tzinfo=UTC)])
def test_a_time_that_can_not_be_true_is_by_no_clock_at_all(tmp_path: Path, when: datetime) -> None:
    with time_machine.travel(when, tick=False):
        found = SystemClock(rtc(tmp_path, b"1\n"))()
    assert (found.at, found.source, found.error) == (when, "unknown", None)


class Kernel:
    """Answers adjtimex(2) as a kernel does whose clock is set, or is not."""

    def __init__(self, status: int, answer: int = 0) -> None:
        self._status, self._answer = status, answer

    def adjtimex(self, state: object) -> int:
        """Fills in the structure behind the reference."""
        timex = state._obj  # type: ignore[attr-defined] # of ctypes.byref()
        assert timex.modes == 0  # which reads, and sets nothing
        timex.status, timex.maxerror = self._status, 250_000
        return self._answer


@pytest.mark.parametrize(
    ("status", "content", "source", "error"),
    [
        (0x0001, b"1\n", "ntp", 0.25),
        (0x2001, b"0\n", "ntp", 0.25),
        (0x0040, b"1\n", "rtc", None),
        (0x0041, b"1", "rtc", None),
        (0x0040, b"0\n", "unknown", None),
        (0x0040, b"", "unknown", None),
        (0x0040, b"\xff\n", "unknown", None),
    ],
)
def test_the_kernel_says_whether_a_network_sets_it_else_its_battery_does_or_nothing(
    tmp_path: Path, status: int, content: bytes, source: str, error: float | None
) -> None:
    clock = SystemClock(rtc(tmp_path, content))
    clock._kernel = Kernel(status)  # type: ignore[assignment]
    found = clock()
    assert (found.source, found.error) == (source, error)
    assert abs(datetime.now(UTC) - found.at) < timedelta(seconds=5)


def test_a_kernel_that_does_not_answer_is_an_error(tmp_path: Path) -> None:
    clock = SystemClock(tmp_path / "none")
    clock._kernel = Kernel(0, answer=-1)  # type: ignore[assignment]
    with pytest.raises(OSError):  # noqa: PT011 - its number is that of whatever failed last
        clock()
