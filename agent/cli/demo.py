"""`fidamia demo`: a patrol without hardware, and the check that every report arrived exactly once."""

from __future__ import annotations

import dataclasses
import shutil
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, get_args

import click
import msgspec

from agent.demo.configuration import Drive
from agent.demo.demonstration import TRUTH, Demonstration, Progress
from agent.demo.outcome import Outcome
from agent.i18n import _, language
from agent.manifest import Manifest, load_manifest
from agent.outage import Outage, parse
from agent.simulation.conditions import Weather
from agent.simulation.score import Score, score
from agent.simulation.truth import truth

if TYPE_CHECKING:
    from rich.table import Table

LINE_EVERY = 5.0  # seconds, where the output is no terminal
FILE_WIDTH = 160  # characters
UNKNOWN = "-"
COUNTS = ("runs", "once", "again", "missed", "unfounded")


@click.command()
@click.option("--images", type=click.Path(exists=True, file_okay=False, path_type=Path), help="A folder of pictures.")
@click.option("--track", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The NMEA track of them.")
@click.option(
    "--seconds", type=click.FloatRange(min=1, max=3600), help="How long to drive; by default 30, or all pictures."
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True, max=100),
    help="How many times faster than the clock; by default 4, and pictures one by one.",
)
@click.option("--weather", type=click.Choice(get_args(Weather)), help="Of the simulated streets; by default clear.")
@click.option("--tunnel/--no-tunnel", default=None, help="Whether the simulated route has a tunnel; by default it has.")
@click.option(
    "--outage",
    "outages",
    multiple=True,
    callback=lambda _context, _option, texts: tuple(map(_outage, texts)),
    help="What fails, and in which seconds of the patrol: 'camera 30-45', 'gps 60-90', 'network 20-40'; repeatable.",
)
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Leave stores and logs in this folder.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def command(  # noqa: PLR0913, PLR0917 - one an option
    images: Path | None,
    track: Path | None,
    seconds: float | None,
    speed: float | None,
    weather: Weather | None,
    tunnel: bool | None,
    outages: tuple[Outage, ...],
    keep: Path | None,
    as_json: bool,
) -> None:
    """Drive a patrol on this machine: simulated streets, or the pictures and track given.

    Camera, model, store, broker (mosquitto on a free loopback port) and centre are the real ones.
    Exit codes: 0 every report arrived exactly once, 1 not.
    """
    if track is not None and images is None:
        raise click.UsageError(_("--track goes with --images"))
    if images is not None and (weather is not None or tunnel is not None):
        raise click.UsageError(_("--weather and --tunnel are of the simulated streets; leave them out with --images"))
    if images is not None and outages and speed is None:
        raise click.UsageError(_("--outage with --images needs a pace: give --speed too, 1 for that of the recording"))
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise click.UsageError(_("{path} is not empty; name a new folder").format(path=keep))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    with ExitStack() as stack:
        if keep is None:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fidamia-demo-")))
        else:
            directory = _make_folder(keep)
        drive = Drive(images, track, seconds, speed, weather or "clear", tunnel is not False, outages)
        with Demonstration(directory, drive) as demonstration:
            last = _watch(demonstration)
            outcome = demonstration.outcome()
    marks = None if images else score(outcome.reports, truth(drive.patrol(), drive.start), load_manifest().kinds)
    if as_json:
        click.echo(msgspec.json.encode(_as_json(outcome, marks, last, keep)).decode())
    else:
        _show(outcome, marks, last, keep)
    sys.exit(0 if outcome.exactly_once else 1)


def _outage(text: str) -> Outage:
    try:
        return parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _make_folder(keep: Path) -> Path:
    if not str(keep).isprintable():
        raise click.UsageError(_("--keep: a name without control characters"))
    try:
        keep.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(_("--keep: {path}: {reason}").format(path=keep, reason=error.strerror)) from error
    return keep.absolute()


def _interrupted(number: int, _frame: FrameType | None) -> None:
    """Leaving by an exception ends the processes and removes the folder on the way out."""
    click.echo(_("\nInterrupted; ending everything that was started."), err=True)
    sys.exit(128 + number)


def _watch(demonstration: Demonstration) -> Progress:
    """How far it is, on one line that renews itself on a terminal, elsewhere on one every five seconds."""
    terminal = sys.stderr.isatty()
    last = -LINE_EVERY
    progress = Progress(0.0, 0, 0, 0)
    for progress in demonstration.watch():
        if terminal:
            line = _line(progress)[: shutil.get_terminal_size().columns - 1]
            click.echo(f"\r{line}\033[K", nl=False, err=True)
        elif progress.seconds - last >= LINE_EVERY:
            last = progress.seconds
            click.echo(_line(progress), err=True)
    if terminal:
        click.echo("\r\033[K", nl=False, err=True)
    return progress


def _line(progress: Progress) -> str:
    return _("{seconds:4.0f} s: frames looked at {frames}, reports {found}, delivered {delivered}").format(
        seconds=progress.seconds, frames=progress.frames, found=progress.found, delivered=progress.delivered
    )


