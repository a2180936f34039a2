"""Builds every part from the configuration, runs the two loops, and says each second how they are."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from types import FrameType

import msgspec

from agent import __version__, health
from agent.assembly import build_pipeline
from agent.config import Config
from agent.diagnosis import judge
from agent.drivers.board import Board
from agent.drivers.camera import CameraState
from agent.drivers.cameras import LiveCameras
from agent.drivers.gpsd import GpsdReceiver, ReceiverState
from agent.drivers.mqtt import MqttConnection
from agent.drivers.network import Network
from agent.drivers.outages import FlakyCamera
from agent.drivers.paced import Paced
from agent.drivers.recording import PictureFolder
from agent.drivers.systemd import Notifier
from agent.drivers.tflite import TfliteClassifier
from agent.errors import ConfigError, DamagedStore, StoreError
from agent.manifest import load_manifest
from agent.pipeline.heat import Cooling
from agent.routingtable import load_routing
from agent.sources import build_sources
from agent.store.lock import StoreLock, create_directory
from agent.store.quota import MEGABYTE, Limits
from agent.store.store import open_whole
from agent.sync.allowance import Allowance
from agent.sync.delivery import Delivery
from agent.sync.messages import farewell
from agent.sync.topics import topic
from agent.vitals import Vitals
from agent.worker import Worker
from agent.zones.zones import Zones

log = logging.getLogger(__name__)

BEAT = 1.0  # seconds between two words on how we are
LAST_TRY = 1.8  # seconds that the loops have to end in an orderly way
CAMERA_BACKOFF = 1.0  # seconds at most between two looks whether cameras that are away came back by themselves
TIDY = 60.0  # seconds between two times that the store is put in order
DAY = 86_400  # seconds
MOVING = 30.0  # seconds within which every loop must come back from its step


def find_faults(config: Config, path: Path | None = None) -> list[str]:
    """What would keep the daemon from starting, as far as it can be seen without starting.

    `path` is the file that the configuration was read from.
    """
    parts: list[Callable[[], object]] = [
        lambda: TfliteClassifier(load_manifest(config.model.name), config.model.runtime),
        lambda: build_sources(config),
        lambda: MqttConnection(config.broker, config.agent.device),
        lambda: load_routing(config, load_manifest(config.model.name), Zones.load(config.store_directory), path),
    ]
    faults: list[str] = []
    for part in parts:
        try:
            part()
        except ConfigError as error:
            faults += error.faults
    return list(dict.fromkeys(faults))  # a wrong model is met twice


class Daemon:
    """The whole agent."""

    def __init__(self, config: Config, path: Path | None = None) -> None:
        """Build everything. Raises ConfigError and StoreError; nothing runs yet.

        `path` is the file that the configuration was read from.
        """
        self._config = config
        self._tidied = time.monotonic()  # seconds
        self._rate = 1.0  # how much rarer than usual frames are looked at
        self._mute = False  # the status file can not be written, and that was said
        self._stop = Event()
        self._driver_crashed = Event()
        self._notifier = Notifier()
        manifest = load_manifest(config.model.name)
        self._classifier = TfliteClassifier(manifest, config.model.runtime, config.model.threads)
        zones = Zones.load(config.store_directory)
        routing = load_routing(config, manifest, zones, path)
        self._sources = build_sources(config)
        boot = self._sources.boot
        device, broker = config.agent.device, config.broker
        connection = MqttConnection(
            broker,
            client_id=device,
            subscriptions=[topic(broker.prefix, device, "ack")],
            will=farewell(broker.prefix, device),
        )
        create_directory(config.status_file.parent)
        self._lock = StoreLock(config.store_directory)
        kept = config.store
        limits = Limits(kept.quota_mb * MEGABYTE, kept.free_mb * MEGABYTE, kept.log_mb * MEGABYTE)
        self._store = open_whole(config.store_directory, limits)
        self._board = Board()
        self._cooling = Cooling(config.thermal.hot_c, config.thermal.cool_c)
        self._pipeline = build_pipeline(
            config,
            self._sources,
            self._store,
            self._classifier,
            zones=zones,
            routing=routing,
            rate=lambda: self._rate,
        )
        sync = config.sync
        self._allowance = Allowance(self._store.traffic, connection, sync.free_networks, sync.month_mb)
        self._delivery = Delivery(
            self._store,
            connection,
            device,
            broker.prefix,
            window=sync.window,
            resend_after=sync.resend_after_s,
            diagnose=lambda: msgspec.json.encode(judge(config)),
            may_send_pictures=self._allowance.pictures,
            facts={"boot": boot, "version": __version__, "model": f"{manifest.name} {manifest.version}"},
        )
        self._workers = {
            "pipeline": Worker("agent.pipeline", self._pipeline.step, self._pipeline.finish, CAMERA_BACKOFF),
            "sync": Worker(
                "agent.sync",
                lambda: self._delivery.step(time.monotonic()),
                self._end_delivery,
                hurry=Network(broker.host, broker.port).came_back,
            ),
        }

        # Not the sources' own: by it the last word is told from one before a power cut.
        self._vitals = Vitals(
            config,
            health.boot_id(),
            classifier=self._classifier,
            pipeline=self._pipeline,
            delivery=self._delivery,
            allowance=self._allowance,
            cooling=self._cooling,
            pipeline_worker=self._workers["pipeline"],
            sync_worker=self._workers["sync"],
            receiver=self._receiver_state,
            unreadable=self._unreadable,
            cameras=self._camera_states,
        )

    def run(self) -> int:
        """Work until a signal, the end of a recording that is wholly delivered, or a bug; the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        threading.excepthook = self._on_thread_crash
        for worker in self._workers.values():
            worker.start()
        log.info("%s started, %s, model %s", self._config.agent.device, __version__, self._classifier.runtime)
        self._notifier.ready()
        self._beat()
        while not self._stop.wait(BEAT) and not self._crashed() and not self._done():
            self._beat()
            self._tidy()
            if self._store.is_gone():
                log.critical("the store's file was removed or replaced; ending, so that a new one is begun")
                break
            if self._is_damaged() and self._store.mark_damaged():
                log.critical("the store is damaged; ending, so that the next start saves what can be read of it")
                break
        self._notifier.stopping()
        # First the pipeline, whose last reports sync may still deliver.
        deadline = time.monotonic() + LAST_TRY
        for name, worker in self._workers.items():
            worker.stop.set()
            if not worker.join(max(0.1, deadline - time.monotonic())):
                log.warning("%s did not end in time; what was committed is kept", name)
        filed = self._pipeline.filing.filed
        log.info("ended: %d reports found, %d delivered", filed.reports, self._delivery.counters.settled)
        self._beat()
        self._lock.release()
        if self._crashed():
            return 1
        return StoreError.exit_code if self._store.is_gone() or self._is_damaged() or filed.lost else 0

    def _end_delivery(self) -> None:
        try:
            self._delivery.finish(time.monotonic())
        finally:
            self._allowance.finish()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stop.set()

    def _on_thread_crash(self, crash: threading.ExceptHookArgs) -> None:
        """A driver's own reader died of a bug: better a restart than a receiver that stays silent for ever."""
        if crash.exc_value is not None:
            log.critical("a driver died of a bug", exc_info=crash.exc_value)
        self._driver_crashed.set()

    def _receiver_state(self) -> ReceiverState | None:
        gps = self._sources.gps
        return gps.state() if isinstance(gps, GpsdReceiver) else None

    def _unreadable(self) -> int:
        camera = self._sources.camera
        camera = camera.camera if isinstance(camera, FlakyCamera) else camera
        camera = camera.recording if isinstance(camera, Paced) else camera
        return len(camera.skipped) if isinstance(camera, PictureFolder) else 0

    def _camera_states(self) -> tuple[CameraState, ...]:
        camera = self._sources.camera
        return camera.state() if isinstance(camera, LiveCameras) else ()

    def _crashed(self) -> bool:
        return self._driver_crashed.is_set() or any(worker.crash for worker in self._workers.values())

    def _is_damaged(self) -> bool:
        troubles = [worker.trouble and worker.trouble.error for worker in self._workers.values()]
        return any(isinstance(error, DamagedStore) for error in (*troubles, self._pipeline.filing.trouble))

    def _done(self) -> bool:
        try:
            return self._pipeline.ended.is_set() and self._store.outbox.counts(since=0).pending == 0
        except StoreError:
            return False  # the loops meet it too, and say so

    def _tidy(self) -> None:
        if time.monotonic() - self._tidied < TIDY:
            return
        self._tidied = time.monotonic()
        try:
            self._store.tidy(before=time.time() - self._config.store.keep_days * DAY)
        except StoreError as error:
            log.debug("%s", error)  # the loops meet it too, and say so

    def _beat(self) -> None:
        now = time.monotonic()
        self._rate = self._cooling.factor(self._board.read())
        if all(worker.ended or now - worker.moved < MOVING for worker in self._workers.values()):
            self._notifier.alive()
        try:
            health.write(self._config.status_file, self._vitals.health(now))
        except StoreError as error:
            log.log(logging.DEBUG if self._mute else logging.WARNING, "%s", error)
            self._mute = True
        else:
            self._mute = False
