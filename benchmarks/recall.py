"""`python -m benchmarks.recall`: what looking at regions finds, and how often it is wrong, on drawn and real drives."""

from __future__ import annotations

import csv
import math
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt

from agent.config import Trigger
from agent.domain import NO_DEFECT, WHOLE_FRAME, Classification, Look, Pixels, Probabilities, Region
from agent.drivers.pictures import find_pictures, read_picture
from agent.drivers.tflite import TfliteClassifier
from agent.manifest import Manifest, load_manifest
from agent.pipeline.classify import cut, most_telling, weight
from agent.pipeline.regions import Rota, road
from agent.simulation.patrol import Patrol
from agent.simulation.score import score
from benchmarks.patrol import Case, drive

HORIZON = 0.3
SIZES = (0.0003, 0.002, 0.005, 0.01, 0.03, 1.0)  # fractions of the frame that a defect fills
EVERY = Trigger().every_m  # metres between two frames looked at
SECONDS = 120.0  # of a drawn patrol
FAULTS = ("missed", "several", "repeated", "unfounded")  # of agent.simulation.score
LOGO = 100  # rows at the top of the recorded drive's frames, which are no part of the street
LOOKS_DOWN = 0.17  # the horizon of the recorded drive, in what is left then


@dataclass(frozen=True, slots=True)
class Way:
    """A way to look at frames."""

    name: str
    regions: tuple[Region, ...]
    sharing: bool = True  # the parts looked at share the doubt that one look is allowed
    looks: int | None = None  # that there is time for in a frame; None for all


def _ways(horizon: float) -> tuple[Way, ...]:
    everything = road(horizon)
    halves = everything[1:3]
    return (
        Way("whole", (WHOLE_FRAME,)),
        Way("halves, each believed alone", halves, sharing=False),
        Way("halves", halves),
        Way("road, each believed alone", everything, sharing=False),
        Way("road", everything),
        Way("road, time for three looks", everything, looks=3),
        Way("road, time for two looks", everything, looks=2),
    )


Known = dict[Region, Probabilities]  # what each region looks like


class Gaze:
    """One way to look, over the frames of a drive; what each region looks like is known beforehand."""

    def __init__(self, way: Way, manifest: Manifest) -> None:
        self._way = way
        self._manifest = manifest
        self._looks = 0
        self._rota = Rota(way.regions, lambda: float(self._looks))  # its second is a look

    def decide(self, known: Known) -> Classification:
        looks = []
        for region in self._rota.turns(self._way.looks or math.inf):
            self._looks += 1
            looks.append(Look(region, known[region]))
        if self._way.sharing:
            return most_telling(looks, self._manifest)
        return max((most_telling([look], self._manifest) for look in looks), key=weight)


def _everywhere(pixels: Pixels, classifier: TfliteClassifier, horizon: float = HORIZON) -> Known:
    return {region: classifier.probabilities(cut(pixels, region)) for region in road(horizon)}


@dataclass(slots=True)
class _Tally:
    """What came of a way to look at the drawn patrols."""

    found: npt.NDArray[np.int64]  # frames by the size of their largest defect, with its label accepted
    shown: npt.NDArray[np.int64]  # frames by that size
    clean: int = 0  # frames
    alarms: int = 0  # clean frames in which something was accepted


def _drawn(seeds: Sequence[int], classifier: TfliteClassifier) -> None:
    bins = len(SIZES) - 1
    ways = _ways(HORIZON)
    tallies = [_Tally(np.zeros(bins, np.int64), np.zeros(bins, np.int64)) for _way in ways]
    for seed in seeds:
        patrol = Patrol(seed, SECONDS)
        instants = list(_instants(patrol))
        seen = [_everywhere(patrol.frame(seconds, 1280, 720), classifier) for seconds in instants]
        for way, tally in zip(ways, tallies, strict=True):
            gaze = Gaze(way, classifier.manifest)
            decisions = [gaze.decide(known) for known in seen]
            _count_frames(tally, patrol, instants, decisions)
    heads = " ".join(f"{size:>6.1%}" for size in SIZES[:-1])
    click.echo(f"drawn patrols {list(seeds)}: frames recognised by the defect's share of the frame, from")
    click.echo(f"{'':<28} {heads}   alarms in {tallies[0].clean} clean")
    for way, tally in zip(ways, tallies, strict=True):
        recall = " ".join(f"{part:6.2f}" for part in tally.found / np.maximum(1, tally.shown))
        click.echo(f"{way.name:<28} {recall}   {tally.alarms:>8} ({tally.alarms / max(1, tally.clean):4.1%})")
    click.echo(f"{'(frames)':<28} " + " ".join(f"{count:>6}" for count in tallies[0].shown))


def _instants(patrol: Patrol) -> Iterator[float]:
    """When a frame is looked at: every so many metres, of five frames a second."""
    last = -EVERY
    for number in range(int(patrol.duration * 5)):
        metres = patrol.metres(number / 5)
        if metres - last >= EVERY:
            last = metres
            yield number / 5


