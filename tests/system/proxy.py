"""A link between vehicle and broker that obeys physics: delay, rate, tunnels with the socket left open, cuts."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass, field

PIECE = 4096  # bytes that are read at once
HELD = 256 * 1024  # bytes on their way, before the sender has to wait, as in any link
TICK = 0.002  # seconds


@dataclass(slots=True)
class Weather:
    """How the link is."""

    delay: float = 0.0  # seconds, each way
    rate: float = 0.0  # bytes per second, each way; 0: as fast as the machine
    black: bool = False  # nothing arrives, and nobody is told
    closed: bool = False  # whoever calls is refused


@dataclass(slots=True)
class _Way:
    """One direction of a connection."""

    source: socket.socket
    target: socket.socket
    held: deque[tuple[float, bytes]] = field(default_factory=deque)  # when it may arrive, and what
    free: float = 0.0  # seconds, monotonic: when the link has passed on what it has
    ended: bool = False  # the source has nothing more to say

    def size(self) -> int:
        """Bytes on their way."""
        return sum(len(piece) for _, piece in self.held)


class Link:
    """Listens on a port of its own and passes on to another. Runs on a thread."""

    def __init__(self, port: int) -> None:
        """`port` is the broker's."""
        self._to = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self.weather = Weather()
        self.carried = 0  # bytes, both ways
        self._ways: list[_Way] = []
        self._cut = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Break all connections at once; both sides are told."""
        self._cut.set()
        while self._cut.is_set() and self._thread.is_alive():
            time.sleep(TICK)

    def close(self) -> None:
        """End."""
        self._stop.set()
        self._thread.join(5)
        self._listener.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            if self._cut.is_set():
                self._end_all()
                self._cut.clear()
            self._accept()
            moved = False
            if not self.weather.black:
                for way in list(self._ways):
                    moved |= self._carry(way)
            if not moved:
                self._wait()
        self._end_all()

    def _wait(self) -> None:
        """Until something can be read, or for a moment."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            if not self.weather.black:
                for way in self._ways:
                    if not way.ended and way.source.fileno() >= 0 and way.size() < HELD:
                        selector.register(way.source, selectors.EVENT_READ)
            selector.select(TICK)

    def _accept(self) -> None:
        try:
            client, _address = self._listener.accept()
        except BlockingIOError:
            return
        if self.weather.closed:
            _reset(client)
            return
        try:
            broker = socket.create_connection(self._to, 1.0)
        except OSError:
            _reset(client)
            return
        for one in (client, broker):
            one.setblocking(False)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._ways += [_Way(client, broker), _Way(broker, client)]

    def _carry(self, way: _Way) -> bool:
        """Take in and hand on what the link lets through; whether anything moved."""
        now, moved = time.monotonic(), False
        try:
            if not way.ended and way.size() < HELD:
                try:
                    piece = way.source.recv(PIECE)
                except BlockingIOError:
                    piece = None
                if piece:
                    begun = max(now, way.free)
                    way.free = begun + (len(piece) / self.weather.rate if self.weather.rate else 0.0)
                    way.held.append((way.free + self.weather.delay, piece))
                    moved = True
                elif piece == b"":
                    way.ended = True
            while way.held and way.held[0][0] <= now:
                due, piece = way.held.popleft()
                try:
                    sent = way.target.send(piece)
                except BlockingIOError:
                    sent = 0
                self.carried += sent
                moved |= sent > 0
                if sent < len(piece):
                    way.held.appendleft((due, piece[sent:]))
                    break
            if way.ended and not way.held:
                self._end(way)
        except OSError:
            self._end(way)
        return moved

    def _end(self, way: _Way) -> None:
        """Break the connection that the way belongs to, both ways."""
        ends = {way.source, way.target}
        self._ways = [other for other in self._ways if other.source not in ends]
        for one in ends:
            _reset(one)

    def _end_all(self) -> None:
        while self._ways:
            self._end(self._ways[0])


def _reset(connection: socket.socket) -> None:
    connection.close()
