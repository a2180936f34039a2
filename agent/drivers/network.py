"""The way to the broker: whether there is one again, which network it goes over, and what it has carried."""

from __future__ import annotations

import socket
import struct
import time

import ifaddr

EVERY = 2.0  # seconds between two looks while there is no way
SELDOM = 15.0  # seconds between two looks while there is one, and it is the broker that is not well
TIMEOUT = 1.5  # seconds
HEADERS = 52  # bytes of IPv4 and TCP with its time stamps, on each packet
# Of struct tcp_info, linux/tcp.h: it only grows at its end.
BYTES_RECEIVED, PACKETS, BYTES_SENT = (128, "=Q"), (136, "=II"), (200, "=Q")
TCP_INFO_SIZE = 208
RETRANSMITS = 2
STUCK = 3  # times that a packet was sent again without an answer: TCP is going to wait for seconds, and ever longer


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
        before = self._reachable
        return self._looked(SELDOM) and not before

    def is_there(self) -> bool:
        """Whether somebody answers at the address; not more than now and then, however often it is called."""
        return self._looked(EVERY)

    def _looked(self, again: float) -> bool:
        """Look, unless that was done of late; the next time after `again` seconds where somebody answers."""
        if time.monotonic() < self._next:
            return False
        self._reachable = self._look()
        self._next = time.monotonic() + (again if self._reachable else EVERY)
        return self._reachable

    def _look(self) -> bool:
        try:
            socket.create_connection(self._address, TIMEOUT).close()
        except ConnectionRefusedError:
            return True  # the machine answers
        except OSError:
            return False
        return True


def interface(address: str) -> str:
    """The network interface that has the address, which is one of this machine; empty where it is not there."""
    for adapter in ifaddr.get_adapters():
        for one in adapter.ips:
            if address == (one.ip if isinstance(one.ip, str) else one.ip[0]):
                return adapter.name
    return ""


def stuck(connection: socket.socket) -> bool:
    """Whether what was sent is lost again and again, so that it is sent ever more seldom (RFC 6298, 5.5).

    Raises OSError where it is closed.
    """
    return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_SIZE)[RETRANSMITS] >= STUCK


def carried(connection: socket.socket) -> int:
    """Bytes that a TCP connection has taken of the network, both ways, with headers and what was sent again.

    Raises OSError where it is closed; 0 where the kernel is too old to say (Linux 4.19).
    """
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_SIZE)
    if len(info) < TCP_INFO_SIZE:
        return 0
    (received,), packets, (sent,) = (
        struct.unpack_from(form, info, offset) for offset, form in (BYTES_RECEIVED, PACKETS, BYTES_SENT)
    )
    return int(received + sent + HEADERS * sum(packets))
