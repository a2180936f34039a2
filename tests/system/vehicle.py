"""The agent without its camera: finds drawn defects as fast as it is told to, and writes down what it has committed.

All that follows the camera is the product's own: store, delivery, connection, workers.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import time_machine
import uuid6

from agent import config, logs
from agent.config import Broker
from agent.domain import Blurring, Candidate, Evidence, ModelIdentity, Position, Report
from agent.drivers.mqtt import MqttConnection
from agent.drivers.network import Network
from agent.errors import DamagedStore, StoreError
from agent.store.lock import StoreLock
from agent.store.quota import Limits
from agent.store.store import Store, open_whole
from agent.sync.delivery import Delivery
from agent.sync.messages import farewell
from agent.sync.topics import topic
from agent.worker import Worker

log = logging.getLogger("vehicle")

SIZE = 640, 360  # pixels
SEVERITIES = ("low", "normal", "urgent")
YEARS = 8 * 365 * 86_400.0  # seconds


class Finder:
    """Finds a defect a step, some with a picture, and notes each once it is committed."""

    LINE = "sequence", "id", "hash of the picture"  # of the journal

    def __init__(self, store: Store, device: str, journal: Path, pictures: Path, pause: float) -> None:
        self._store = store
        self._device = device
        self._journal = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOCTTY, 0o640)
        self._pause = pause
        self._random = random.Random()
        # Drawn elsewhere: OpenCV does not start with libfiu around it.
        self._pictures = [path.read_bytes() for path in sorted(pictures.glob("*.jpg"))]

    def step(self) -> None:
        """Raises StoreError; what was found is then lost, as it was never committed."""
        time.sleep(self._random.expovariate(1 / self._pause))
        evidence = None
        if self._random.random() < 0.3:
            evidence = Evidence(self._random.choice(self._pictures), *SIZE, Blurring("drawn", 0, 0))
        report = Report(
            id=str(uuid6.uuid7()),
            device=self._device,
            boot="5ab4a44d-6d8d-4e6d-9d5c-0d8f8a8f8b01",
            observed_at=datetime.now(UTC),
            clock="unknown",
            clock_error=None,
            label="pothole",
            probability=0.9,
            decision="accepted",
            candidates=(Candidate("pothole", 0.9), Candidate("no_defect", 0.1)),
            severity=self._random.choice(SEVERITIES),
            frames=1,
            region=(0.0, 0.0, 1.0, 1.0),
            position=Position("none"),
            commune=None,
            team=None,
            model=ModelIdentity("defects", "0", "0" * 64),
            evidence_withheld=None if evidence else "no_anonymiser",
            evidence=evidence.facts if evidence else None,
        )
        sequence = self._store.append(report, evidence)
        picture = evidence.facts.sha256 if evidence else "-"
        os.write(self._journal, f"{sequence} {report.id} {picture}\n".encode())

    def finish(self) -> None:
        os.close(self._journal)


def courier(store: Store, broker: Broker, device: str, resend_after: float = 60.0) -> Worker:
    """What brings a store's reports to the centre; not yet started."""
    connection = MqttConnection(
        broker,
        client_id=device,
        subscriptions=[topic(broker.prefix, device, "ack")],
        will=farewell(broker.prefix, device),
    )
    delivery = Delivery(store, connection, device, broker.prefix, resend_after=resend_after)
    return Worker(
        "sync",
        lambda: delivery.step(time.monotonic()),
        lambda: delivery.finish(time.monotonic()),
        hurry=Network(broker.host, broker.port).came_back,
    )


def jump() -> None:
    """The clock is years off from now on, as after a flat battery, or a wrong week of the receiver."""
    time_machine.travel(time.time() + random.uniform(-YEARS, YEARS)).start()


def main(path: str, journal: str, pictures: str, pause: str, quota_mb: str) -> int:
    """Until a signal; the exit code as that of `fidamia run`."""
    settings = config.load(Path(path))
    logs.configure("INFO")
    device, broker = settings.agent.device, settings.broker
    try:
        lock = StoreLock(settings.store_directory)
        store = open_whole(settings.store_directory, Limits(int(quota_mb) * 1_000_000, 0))
    except StoreError as error:
        log.error("%s", error)
        return StoreError.exit_code
    finder = Finder(store, device, Path(journal), Path(pictures), float(pause))
    workers = [
        Worker("finder", finder.step, finder.finish),
        courier(store, broker, device, resend_after=settings.sync.resend_after_s),
    ]
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_arguments: stop.set())
    signal.signal(signal.SIGUSR1, lambda *_arguments: jump())
    for worker in workers:
        worker.start()
    code = 0
    while not stop.wait(0.2):
        if any(worker.crash for worker in workers):
            code = 1
            break
        troubles = [worker.trouble and worker.trouble.error for worker in workers]
        if any(isinstance(trouble, DamagedStore) for trouble in troubles) and store.mark_damaged():
            code = StoreError.exit_code
            break
    for worker in workers:
        worker.stop.set()
        worker.join(2.0)
    lock.release()
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
