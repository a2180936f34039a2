"""`fidamia route`: who gets such a defect there. Needs neither the daemon nor the network."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import click
import msgspec

from agent import config
from agent.cli.guard import config_option
from agent.configfile import unknown
from agent.domain import Here
from agent.i18n import _, shown
from agent.manifest import load_manifest
from agent.plane import KMH
from agent.routing import Assignment, Routing, severity_name
from agent.routingtable import load_routing
from agent.zones.zones import Zones

HOUR = 3600.0  # seconds


# Unknown options are left to the arguments, among which a negative degree looks like one.
@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("label")
@click.argument("lat")
@click.argument("lon")
@config_option(config.DEFAULT_PATH)
@click.option("--speed", metavar="KMH", type=click.FloatRange(0.0), help="The vehicle's, at the sighting.")
@click.option("--mark", metavar="WORD", help='What the crew calls it, for instance "insulting".')
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def command(  # noqa: PLR0913, PLR0917 - the arguments and options
    label: str, lat: str, lon: str, config_path: Path, speed: float | None, mark: str | None, as_json: bool
) -> None:
    """Say who gets such a defect there, how soon, and which rule says so. LAT and LON are degrees.

    Exit codes: 0; 1 if nobody gets it; 78 configuration.
    """
    latitude, longitude = _degrees("LAT", lat, 90), _degrees("LON", lon, 180)
    if speed is not None and math.isnan(speed):  # which click takes for one within the range
        raise click.UsageError(_("--speed: {speed} is not a speed").format(speed=speed))
    settings = config.load(config_path)
    zones = Zones.load(settings.store_directory)
    routing = load_routing(settings, load_manifest(settings.model.name), zones, config_path)
    _check_words(routing, label, mark)
    here = zones.at(latitude, longitude)
    found = routing.route(label, here.commune, here.zones, None if speed is None else speed / KMH, mark)
    if as_json:
        click.echo(msgspec.json.encode(_facts(label, found, here, bool(zones.all))).decode())
    else:
        _show(label, found, here, bool(zones.all))
    sys.exit(1 if found.team is None else 0)


def _degrees(name: str, text: str, limit: int) -> float:
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        number = math.nan
    if not -limit <= number <= limit:
        raise click.UsageError(
            _("{name}: {text} is not a number of degrees from -{limit} to {limit}, such as 43.2965").format(
                name=name, text=shown(text), limit=limit
            )
        )
    return number


def _check_words(routing: Routing, label: str, mark: str | None) -> None:
    if label not in routing.labels:
        raise click.UsageError(unknown(label, routing.labels, _("{name} is no label").format(name=shown(label))))
    if mark is not None:
        check_mark(routing, mark)


def check_mark(routing: Routing, mark: str) -> None:
    """Raises UsageError for a word of the crew that no rule knows."""
    if mark not in routing.marks:
        raise click.UsageError(
            unknown(mark, routing.marks, _("no rule knows the mark {name}").format(name=shown(mark)))
        )


def _facts(label: str, found: Assignment, here: Here, known: bool) -> dict[str, object]:
    return {
        "label": label,
        "team": found.team,
        "severity": found.severity,
        "deadline_h": found.deadline.total_seconds() / HOUR,
        "commune": here.commune,
        "zones": here.zones if known else None,  # None: none are imported
        "no_capture": here.no_capture if known else None,
        "rule": found.rule,
    }


def _show(label: str, found: Assignment, here: Here, known: bool) -> None:
    sentence = _("{label} goes to {team}: {severity}, within {hours:g} h")
    if found.team is None:
        sentence = _("nobody gets {label}, which is to be repaired within {hours:g} h ({severity})")
    click.echo(
        sentence.format(
            label=label,
            team=found.team,
            severity=severity_name(found.severity),
            hours=found.deadline.total_seconds() / HOUR,
        )
    )
    click.echo(_("commune: {commune}").format(commune=_commune(here, known)))
    special = [name for name in here.zones if name != here.commune]
    if special:
        click.echo(_("special zones: {names}").format(names=", ".join(special)))
    click.echo(_("decided by: {rule}").format(rule=found.rule))
    if here.statistics and not here.no_capture:
        click.echo(_("The vehicle itself only counts a defect there: it is in a zone of statistics only."))
    if here.no_capture:
        click.echo(_("The vehicle itself reports nothing there: it is in a zone without pictures."))


def _commune(here: Here, known: bool) -> str:
    if not known:
        return _("not known, since no zones are imported; to do so: fidamia zones import FILE")
    if here.commune is None:
        return _("none of those that are imported")
    return f"{here.commune} ({here.name})" if here.name else here.commune
