"""The live source of fixes: a gpsd daemon, polled through gpsd-py3 by one thread that outlives every fault of it."""

from __future__ import annotations

import json
import logging
import random
import socket
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime

import gpsd

from agent.domain import Fix
from agent.drivers.epochs import Answer, Epoch, Epochs, Instants, fix_of, parse
from agent.drivers.track import RefusedFix
from agent.i18n import _

KEPT = 6000  # fixes that wait to be taken: ten minutes of a fast receiver
SHORTEST_PAUSE, LONGEST_PAUSE = 0.5, 3.0  # seconds between two attempts to connect
LONGEST_LINE = 65_536  # characters; gpsd's own limit is 10 240 (GPS_JSON_RESPONSE_MAX)
POLLS, SHORTEST_INTERVAL = 4, 0.02  # polls an epoch, so that its end is seen; seconds between two polls

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReceiverState:
    """How the receiver does, for people who ask."""

    connected: bool
    since: float  # seconds, on time.monotonic(): when `connected` last changed
    error: str | None = None  # what is wrong now, as a sentence
    satellites: int | None = None  # used in the fix
    refused: int = 0  # epochs whose position or time could not be true


class _Stream:
    """The stream that gpsd-py3 writes to and reads from: it never blocks for long, and keeps the raw answer.

    The library cannot tell an absent field from 0, nor the end of the connection from a broken answer.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._file = connection.makefile(mode="rw", encoding="utf-8")
        self.answer = Answer()

    def write(self, text: str) -> None:
        self._file.write(text)

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def readline(self) -> str:
        """The next answer to a poll. Raises OSError where the connection is lost, ValueError on nonsense."""
        line = self.expect("POLL")
        self.answer = parse(line)
        return line

    def expect(self, kind: str) -> str:
        """The next line of that class, passing over those that gpsd sends unasked. Raises as `readline`."""
        while line := self._file.readline(LONGEST_LINE):
            if len(line) == LONGEST_LINE:
                raise ValueError("its lines have no end")
            message = json.loads(line)
            if not isinstance(message, dict) or message.get("class") == "ERROR":
                raise ValueError("it refuses the request")
            if message.get("class") == kind:
                return line
        raise ConnectionResetError("it closed the connection")


class GpsdReceiver:
    """Fixes from gpsd; implements `agent.interfaces.Gps`. One a process: gpsd-py3 keeps its socket in its module.

    An own thread polls gpsd every `interval` seconds (oftener for a receiver that needs it), drops a gpsd
    that is broken or silent for `timeout` seconds, and connects again after a jittered pause.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 2947,
        latency: float = 0.2,
        timeout: float = 3.0,
        interval: float = 0.2,
    ) -> None:
        """`latency`: seconds from the instant of a fix until gpsd tells it, at best."""
        self._address = (host, port)
        self._timeout = timeout
        self._interval = self._pace = interval
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._socket: socket.socket | None = None
        self._fixes: deque[Fix] = deque(maxlen=KEPT)
        self._instants = Instants(latency)
        # Replaced whole by the thread and never changed, so that readers need no lock.
        self._state = ReceiverState(connected=False, since=time.monotonic())
        self._refusing = False
        self._last: datetime | None = None  # the receiver's time at the last fix
        self._active = 0.0  # seconds, monotonic: when gpsd last had an active receiver

    def open(self) -> None:
        """Start. Neither waits for gpsd nor raises where it is away: the thread tries again for ever."""
        if self._thread is not None:
            return
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(self._stop,), name="gpsd", daemon=True)
        self._thread.start()

    def take(self, _monotonic: float) -> Sequence[Fix]:
        """The fixes that came since the last call, in order. Never blocks."""
        taken = []
        while self._fixes:
            taken.append(self._fixes.popleft())
        return taken

    def state(self) -> ReceiverState:
        """How the receiver does. Never blocks."""
        return self._state

    def close(self) -> None:
        """Stop, within `timeout` seconds at worst. Safe to call twice."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stop.set()
        connection = self._socket
        if connection is not None:
            try:
                connection.shutdown(socket.SHUT_RDWR)  # wakes a read that waits for a frozen gpsd
            except OSError:
                log.debug("gpsd had closed the connection already.")
        thread.join(self._timeout + 1)

    def _run(self, stop: threading.Event) -> None:
        pause, place = SHORTEST_PAUSE, "{}:{}".format(*self._address)
        while not stop.is_set():
            try:
                self._talk(stop)
            except TimeoutError:
                self._failed(_("gpsd has not answered for {seconds:g} s").format(seconds=self._timeout))
            except OSError as error:
                reason = error.strerror or str(error)
                self._failed(_("gpsd can not be reached at {place}: {reason}").format(place=place, reason=reason))
            except (ValueError, RecursionError) as error:
                self._failed(
                    _("what listens at {place} does not speak as gpsd: {reason}").format(place=place, reason=error)
                )
            finally:
                if self._state.connected:
                    pause = SHORTEST_PAUSE
                self._link(connected=False)
            # Jitter decorrelated from the pause before:
            # https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
            pause = min(LONGEST_PAUSE, random.uniform(SHORTEST_PAUSE, 3 * pause))
            stop.wait(pause)

    def _talk(self, stop: threading.Event) -> None:
        """Connect and poll until stopped. Raises OSError or ValueError where gpsd fails."""
        # gpsd.connect() has no timeout, so the connection is made here and lent to the library.
        with (
            socket.create_connection(self._address, self._timeout) as connection,
            closing(_Stream(connection)) as stream,
        ):
            self._socket = connection
            if stop.is_set():  # close() came before there was a connection to cut
                return
            gpsd.gpsd_socket, gpsd.gpsd_stream = connection, stream
            stream.expect("VERSION")
            stream.write('?WATCH={"enable":true}\n')
            stream.flush()
            stream.expect("WATCH")
            self._link(connected=True)
            self._active = time.monotonic()
            epochs = Epochs()
            while not stop.is_set():
                self._poll(stream, epochs)
                stop.wait(self._pace)

    def _poll(self, stream: _Stream, epochs: Epochs) -> None:
        try:
            response = gpsd.get_current()
        except UserWarning:
            # Also the answer of a healthy gpsd that has just opened its device.
            if time.monotonic() - self._active > self._timeout:
                self._failed(_("gpsd has no active receiver"))
            return
        except (KeyError, IndexError, TypeError):
            self._failed(_("gpsd answers without a report of its receiver"))
            return
        now = self._active = time.monotonic()
        counted = bool(stream.answer.sky) and stream.answer.sky[-1].satellites is not None
        self._state = replace(self._state, satellites=response.sats_valid if counted else None)
        if self._state.error is not None:
            self._state = replace(self._state, error=None)
            log.info("gpsd answers again.")
        epoch = epochs.add(stream.answer.tpv[-1], now)  # the last receiver, as gpsd-py3 takes it
        if epoch is not None:
            self._publish(epoch)

    def _publish(self, epoch: Epoch) -> None:
        try:
            fix = fix_of(epoch.tpv, epoch.seen)
        except RefusedFix as error:
            level = logging.DEBUG if self._refusing else logging.WARNING
            log.log(level, "A fix of the receiver was refused: %s.", error)
            self._refusing = True
            self._state = replace(self._state, refused=self._state.refused + 1)
            return
        if self._refusing:
            self._refusing = False
            log.info("The receiver gives usable fixes again.")
        if self._last is not None:
            period = (fix.at - self._last).total_seconds()
            self._pace = min(self._interval, max(SHORTEST_INTERVAL, period / POLLS))
        self._last = fix.at
        self._fixes.append(replace(fix, monotonic=self._instants.of(fix.at, fix.monotonic)))

    def _link(self, connected: bool) -> None:
        if connected != self._state.connected:
            self._state = replace(self._state, connected=connected, since=time.monotonic(), satellites=None)

    def _failed(self, sentence: str) -> None:
        if self._stop.is_set():  # the connection was cut by close()
            return
        log.log(logging.WARNING if self._state.error is None else logging.DEBUG, "%s", sentence)
        self._state = replace(self._state, error=sentence, satellites=None)
