"""Two weeks without the broker: what a vehicle finds fits the quota, and all of it arrives afterwards.

By hand: `python -m tests.system.fortnight [SCALE]`, 1 for the whole of it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click
import numpy as np

from agent.config import Broker as Settings
from agent.domain import Blurring, Evidence
from agent.store import quota
from agent.store.quota import Limits
from agent.store.store import Store, open_whole
from tests.integration.broker import Broker
from tests.integration.centre import Centre
from tests.integration.receiver import wait_until
from tests.system.vehicle import courier
from tests.unit.builders import DEVICE, identifier, report

DAYS, HOURS, REPORTS = 14, 10, 200  # of driving a day, found an hour
QUOTA = 2_000_000_000  # bytes
PICTURE = 100_000  # bytes: 1280 x 720 pixels of a street
LOOK = 25  # reports between two looks at the disk
ARRIVING = 3600.0  # seconds at most


class Fortnight:
    """A vehicle that comes home after two weeks."""

    def __init__(self, directory: Path, scale: float = 1.0) -> None:
        """`scale` of the quota and of what is found."""
        self.quota = int(QUOTA * scale)
        self.found = int(DAYS * HOURS * REPORTS * scale)
        self.largest = 0  # bytes that the store's folder took at any time
        self._directory = directory
        (directory / "broker").mkdir()
        self._broker = Broker(directory / "broker", persistent=True)
        self._store: Store = open_whole(directory / "vehicle", Limits(self.quota, free=0))
        self._centre = Centre(directory, self._broker.port)

    def drive(self) -> None:
        """Find all of it."""
        random = np.random.default_rng(1)
        facts = Blurring("faces 1", 0, 0)
        for number in range(1, self.found + 1):
            picture = Evidence(random.bytes(int(random.normal(PICTURE, PICTURE / 5))), 1280, 720, facts)
            severity = str(random.choice(["low", "normal", "urgent"], p=[0.5, 0.4, 0.1]))
            found = replace(report(number, severity=severity), observed_at=datetime.now(UTC))
            self._store.append(replace(found, evidence=picture.facts, evidence_withheld=None), picture)
            if number % LOOK == 0:
                self.largest = max(self.largest, self._taken())

    def come_home(self) -> None:
        """The broker is there again: until everything has arrived."""
        self._broker.start()
        self._centre.start()
        # What is published before anybody has subscribed is for nobody.
        wait_until(lambda: "SUBSCRIBE" in self._broker.log, 30)
        worker = courier(self._store, Settings(host="127.0.0.1", port=self._broker.port, tls=False), DEVICE)
        worker.start()
        end = time.monotonic() + ARRIVING
        while time.monotonic() < end and worker.crash is None and self._waits():
            time.sleep(0.2)
            self.largest = max(self.largest, self._taken())
        worker.stop.set()
        worker.join(5.0)

    def missing(self) -> set[str]:
        """Reports that the centre has not."""
        held = {feature["id"] for feature in self._centre.reports()}
        return {identifier(number) for number in range(1, self.found + 1)} - held

    @property
    def pictures_dropped(self) -> int:
        """Reports that went without their picture for want of room."""
        return [one["properties"]["evidence_withheld"] for one in self._centre.reports()].count("quota")

    def close(self) -> None:
        """End everything."""
        self._centre.close()
        self._broker.close()
        self._store.close()

    def _taken(self) -> int:
        return sum(quota.size(path) for path in (self._directory / "vehicle").rglob("*") if path.is_file())

    def _waits(self) -> bool:
        waiting = self._store.outbox.counts(0).pending or self._store.pictures.pending(1)
        return bool(waiting or self._store.losses.pending(1))


def main(scale: float) -> int:
    """0 where the quota held and everything arrived."""
    with tempfile.TemporaryDirectory(prefix="fidamia-fortnight-") as folder:
        begun = time.monotonic()
        with closing(Fortnight(Path(folder), scale)) as fortnight:
            fortnight.drive()
            driven = time.monotonic()
            fortnight.come_home()
            home = time.monotonic()
            missing, dropped = len(fortnight.missing()), fortnight.pictures_dropped
    percent = 100 * fortnight.largest / fortnight.quota
    times = f"found in {driven - begun:.0f} s, all but {missing} arrived in {home - driven:.0f} s"
    click.echo(f"{fortnight.found} reports {times}")
    click.echo(f"{percent:.1f} % of {fortnight.quota / 1e6:.0f} MB taken at most, {dropped} pictures dropped for it")
    return 0 if not missing and percent <= 101 else 1


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0))
