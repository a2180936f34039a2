"""From the vehicle's disk to the centre's over 80 ms with TLS: a backlog, a new report meanwhile, a tunnel's end.

Its peers bring the same reports to the same broker, one a message, as they do without the agent.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from agent.config import Broker as Settings
from agent.store.quota import Limits
from agent.store.store import Store, open_whole
from agent.sync.messages import feature
from benchmarks.measure import Figure
from benchmarks.reports import report
from tests.authority import Authority
from tests.integration.broker import Broker, free_port
from tests.integration.centre import Centre
from tests.integration.receiver import wait_until
from tests.system.proxy import Link, Weather
from tests.system.radio import Radio
from tests.system.vehicle import courier

REPORTS = 10_000
DELAY = 0.04  # seconds, each way
EVERY = 0.1  # seconds between two new reports while the backlog drains
TUNNELS, SHORTEST, STEP = 16, 2.0, 3.5  # tunnels, and seconds of the first, and by which each is longer
DEVICE = "bench"
LIMITS = Limits(10_000_000_000, 0)
PATIENCE = 300.0  # seconds


@dataclass(frozen=True, slots=True)
class Place:
    """A broker with TLS behind a link, and the centre at it."""

    directory: Path
    link: Link
    broker: Broker
    authority: Authority

    def settings(self) -> Settings:
        """Of the device."""
        ca = str(self.authority.directory / "ca.pem")
        return Settings(host="127.0.0.1", port=self.link.port, ca=ca, **self.authority.of(DEVICE))  # type: ignore[arg-type]


def drain() -> Figure:
    """A backlog, until the centre has acknowledged all of it, against mosquitto's bridge."""
    return _against("drain-10000", _bridge, "mosquitto's bridge, as it comes")


def drain_paho() -> Figure:
    """The same against paho's client, publishing in a loop."""
    return _against("drain-10000-paho", _paho, "paho's publish in a loop, QoS 1")


def bytes_on_the_wire() -> Figure:
    """What a report takes of the network, TLS and answers included, against its own GeoJSON."""
    with _place() as place:
        _seconds, carried = _drain(place)
    ours, peer = carried / REPORTS, float(_size())
    return Figure("bytes-a-report", ours, peer, "its GeoJSON", ours / peer, "bytes")


def live() -> Figure:
    """From its commit until the centre has it, of a new report while the backlog drains; 95 of 100 are faster."""
    with _place() as place:
        store = _filled(place)
        delays: list[float] = []
        with _delivering(store, place.settings()):
            ids: dict[str, float] = {}
            while store.outbox.pending(0, 1, until=REPORTS):
                one = report()
                store.append(one)
                ids[one.id] = time.monotonic()
                time.sleep(EVERY)
                delays += _settled(store, ids)
            while ids:
                delays += _settled(store, ids)
        store.close()
    return _p95("live-while-draining", delays)


def after_tunnel() -> Figure:
    """From the end of a tunnel until the report that was found in it is acknowledged. Needs the rights of root."""
    delays = []
    with (
        tempfile.TemporaryDirectory(dir=Path.cwd()) as folder,
        closing(Radio()) as radio,
        radio.other_end(Path(folder), DEVICE) as settings,
        closing(open_whole(Path(folder) / "vehicle", LIMITS)) as store,
        _delivering(store, settings),
    ):
        for number in range(TUNNELS):
            # As on the road: a report found before, and one within.
            for weather in (Weather(delay=DELAY), Weather(black=True)):
                wait_until(lambda: store.outbox.counts(0).pending == 0, 60)
                radio.weather = weather
                store.append(report())
            time.sleep(SHORTEST + STEP * number)
            began = time.monotonic()
            radio.weather = Weather(delay=DELAY)
            while store.outbox.counts(0).pending:
                time.sleep(0.01)
            delays.append(time.monotonic() - began)
    return _p95("first-after-tunnel", delays)


def _against(name: str, other: Callable[[Place], float], other_name: str) -> Figure:
    """The backlog drained by the agent and by another, each in a place of its own."""
    with _place() as place:
        ours = _drain(place)[0]
    with _place() as place:
        peer = other(place)
    return Figure(name, ours, peer, other_name, ours / peer, "s")


def _p95(name: str, delays: list[float]) -> Figure:
    cuts = statistics.quantiles(delays, n=20, method="inclusive")
    note = f"median {statistics.median(delays):.2f} s of {len(delays)}"
    return Figure(name, cuts[18], None, "none", None, "s", (cuts[0], max(delays)), note)


def _settled(store: Store, ids: dict[str, float]) -> Iterator[float]:
    """Take those that the centre has from `ids`; how long each took."""
    for name, began in list(ids.items()):
        if _state(store, name) == "settled":
            del ids[name]
            yield time.monotonic() - began


