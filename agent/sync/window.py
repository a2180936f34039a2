"""How much may be on its way at once: as much as the link takes without making its answers late."""

from __future__ import annotations

SMALLEST = 4 * 1024  # bytes: even a link of 8 kbit/s takes that in a few seconds
BEGIN = 64 * 1024  # bytes
STEP = 64 * 1024  # bytes more for each window that was answered in time
LATE = 1.0  # seconds beyond the quickest answer: the link's queue is filling


class Window:
    """Additive increase, multiplicative decrease (as TCP does it, RFC 5681), on the time of the centre's answers."""

    def __init__(self, most: int) -> None:
        """`most` bytes on their way at any time."""
        self._most = most
        self.restart()

    @property
    def size(self) -> int:
        """Bytes that may be on their way."""
        return int(self._size)

    def restart(self) -> None:
        """On a new connection, which may be another link."""
        self._size = float(min(BEGIN, self._most))
        self._quickest = float("inf")
        self._shrunk = float("-inf")  # seconds, monotonic

    def answered(self, size: int, sent: float, now: float) -> None:
        """`size` bytes that were sent at `sent` were answered at `now` (monotonic seconds)."""
        took = now - sent
        self._quickest = min(self._quickest, took)
        if took > self._quickest + LATE:
            if sent > self._shrunk:  # what was sent before is late for the old size
                self._shrink(now)
        else:
            self._size = min(self._most, self._size + STEP * size / self._size)

    def lost(self, now: float) -> None:
        """Something was not answered at all."""
        self._shrink(now)

    def _shrink(self, now: float) -> None:
        self._size = max(SMALLEST, self._size / 2)
        self._shrunk = now