def _count_frames(
    tally: _Tally, patrol: Patrol, instants: Sequence[float], decisions: Sequence[Classification]
) -> None:
    for seconds, decision in zip(instants, decisions, strict=True):
        in_sight = [(_size(region), defect.label) for defect, region in patrol.in_sight(seconds, SIZES[0])]
        if not in_sight:
            tally.clean += 1
            tally.alarms += decision.decision == "accepted"
            continue
        size, label = max(in_sight)
        row = int(np.searchsorted(SIZES, min(size, 0.99), "right")) - 1
        tally.shown[row] += 1
        tally.found[row] += decision.decision == "accepted" and decision.best.label == label


def _size(region: Region) -> float:
    """Of the rectangle around a defect, as a fraction of the frame."""
    left, top, right, bottom = region
    return (right - left) * (bottom - top)


def _reported(seeds: Sequence[int]) -> None:
    """What becomes of drawn patrols as a whole, by where is looked in their frames."""
    click.echo(f"\ndrawn patrols {list(seeds)}: what became of each defect in sight, and of the reports")
    click.echo(f"{'':<28}   runs  right " + " ".join(f"{what:>9}" for what in FAULTS) + "  off (median)")
    everything = road(HORIZON)
    for name, regions in (("whole", everything[:1]), ("halves", everything[1:3]), ("road", everything)):
        marks = []
        for seed in seeds:
            with tempfile.TemporaryDirectory() as folder:
                told, true, _pipeline = drive(Case(seed, regions=regions), Path(folder))
            marks.append(score(told, true))
        runs = sum(one.runs for one in marks)
        right = sum(one.once + one.again for one in marks)
        faults = " ".join(f"{sum(getattr(one, what) for one in marks):>9}" for what in FAULTS)
        off = statistics.median(one.outside.median or 0.0 for one in marks)
        click.echo(f"{name:<28} {runs:>6} {right / runs:>6.1%} {faults} {off:>9.1f} m")


def _recorded(drive: Path, classifier: TfliteClassifier) -> None:
    """The share of cracks in a frame is known, and no frame is without: how well are many told from few?"""
    with (drive / "frames.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    shares = np.array([float(row["crack_fraction"]) for row in rows])
    pictures = [read_picture(drive / "frames" / row["frame"], 720).pixels[LOGO:] for row in rows]
    seen = [_everywhere(pixels, classifier, LOOKS_DOWN) for pixels in pictures]
    few, many = shares <= np.quantile(shares, 1 / 3), shares >= np.quantile(shares, 2 / 3)
    column = [label.id for label in classifier.manifest.labels].index("road_crack")
    click.echo(f"\nrecorded drive: a third of {len(rows)} frames has the most cracks, a third the least")
    click.echo(f"{'':<28}    AUC   accepted of the most   of the least")
    for way in _ways(LOOKS_DOWN):
        gaze = Gaze(way, classifier.manifest)
        accepted = np.array([gaze.decide(known).decision == "accepted" for known in seen])
        scores = np.array([max(known[region][column] for region in way.regions) for known in seen])
        above = scores[many][:, np.newaxis] > scores[few]
        click.echo(f"{way.name:<28} {above.mean():6.2f} {accepted[many].mean():>15.2f} {accepted[few].mean():>16.2f}")


def _clean(folder: Path, classifier: TfliteClassifier) -> None:
    """Streets of which nothing is known, and in which hardly anything can be: nearly each accepted frame is wrong."""
    pictures = list(find_pictures([folder]))
    seen = [_everywhere(read_picture(path, 720).pixels, classifier) for path in pictures]
    click.echo(f"\n{len(pictures)} pictures of {folder.name}, taken for clean: accepted, of which by label")
    for way in _ways(HORIZON):
        gaze = Gaze(way, classifier.manifest)
        labels = [one.best.label for known in seen if (one := gaze.decide(known)).decision == "accepted"]
        kinds = ", ".join(f"{label} {labels.count(label)}" for label in sorted(set(labels) - {NO_DEFECT}))
        click.echo(f"{way.name:<28} {len(labels) / len(seen):6.1%}   {kinds}".rstrip())


@click.command()
@click.option(
    "--seed", "seeds", multiple=True, type=int, show_default=True, default=(31, 32, 33, 34, 35, 36), help="Of a patrol."
)
@click.option("--reported", default=3, show_default=True, help="How many of them are driven into reports, each way.")
@click.option(
    "--drive", "recorded", type=click.Path(exists=True, path_type=Path), help="A drive with frames.csv and frames/."
)
@click.option("--clean", type=click.Path(exists=True, path_type=Path), multiple=True, help="Pictures without defects.")
def main(seeds: tuple[int, ...], reported: int, recorded: Path | None, clean: tuple[Path, ...]) -> None:
    """Measure; some minutes."""
    classifier = TfliteClassifier(load_manifest())
    _drawn(seeds, classifier)
    _reported(seeds[:reported])
    if recorded is not None:
        _recorded(recorded, classifier)
    for folder in clean:
        _clean(folder, classifier)


if __name__ == "__main__":
    sys.exit(main())
