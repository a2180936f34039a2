"""Whether pictures may go over the network that is there: some cost nothing, others so much a month at most."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from agent.interfaces import Meter
from agent.store.quota import MEGABYTE
from agent.store.traffic import Traffic

log = logging.getLogger(__name__)

WRITTEN = 60.0  # seconds between two times that the counter is written down: a flash disk wears out


class Allowance:
    """Counts what goes over the networks that cost something. Used by one thread."""

    def __init__(self, traffic: Traffic, meter: Meter, free: Sequence[str] = (), month_mb: int | None = None) -> None:
        """`free` are patterns of network interfaces (`wlan*`) that cost nothing; None for no limit on the others."""
        self._traffic = traffic
        self._meter = meter
        self._free = free
        self._limit = None if month_mb is None else month_mb * MEGABYTE
        self._seen: dict[str, int] = {}  # bytes, by network, that were counted
        self._counted = 0  # bytes that are not written down yet
        self._written = float("-inf")  # seconds, monotonic
        self._spent = 0  # bytes this month, as written down
        self._said = True  # whether pictures may go, as the log says

    @property
    def spent(self) -> int | None:
        """Bytes this month over networks that cost something; None where there is no limit, and nobody counts."""
        return None if self._limit is None else self._spent + self._counted

    @property
    def holds(self) -> bool:
        """Whether pictures wait for a network that costs nothing, or for the next month."""
        return not self._said

    def pictures(self) -> bool:
        """Whether pictures may go now. Raises StoreError."""
        if self._limit is None:
            return True
        self._count()
        network = self._meter.network
        may = network is not None and (self._is_free(network) or (self.spent or 0) < self._limit)
        if network is not None and may != self._said:
            self._said = may
            log.info("%s: %s", network, "pictures go" if may else "pictures wait for a free network or the next month")
        return may

    def finish(self) -> None:
        """Write down what was counted. Raises StoreError."""
        if self._limit is not None:
            self._written = float("-inf")
            self._count()

    def _count(self) -> None:
        for network, total in self._meter.usage().items():
            if not self._is_free(network):
                self._counted += total - self._seen.get(network, 0)
            self._seen[network] = total
        now = time.monotonic()
        if now - self._written > WRITTEN:
            self._spent = self._traffic.add(f"{datetime.now(UTC):%Y-%m}", self._counted)
            self._counted, self._written = 0, now

    def _is_free(self, network: str) -> bool:
        return any(fnmatchcase(network, pattern) for pattern in self._free)
