"""What becomes of drawn patrols whose truth is known: `python -m benchmarks.patrol [SEED...]`.

Each is driven twice round a route with a tunnel and stops, through the real pipeline into a real store, frame by frame.
"""

from __future__ import annotations

import dataclasses
import math
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from agent import config
from agent.assembly import build_pipeline
from agent.config import Config
from agent.domain import Region
from agent.drivers.tflite import TfliteClassifier
from agent.errors import RecordingEnded
from agent.manifest import load_manifest
from agent.pipeline.pipeline import Pipeline
from agent.routingtable import load_routing
from agent.simulation.score import score
from agent.simulation.truth import truth
from agent.sources import Sources, drawn, simulated
from agent.store.store import Store
from agent.sync.messages import feature
from agent.zones.zones import Zones

START = datetime(2026, 5, 12, 9, 0, tzinfo=UTC)
SECONDS = 420.0  # of a patrol: the whole route, and half of it again
TUNNEL = (760.0, 880.0)  # metres
STOPS = ((250.0, 14.0),)  # metres driven, seconds
CONFIG = """
[agent]
device = "bench-01"
[camera]
source = "simulator"
regions = {regions}
[gps]
source = "simulator"
[simulator]
seed = {seed}
seconds = {seconds}
start = {start}
weather = "{weather}"
tunnel = {tunnel}
stops = {stops}
outages = {outages}
[store]
directory = "{directory}"
[broker]
host = "localhost"
{further}
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Case:
    """What is driven."""

    seed: int
    weather: str = "clear"
    outages: tuple[str, ...] = ()
    regions: str | tuple[Region, ...] = "road"
    further: str = ""  # sections of the configuration


def drive(case: Case, directory: Path) -> tuple[list[dict[str, Any]], dict[str, Any], Pipeline]:
    """The reports that the centre would be told of, the truth, and the pipeline that made them."""
    text = CONFIG.format(
        seed=case.seed,
        seconds=SECONDS,
        start=START.isoformat(),
        weather=case.weather,
        tunnel=list(TUNNEL),
        stops=[list(stop) for stop in STOPS],
        outages=msgspec.json.encode(case.outages).decode(),
        directory=directory,
        regions=msgspec.json.encode(case.regions).decode(),
        further=case.further,
    )
    path = directory / "agent.toml"
    path.write_text(text, encoding="utf-8")
    settings = config.load(path)
    store = Store(directory)
    pipeline = assemble(settings, simulated(settings, math.inf), store)
    play(pipeline)
    now = datetime.now(UTC)
    told = [msgspec.json.decode(feature(entry, now)) for entry in store.outbox.entries()]
    pipeline.finish()
    store.close()
    return told, truth(drawn(settings), START), pipeline


def assemble(settings: Config, sources: Sources, store: Store) -> Pipeline:
    """The pipeline with the shipped model, in no zone."""
    classifier, zones = TfliteClassifier(load_manifest()), Zones()
    routing = load_routing(settings, classifier.manifest, zones)
    return build_pipeline(settings, sources, store, classifier, zones=zones, routing=routing)


def play(pipeline: Pipeline) -> None:
    """To the end of the recording."""
    with suppress(RecordingEnded):
        while True:
            pipeline.step()


def main(seeds: Sequence[int]) -> None:
    """Drive each, and print what became of it."""
    found = []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            told, true, pipeline = drive(Case(seed), Path(folder))
        marks = score(told, true, load_manifest().kinds)
        found.append(marks)
        click.echo(f"{seed} {dataclasses.asdict(marks)}")
        click.echo(f"    {pipeline.counters} {pipeline.filing.filed}")
    runs = sum(one.runs for one in found)
    right = sum(one.once + one.again for one in found)
    click.echo(f"{right} of {runs} runs ended as they should: {right / runs:.3f}")


if __name__ == "__main__":
    main([int(seed) for seed in sys.argv[1:]] or [1, 2])
