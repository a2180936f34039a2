"""`python -m benchmarks.merging DRIVE`: whether each stretch of damaged road of a recorded drive is reported, and once.

The drive has `frames/`, `frames.csv` with the share of each frame that is crack, and `track.nmea`. It goes through the
real pipeline into a real store. A run is of frames whose share is above a threshold, with gaps of some metres at most;
a report is of the run in which the frame lies that showed it best.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path

import click
import msgspec

from agent import config, plane
from agent.demo.configuration import ROAD
from agent.domain import Region, Report
from agent.pipeline.regions import road
from agent.sources import build_sources
from agent.store.store import Store
from benchmarks.patrol import assemble, play

THRESHOLDS = (0.005, 0.01, 0.015)  # of the frame is crack
GAPS = (6.0, 12.0)  # metres between two frames of a run
LEEWAY = 4.0  # metres before and after a run at which the frame of its report may be
LABELS = ("road_crack", "pothole")  # one group: the truth knows that there is damage, not what to call it
HORIZON = 0.3
CLOSE = 10.0  # metres between two reports of one label that should be one
HEADS = ("share", "gap", "runs", "found", ">1 frame", "found", "reports", "no run", "doubles", "close")
CONFIGURATION = """
[agent]
device = "bench"
[camera]
source = {frames}
regions = {regions}
[gps]
source = {track}
[trigger]
every_m = {every}
[aggregate]
reach_m = {reach}
gap_m = {gap}
min_frames = 2
[store]
directory = {store}
[broker]
host = "localhost"
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """A frame, as the truth has it."""

    seconds: float
    metres: float
    share: float  # of it that is crack


@dataclass(frozen=True, slots=True)
class Run:
    """Frames of one stretch of damaged road."""

    begin: float  # metres
    end: float  # metres
    frames: int

    def holds(self, metres: float) -> bool:
        """Whether that is a place of it."""
        return self.begin - LEEWAY <= metres <= self.end + LEEWAY


@dataclass(frozen=True, slots=True)
class Setting:
    """How the drive is looked at."""

    every: float  # metres
    reach: float  # metres
    gap: float  # metres
    regions: Sequence[Region]


def _frames(drive: Path) -> list[Seen]:
    with (drive / "frames.csv").open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        return [Seen(float(row["seconds"]), float(row["metres"]), float(row["crack_fraction"])) for row in rows]


def _runs(frames: Sequence[Seen], share: float, gap: float) -> list[Run]:
    runs: list[Run] = []
    for frame in frames:
        if frame.share <= share:
            continue
        if runs and frame.metres - runs[-1].end <= gap:
            runs[-1] = Run(runs[-1].begin, frame.metres, runs[-1].frames + 1)
        else:
            runs.append(Run(frame.metres, frame.metres, 1))
    return runs


def _replay(drive: Path, setting: Setting) -> tuple[list[Report], str]:
    """The reports, and what the pipeline did."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "agent.toml"
        text = CONFIGURATION.format(
            frames=_toml(str(drive / "frames")),
            regions=_toml(setting.regions),
            track=_toml(str(drive / "track.nmea")),
            every=setting.every,
            reach=setting.reach,
            gap=setting.gap,
            store=_toml(folder),
        )
        path.write_text(text, encoding="utf-8")
        settings = config.load(path)
        store = Store(Path(folder))
        pipeline = assemble(settings, build_sources(settings), store)
        play(pipeline)
        reports = [entry.report for entry in store.outbox.entries()]
        store.close()
    counters, filed = pipeline.counters, pipeline.filing.filed
    refused = dict(counters.refused)
    return reports, f"{counters.looked_at} frames looked at, refused {refused}; joined to a known one {filed.same}"


def _table(frames: Sequence[Seen], reports: Sequence[Report], reach: float) -> None:
    click.echo("  " + "".join(f"{head:>9}" for head in HEADS))
    at = sorted(_metres(frames, one) for one in reports if one.label in LABELS)
    close = sum(_are_close(one, other) for one, other in combinations(reports, 2))
    for share, gap in product(THRESHOLDS, GAPS):
        runs = _runs(frames, share, gap)
        counts = [sum(run.holds(metres) for metres in at) for run in runs]
        longer = [count for run, count in zip(runs, counts, strict=True) if run.frames > 1]
        astray = sum(not any(run.holds(metres) for run in runs) for metres in at)
        # What goes on for longer than the reach is reported again, and rightly.
        rightly = [1 + int((run.end - run.begin) // reach) for run in runs]
        doubles = sum(max(0, count - right) for count, right in zip(counts, rightly, strict=True))
        found = sum(count > 0 for count in counts)
        cells = (len(runs), found, len(longer), sum(count > 0 for count in longer), len(at), astray, doubles, close)
        click.echo(f"  {share:>9.1%}{gap:>7.0f} m" + "".join(f"{cell:>9}" for cell in cells))


def _metres(frames: Sequence[Seen], report: Report) -> float:
    """Driven at the frame that showed it best."""
    assert report.monotonic is not None
    seconds = report.monotonic
    return min(frames, key=lambda one: abs(one.seconds - seconds)).metres


def _are_close(one: Report, other: Report) -> bool:
    apart = plane.distance(one.position, other.position)
    return one.label == other.label and apart is not None and apart < CLOSE


def _toml(value: object) -> str:
    return msgspec.json.encode(value).decode()


@click.command()
@click.argument("drive", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--every", "everies", multiple=True, type=float, default=(0.0, config.Trigger().every_m), help="Metres.")
@click.option("--reach", "reaches", multiple=True, type=float, default=(config.Aggregate().reach_m,), help="Metres.")
@click.option("--gap", "gaps", multiple=True, type=float, default=(config.Aggregate().gap_m,), help="Metres.")
@click.option("--distance", is_flag=True, help="Look at the three parts of the distance too.")
@click.option("--reports", "name_them", is_flag=True, help="Name each report.")
def main(  # noqa: PLR0913, PLR0917 - the options
    drive: Path,
    everies: tuple[float, ...],
    reaches: tuple[float, ...],
    gaps: tuple[float, ...],
    distance: bool,
    name_them: bool,
) -> None:
    """Replay it, once for each setting."""
    frames = _frames(drive)
    # Never the whole frame: a logo is burnt into its upper edge.
    regions = road(HORIZON)[1:] if distance else ROAD
    for setting in (Setting(*one, regions) for one in product(everies, reaches, gaps)):
        reports, done = _replay(drive, setting)
        click.echo(f"\nevery {setting.every:g} m, reach_m {setting.reach:g}, gap_m {setting.gap:g}: {done}")
        _table(frames, reports, setting.reach)
        for one in reports if name_them else ():
            where = f"{_metres(frames, one):>5.0f} m  {one.frames:>2} frames  {one.decision:<9}  {one.label}"
            click.echo(f"  {where} {one.probability:.2f}, placed to {one.position.accuracy:.1f} m")


if __name__ == "__main__":
    sys.exit(main())
