"""`python -m benchmarks.stages`: what a frame costs, stage by stage, beside the bare work on it.

The bare work is to decode it, and to resize and invoke for each of the six regions of the road.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import click
import msgspec

from agent.domain import WHOLE_FRAME, Fix, Frame, Glimpse, Observation, Pixels, Position, Region
from agent.drivers.simulated import SimulatedGps
from agent.drivers.tflite import TfliteClassifier
from agent.manifest import load_manifest
from agent.pipeline.aggregate import Aggregator
from agent.pipeline.anonymise import Identity
from agent.pipeline.classify import cut, look
from agent.pipeline.dating import Dating
from agent.pipeline.filing import Filing
from agent.pipeline.locate import Fixes
from agent.pipeline.place import Mounting
from agent.pipeline.quality import Gate, Settings
from agent.pipeline.regions import road
from agent.plane import moved
from agent.routing import Routing
from agent.store.store import Store
from agent.zones.zones import Zones
from benchmarks.footage import SECONDS, SIZES, decoded, drawn, instants, jpegs, patrol
from benchmarks.inference import Bare
from benchmarks.measure import Figure, compare, line
from benchmarks.patrol import START

ROAD = road(0.3)
PEER = "bare decode + six invokes"
ROUNDS = 200
KEPT = 20  # frames as pixels, which are large
NORTH = 60.0  # metres from one commit to the next, so that each is of another defect
BOOT = "01934f5e-0000-4000-8000-000000000000"


def decode(size: str) -> Figure:
    """A JPEG in memory, as an MJPEG camera gives it, to its pixels."""
    frames = cycle(jpegs(size))
    kilobytes = sum(map(len, jpegs(size))) / len(jpegs(size)) / 1000
    figure = _beside(f"decode-{size}", size, lambda: decoded(next(frames)))
    return msgspec.structs.replace(figure, note=f"JPEGs of {kilobytes:.0f} kB")


def gate(size: str) -> Figure:
    """Whether the frame is worth looking at."""
    frames, judge = _frames(size), Gate(Settings()).judge
    return _beside(f"gate-{size}", size, lambda: judge(next(frames), "front", True))


def six_regions(size: str) -> Figure:
    """The looks at the regions of the road."""
    return _inference(f"inference-road-{size}", size, ROAD)


def whole(size: str) -> Figure:
    """One look at the whole frame."""
    return _inference(f"inference-whole-{size}", size, (WHOLE_FRAME,))


def aggregate() -> Figure:
    """A frame's looks into the runs that they belong to."""
    aggregator, seen = Aggregator(load_manifest()), _glimpsed()
    drive = cycle(seen)

    def add() -> None:
        frame, glimpse = next(drive)
        if glimpse is seen[0][1]:
            aggregator.flush()
        aggregator.add(frame, glimpse)

    return _beside("aggregate", "720p", add)


def place_and_commit() -> Figure:
    """An observation to its place, its team, whether it is known, and its report, durable on disk."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        store = Store(Path(folder))
        found = islice(cycle(_observed()), ROUNDS + 10)
        waiting = iter([(_filing(store, number * NORTH), one) for number, one in enumerate(found)])

        def commit() -> None:
            filing, observation = next(waiting)
            filing.add(observation, Mounting())
            filing.commit(SECONDS)

        figure = _beside("place-and-commit", "720p", commit)
        note = f"of an observation, not of each frame; {store.outbox.last()} reports"
        store.close()
    return msgspec.structs.replace(figure, note=note)


FIGURES: tuple[Callable[[], Figure], ...] = (
    *(partial(stage, size) for size in SIZES for stage in (decode, gate, six_regions, whole)),
    aggregate,
    place_and_commit,
)


def bare_work(bare: Bare, jpeg: bytes) -> None:
    """What must be done at least."""
    pixels = decoded(jpeg)
    for region in ROAD:
        bare.invoke(cut(pixels, region))


def _beside(name: str, size: str, ours: Callable[[], object]) -> Figure:
    bare, frames = Bare(), cycle(jpegs(size))
    return compare(f"stage-{name}", ours, lambda: bare_work(bare, next(frames)), PEER, rounds=ROUNDS)


def _inference(name: str, size: str, regions: Sequence[Region]) -> Figure:
    frames, classifier = _frames(size), TfliteClassifier(load_manifest())
    return _beside(name, size, lambda: look(next(frames), classifier, regions))


def _frames(size: str) -> Iterator[Pixels]:
    return cycle([decoded(jpeg) for jpeg in jpegs(size)[:KEPT]])


def _glimpsed() -> list[tuple[Frame, Glimpse]]:
    """What is seen of each frame."""
    classifier, found = TfliteClassifier(load_manifest()), []
    for seconds, pixels in zip(instants(), drawn(), strict=True):
        here, speed, track = patrol().place(seconds), patrol().speed(seconds), patrol().track(seconds)
        glimpse = Glimpse(seconds, Position("gnss", *here, 0.0, 5.0, speed, track), look(pixels, classifier, ROAD))
        found.append((Frame(pixels, START + timedelta(seconds=seconds), seconds, "front"), glimpse))
    return found


def _observed() -> list[Observation]:
    aggregator = Aggregator(load_manifest())
    return [one for seen in _glimpsed() for one in aggregator.add(*seen)] + aggregator.flush()


def _filing(store: Store, north: float) -> Filing:
    """For a patrol that was driven so many metres farther north."""
    fixes, dating, manifest = Fixes(), Dating(), load_manifest()
    told = [_shifted(fix, north) for fix in _told()]
    fixes.add(told)
    dating.hear(told)
    teams = {label.id: label.team or "" for label in manifest.labels}
    routing = Routing({}, {}, teams, {label.id: label.severity or "low" for label in manifest.labels})
    return Filing(store, manifest, Identity("bench", BOOT), fixes, dating, routing=routing, zones=Zones().at)


def _told() -> Sequence[Fix]:
    gps = SimulatedGps(patrol(), START)
    gps.open()
    return gps.take(math.inf)


def _shifted(fix: Fix, north: float) -> Fix:
    lat, lon = moved(fix.lat, fix.lon, north, 0.0)
    return replace(fix, lat=lat, lon=lon)


def main() -> None:
    """Measure these alone."""
    for measure in FIGURES:
        click.echo(line(measure()))


if __name__ == "__main__":
    main()
