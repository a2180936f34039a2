"""`python -m benchmarks.throughput`: frames a second of one core, from the camera's JPEG to the report on the disk.

By the processor's time, so that what else the machine does counts little; waiting for the disk is not in it.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import click

from agent import config
from agent.domain import Frame
from agent.drivers.simulated import SimulatedGps
from agent.errors import RecordingEnded
from agent.interfaces import Demand, Due, always
from agent.pipeline.pipeline import Pipeline
from agent.pipeline.place import Mounting
from agent.sources import Sources
from agent.store.store import Store
from benchmarks.footage import SIZES, decoded, instants, jpegs, patrol
from benchmarks.inference import Bare
from benchmarks.measure import Figure, line
from benchmarks.patrol import START, assemble, play
from benchmarks.stages import BOOT, PEER, bare_work

DRIVES = 5
# Each frame is looked at, by all six regions.
CONFIGURATION = """
[agent]
device = "bench"
[camera]
source = "simulator"
[gps]
source = "simulator"
[trigger]
every_m = 0
every_s = 0
[store]
directory = "{folder}"
[broker]
host = "localhost"
"""


def frames_a_second(size: str) -> Figure:
    """The whole pipeline into a real store, against the bare work on the same frames."""
    ours, peer, looked_at, reports = [], [], 0, 0
    frames = jpegs(size)
    with _one_core():
        bare = Bare()
        for _drive in range(DRIVES):
            seconds, pipeline = _drive_through(size)
            ours.append(len(frames) / seconds)
            looked_at, reports = pipeline.counters.looked_at, pipeline.filing.filed.reports
            began = time.process_time()
            for jpeg in frames:
                bare_work(bare, jpeg)
            peer.append(len(frames) / (time.process_time() - began))
    low, median, high = statistics.quantiles(ours, n=4)
    other = statistics.median(peer)
    note = f"{looked_at} of {len(frames)} frames looked at, {reports} reports"
    return Figure(f"one-core-{size}", median, other, PEER, median / other, "frames/s", (low, high), note)


FIGURES: tuple[Callable[[], Figure], ...] = tuple(partial(frames_a_second, size) for size in SIZES)


class _Footage:
    """Gives every frame as soon as it is read, as JPEG that is decoded then; implements `agent.interfaces.Camera`."""

    def __init__(self, size: str, name: str) -> None:
        self._name = name
        self._rest = iter(list(zip(instants(), jpegs(size), strict=True)))

    def open(self) -> None:
        """See Camera."""

    def read(self, timeout: float, due: Due = always) -> Frame | None:
        """See Camera."""
        for seconds, jpeg in self._rest:
            if due(self._name, seconds, None) is Demand.NOW:
                return Frame(decoded(jpeg), START + timedelta(seconds=seconds), seconds, self._name)
        raise RecordingEnded

    def close(self) -> None:
        """See Camera."""


def _drive_through(size: str) -> tuple[float, Pipeline]:
    """Seconds of the processor that it took, and what did it."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        path = Path(folder) / "agent.toml"
        path.write_text(CONFIGURATION.format(folder=folder), encoding="utf-8")
        settings = config.load(path)
        name = settings.camera.name
        sources = Sources(_Footage(size, name), SimulatedGps(patrol(), START), BOOT, {name: Mounting()})
        store = Store(Path(folder))
        pipeline = assemble(settings, sources, store)
        began = time.process_time()
        play(pipeline)
        took = time.process_time() - began
        store.close()
    return took, pipeline


@contextmanager
def _one_core() -> Iterator[None]:
    """Every thread of this process, those of the libraries too, on one core."""
    before = os.sched_getaffinity(0)
    _pin({max(before)})
    try:
        yield
    finally:
        _pin(before)


def _pin(cores: set[int]) -> None:
    for thread in os.listdir("/proc/self/task"):
        os.sched_setaffinity(int(thread), cores)


def main() -> None:
    """Measure these alone."""
    for measure in FIGURES:
        click.echo(line(measure()))


if __name__ == "__main__":
    main()
