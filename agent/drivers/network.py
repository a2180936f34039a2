"""Is there a way to the broker again? Asked while a connection is waited for, so that a tunnel's end is noticed."""

from __future__ import annotations

import socket
import time

EVERY = 2.0  # seconds between two looks while there is no way
SELDOM = 15.0  # seconds between two looks while there is one, and it is the broker that is not well
TIMEOUT = 1.5  # seconds


class Network:
    """The way to one address. Used by one thread."""

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port
        self._reachable = True  # until a look says otherwise
        self._next = 0.0  # seconds, monotonic

    def came_back(self) -> bool:
        """Whether somebody answers at the address, be it to refuse, where nobody did at the last look.

        Looks now and then only, however often it is called.
        """
        now = time.monotonic()
        if now < self._next:
            return False
        before, self._reachable = self._reachable, self._look()
        self._next = time.monotonic() + (SELDOM if self._reachable else EVERY)
        return self._reachable and not before

    def _look(self) -> bool:
        try:
            socket.create_connection(self._address, TIMEOUT).close()
        except ConnectionRefusedError:
            return True  # the machine answers
        except OSError:
            return False
        return True