def _state(store: Store, name: str) -> str:
    entry = store.outbox.find(name)
    return entry.state if entry else ""


def _size() -> int:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        store.append(report())
        (entry,) = store.outbox.pending(0, 1)
        store.close()
    return len(feature(entry, datetime.now(UTC)))


@contextmanager
def _place() -> Iterator[Place]:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        directory = Path(folder)
        directory.chmod(0o755)
        (directory / "certificates").mkdir()
        (directory / "broker").mkdir()
        authority = Authority(directory / "certificates")
        authority.certificate("server", "IP:127.0.0.1")
        authority.certificate(DEVICE, f"DNS:{DEVICE}")
        secured = free_port()
        settings = "allow_anonymous true\nmax_queued_messages 0\n"
        settings += f"listener {secured} 127.0.0.1\n{authority.listener('server')}"
        broker = Broker(directory / "broker", settings)
        broker.start()
        link = Link(secured)
        link.weather = Weather(delay=DELAY)
        centre = Centre(directory, broker.port)
        try:
            centre.start()
            wait_until(lambda: "SUBSCRIBE" in broker.log, 30)
            yield Place(directory, link, broker, authority)
        finally:
            centre.close()
            link.close()
            broker.close()


def _filled(place: Place) -> Store:
    store = open_whole(place.directory / "vehicle", LIMITS)
    with store._database.transaction():
        for _ in range(REPORTS):
            store.outbox.append(report())
    return store


@contextmanager
def _delivering(store: Store, settings: Settings) -> Iterator[None]:
    worker = courier(store, settings, DEVICE)
    worker.start()
    try:
        yield
    finally:
        worker.stop.set()
        worker.join(10)
        if worker.crash is not None:
            raise worker.crash


def _drain(place: Place) -> tuple[float, int]:
    """Seconds, and bytes on the wire."""
    store = _filled(place)
    began, before = time.monotonic(), place.link.carried
    with _delivering(store, place.settings()):
        if not wait_until(lambda: store.outbox.counts(0).pending == 0, PATIENCE):
            raise RuntimeError("the backlog did not drain")
        seconds = time.monotonic() - began
    store.close()
    return seconds, place.link.carried - before


class _Arrivals:
    """Counts what arrives at the broker, next to it."""

    def __init__(self, place: Place) -> None:
        self.count = 0
        self.all = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.on_message = self._on_message
        self._client.on_connect = lambda client, *_: client.subscribe("bench/#", 1)
        self._client.connect("127.0.0.1", place.broker.port)
        self._client.loop_start()
        time.sleep(0.5)

    def _on_message(self, *_arguments: object) -> None:
        self.count += 1
        if self.count >= REPORTS:
            self.all.set()

    def wait(self) -> None:
        """Until all have arrived."""
        if not self.all.wait(PATIENCE):
            raise RuntimeError(f"{self.count} of {REPORTS} arrived")
        self._client.loop_stop()


def _bridge(place: Place) -> float:
    """Seconds that mosquitto's bridge takes for the same reports."""
    arrivals, at = _Arrivals(place), place.authority.directory
    place.link.weather = Weather(closed=True)
    (place.directory / "bridge").mkdir()
    bridge = Broker(
        place.directory / "bridge",
        "allow_anonymous true\nmax_queued_messages 0\nconnection up\nrestart_timeout 1\n"
        f"address 127.0.0.1:{place.link.port}\ntopic bench/# out 1\nbridge_protocol_version mqttv50\n"
        f"bridge_cafile {at}/ca.pem\nbridge_certfile {at}/{DEVICE}.pem\nbridge_keyfile {at}/{DEVICE}.key\n",
    )
    bridge.start()
    try:
        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        client.connect("127.0.0.1", bridge.port)
        client.loop_start()
        _publish(client)
        began = time.monotonic()
        place.link.weather = Weather(delay=DELAY)
        arrivals.wait()
        return time.monotonic() - began
    finally:
        bridge.close()


def _paho(place: Place) -> float:
    """Seconds that a plain loop over paho takes."""
    arrivals, at = _Arrivals(place), place.authority.directory
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.tls_set(f"{at}/ca.pem", f"{at}/{DEVICE}.pem", f"{at}/{DEVICE}.key")
    began = time.monotonic()
    client.connect("127.0.0.1", place.link.port)
    client.loop_start()
    _publish(client)
    arrivals.wait()
    seconds = time.monotonic() - began
    client.loop_stop()
    return seconds


def _publish(client: paho.Client) -> None:
    """Every report, a message each; returns when the broker that the client is connected to has all."""
    payload = b"x" * _size()
    sent = [client.publish("bench/reports", payload, qos=1) for _ in range(REPORTS)]
    for one in sent:
        one.wait_for_publish(PATIENCE)
