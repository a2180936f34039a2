"""A radio link between the vehicle, here, and broker and centre in a network of their own.

Its packets are late, or lost without a word. Unlike a proxy's, its connections are those of the two ends: what a tunnel
loses, their kernels send again, ever later.
"""

from __future__ import annotations

import fcntl
import os
import selectors
import struct
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agent.config import Broker as Settings
from tests.authority import Authority
from tests.integration.broker import Broker, free_port
from tests.integration.centre import Centre
from tests.integration.receiver import wait_until
from tests.system.proxy import Weather

# linux/if_tun.h: one packet a read or write, with nothing before it.
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
LARGEST = 2048  # bytes of a packet
HELD = 200  # packets on their way, before the next is lost
TICK = 0.002  # seconds


class Radio:
    """The link, on a thread. Needs the rights of root."""

    here, there = "10.213.7.1", "10.213.7.2"  # addresses of the ends

    def __init__(self) -> None:
        """Raises OSError or subprocess.CalledProcessError where this machine does not allow it."""
        self.weather = Weather()
        self._name = f"fidamia-{os.getpid()}"  # of the network at the other end
        self._stop = threading.Event()
        self._ends = [_tunnel(f"fd{os.getpid()}-{end}") for end in (0, 1)]
        _ip("netns", "add", self._name)
        try:
            _ip("link", "set", f"fd{os.getpid()}-1", "netns", self._name)
            _ip("addr", "add", self.here, "peer", self.there, "dev", f"fd{os.getpid()}-0")
            _ip("link", "set", f"fd{os.getpid()}-0", "up")
            for words in (
                ("addr", "add", self.there, "peer", self.here, "dev", f"fd{os.getpid()}-1"),
                ("link", "set", f"fd{os.getpid()}-1", "up"),
                ("link", "set", "lo", "up"),
            ):
                _ip("-n", self._name, *words)
        except subprocess.CalledProcessError:
            self.close()
            raise
        self._thread = threading.Thread(target=self._run, name="radio", daemon=True)
        self._thread.start()

    @contextmanager
    def other_end(self, directory: Path, device: str) -> Iterator[Settings]:
        """Broker and centre at the other end, until the block ends; how the device reaches them."""
        for name in ("broker", "certificates"):
            (directory / name).mkdir()
        authority = Authority(directory / "certificates")
        authority.certificate("server", f"IP:{self.there}")
        authority.certificate(device, f"DNS:{device}")
        port, inside = free_port(), ["ip", "netns", "exec", self._name]
        settings = f"allow_anonymous true\nlistener {port} {self.there}\n{authority.listener('server')}"
        broker = Broker(directory / "broker", settings, inside=inside)
        centre = Centre(directory, broker.port, inside)
        try:
            broker.start()
            centre.start()
            wait_until(lambda: "SUBSCRIBE" in broker.log, 30)
            ca = str(authority.directory / "ca.pem")
            yield Settings(host=self.there, port=port, ca=ca, **authority.of(device))  # type: ignore[arg-type]
        finally:
            centre.close()
            broker.close()

    def close(self) -> None:
        """Take it down."""
        self._stop.set()
        with suppress(AttributeError):
            self._thread.join(5)
        for end in self._ends:
            os.close(end)
        _ip("netns", "del", self._name)

    def _run(self) -> None:
        ways = [(self._ends[0], self._ends[1]), (self._ends[1], self._ends[0])]
        held: list[deque[tuple[float, bytes]]] = [deque(), deque()]  # when it may arrive, and what
        free = [0.0, 0.0]  # seconds, monotonic: when the link has passed on what it has
        with selectors.DefaultSelector() as selector:
            for number, end in enumerate(self._ends):
                selector.register(end, selectors.EVENT_READ, number)
            while not self._stop.is_set():
                for key, _ in selector.select(TICK):
                    packet = os.read(key.fd, LARGEST)
                    weather, number = self.weather, key.data
                    if weather.black or len(held[number]) >= HELD:
                        continue
                    began = max(time.monotonic(), free[number])
                    free[number] = began + (len(packet) / weather.rate if weather.rate else 0.0)
                    held[number].append((free[number] + weather.delay, packet))
                for number, (_source, target) in enumerate(ways):
                    while held[number] and held[number][0][0] <= time.monotonic():
                        packet = held[number].popleft()[1]
                        if not self.weather.black:
                            os.write(target, packet)


def _tunnel(name: str) -> int:
    """A network interface of that name, whose packets are read and written here."""
    end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    return end


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