def _show(outcome: Outcome, marks: Score | None, last: Progress, keep: Path | None) -> None:
    from rich.console import Console  # noqa: PLC0415 - only here, and it takes a while to load

    manifest = load_manifest()
    # A pipe has no width: what is cut off there is lost.
    console = Console() if sys.stdout.isatty() else Console(width=FILE_WIDTH)
    rows = [_row(one, manifest) for one in outcome.reports]
    table = _table(rows)
    if _width(table) > console.width:
        # On a narrow terminal without how well the place is known and how often it was seen again; both are summed up.
        table = _table([[*row[:4], "", *row[5:7], ""] for row in rows])
    if _width(table) > console.width:
        for time, defect, probability, *rest in rows:
            click.echo(f"{time} {defect} {probability}\n  {', '.join(part for part in rest[:4] if part)}")
    else:
        console.print(table)
    click.echo()
    sentence = _(
        "Frames looked at in {seconds:.0f} s: {frames}; reports on the device: {found}, at the centre: {held}."
    )
    click.echo(
        sentence.format(seconds=last.seconds, frames=last.frames, found=outcome.found, held=len(outcome.reports))
    )
    if last.unreadable:
        click.echo(_("Pictures that could not be read and were left out: {number}.").format(number=last.unreadable))
    if marks is not None:
        _show_marks(marks)
    if outcome.exactly_once:
        click.echo(click.style(_("Every report arrived exactly once."), fg="green"))
    else:
        click.echo(
            click.style(
                _(
                    "Not exactly once: {missing} missing, {doubled} doubled, {different} different, {more} unexpected."
                ).format(
                    missing=len(outcome.missing),
                    doubled=len(outcome.doubled),
                    different=len(outcome.different),
                    more=len(outcome.unexpected),
                ),
                fg="red",
            )
        )
    if keep is not None and marks is not None:
        click.echo(_("What was truly there: {path}").format(path=keep / TRUTH))
    if keep is not None:
        click.echo(_("The map of it: {path} (GeoJSON, opens in QGIS)").format(path=keep / "reports.geojson"))


def _table(rows: list[list[str]]) -> Table:
    """The reports; a column of which nothing is known stays out."""
    from rich.table import Table  # noqa: PLC0415 - see `_show`

    headings = [
        _("time"),
        _("defect"),
        _("prob."),
        _("place"),
        "",
        _("team"),
        _("decision"),
        _("seen again"),
    ]
    used = [number for number in range(len(headings)) if not rows or any(row[number] for row in rows)]
    table = Table(box=None, pad_edge=False)
    for number in used:
        table.add_column(headings[number], no_wrap=True)
    for row in rows:
        table.add_row(*(row[number] for number in used))
    return table


def _width(table: Table) -> int:
    """Characters that it takes where nothing is cut off."""
    from rich.console import Console  # noqa: PLC0415 - see `_show`

    return Console(width=10 * FILE_WIDTH).measure(table).maximum


def _show_marks(marks: Score) -> None:
    """How it did, by what was truly there."""
    sentence = _(
        "Drawn defects were passed {runs} times: {once} ended in a report, {again} in a known one seen again, "
        "{missed} in none, {more} in more than one; {unfounded} accepted where none was."
    )
    more = marks.several + marks.repeated
    click.echo(sentence.format(more=more, **{name: getattr(marks, name) for name in COUNTS}))
    places = [
        (_("under the sky within {metres:.0f} m"), marks.outside.largest),
        (_("in the tunnel within {metres:.0f} m"), marks.inside.largest),
        (_("dated within {metres:.1f} s"), marks.times.largest),
    ]
    said = [sentence.format(metres=value) for sentence, value in places if value is not None]
    if said:
        click.echo(_("They were placed and dated: {list}.").format(list=", ".join(said)))


def _row(one: dict[str, Any], manifest: Manifest) -> list[str]:
    properties = one["properties"]
    label = manifest.label(properties["label"])
    place = UNKNOWN
    if one["geometry"]:
        lon, lat = one["geometry"]["coordinates"]
        place = f"{lat:.5f} {lon:.5f}"
    return [
        properties["observed_at"][11:19],
        label.fr if language() == "fr" else label.en,
        f"{properties['probability']:.0%}",
        place,
        _around(properties["position"]),
        properties["team"] or UNKNOWN,
        _("accepted") if properties["decision"] == "accepted" else _("to review"),
        str(again["times"]) if (again := properties.get("seen_again")) else "",
    ]


def _around(position: dict[str, Any]) -> str:
    """How well the place is known, and where from if not from the receiver."""
    accuracy = position["accuracy_m"]
    text = "" if accuracy is None else f"± {accuracy:.0f} m"
    sources = {"interpolated": _("without GPS"), "last_known": _("last known"), "none": _("unknown")}
    return f"{text} {sources.get(position['source'], '')}".strip()


def _as_json(outcome: Outcome, marks: Score | None, last: Progress, keep: Path | None) -> dict[str, Any]:
    return {
        "exactly_once": outcome.exactly_once,
        "found": outcome.found,
        "stored": len(outcome.reports),
        "missing": outcome.missing,
        "unexpected": outcome.unexpected,
        "different": outcome.different,
        "doubled": outcome.doubled,
        "frames": last.frames,
        "unreadable": last.unreadable,
        "seconds": round(last.seconds, 1),
        "drawn": dataclasses.asdict(marks) if marks is not None else None,
        "directory": str(keep) if keep is not None else None,
        "reports": outcome.reports,
    }
