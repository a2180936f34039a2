"""`fidamia zones`: the communes and special zones that the device decides with. Needs no network and no daemon."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from agent import config
from agent.cli.guard import config_option
from agent.domain import Here
from agent.i18n import _, ngettext, shown
from agent.zones import stored
from agent.zones.zone import COMMUNE, KINDS, NO_CAPTURE, STATISTICS, Zone, area
from agent.zones.zones import Zones

SHOWN = 20  # lines of each sort


@click.group()
def command() -> None:
    """Communes, and zones in which the camera is off or only counts: what reports are sorted by."""


@command.command("import")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path, readable=False))
@config_option(config.DEFAULT_PATH)
@click.option("--kind", type=click.Choice(KINDS), help="What all zones of the file are, whatever they say.")
@click.option("--layer", help="Which layer of a GeoPackage.")
@click.option("--skip-bad", is_flag=True, help="Take the others where some can not be taken.")
def import_(path: Path, config_path: Path, kind: str | None, layer: str | None, skip_bad: bool) -> None:
    """Take the zones of FILE: GeoJSON or a GeoPackage, in degrees of WGS 84.

    They take the place of all zones of their kinds. A commune has an INSEE code (code, insee, INSEE_COM) and a name
    (nom, name, libelle); a special zone has a name. The property kind, or --kind, says what a zone is: commune (as is
    whatever has an INSEE code and does not say), no_capture (the camera is off in it) or statistics (a defect is
    counted in it, without place or picture).

    Exit codes: 0; 1 if it can not be taken, and then nothing is changed; 74 store, 78 configuration.
    """
    from agent.zones import intake  # noqa: PLC0415 - shapely is for this verb only
    from agent.zones.feature import UnusableFile  # noqa: PLC0415

    directory = config.load(config_path).store_directory
    found = intake.examine(intake.read(path, layer), kind)
    if found.faults and not (skip_bad and found.zones):
        raise UnusableFile(_refusal(path, found.faults, len(found.zones)))
    replaced = stored.replace(directory, {zone.kind for zone in found.zones}, found.zones)
    click.echo(
        _("{path}: imported: {counts}; replaced: {replaced}; repaired: {repaired}; refused: {refused}").format(
            path=shown(path),
            counts=_counts(found.zones),
            replaced=replaced,
            repaired=len(found.repaired),
            refused=len(found.faults),
        )
    )
    click.echo(_extent(found.zones))
    _list(_("Repaired; look at them on a map:"), found.repaired)
    _list(_("Communes that overlap; where they do, the smallest code is the answer:"), found.overlaps)
    _list(_("Refused:"), found.faults)
    click.echo(_("The agent decides with them from its next start."))


@command.command()
@config_option(config.DEFAULT_PATH)
@click.option("--json", "as_json", is_flag=True, help="For machines: one zone a line.")
def ls(config_path: Path, as_json: bool) -> None:
    """List the zones. Exit codes: 0, 78 configuration or damaged zones."""
    zones = Zones.load(config.load(config_path).store_directory).all
    for zone in zones:
        size = area(zone.geometry) / 1e6
        if as_json:
            line = {"kind": zone.kind, "code": zone.code, "name": zone.name, "area_km2": round(size, 6)}
            click.echo(msgspec.json.encode(line).decode())
        else:
            click.echo(f"{zone.kind:<10}  {zone.code or '':<5}  {zone.name}  {size:.4g} km²")
    if not as_json:
        click.echo(_counts(zones) if zones else _none())


@command.command(context_settings={"ignore_unknown_options": True})
@click.argument("lat", type=float)
@click.argument("lon", type=float)
@config_option(config.DEFAULT_PATH)
@click.option("--json", "as_json", is_flag=True, help="For machines: one object.")
def locate(lat: float, lon: float, config_path: Path, as_json: bool) -> None:
    """Say in which zones a place lies, in degrees of WGS 84. Exit codes: 0, 78 configuration or damaged zones."""
    if not (abs(lat) <= 90 and abs(lon) <= 180 and math.isfinite(lat + lon)):  # noqa: PLR2004 - degrees
        raise click.UsageError(_("LAT is from -90 to 90, LON from -180 to 180, in degrees"))
    zones = Zones.load(config.load(config_path).store_directory)
    here = zones.at(lat, lon)
    click.echo(msgspec.json.encode(here).decode() if as_json else _words(here) if zones.all else _none())


@command.command()
@click.argument("kind", type=click.Choice(KINDS))
@config_option(config.DEFAULT_PATH)
def remove(kind: str, config_path: Path) -> None:
    """Remove all zones of a kind. Exit codes: 0; 1 if it can not be written; 74 store, 78 configuration."""
    number = stored.replace(config.load(config_path).store_directory, {kind}, ())
    click.echo(ngettext("{number} zone was removed.", "{number} zones were removed.", number).format(number=number))
    if number:
        click.echo(_("The agent does without them from its next start."))


def _none() -> str:
    return _("There are no zones; fidamia zones import FILE takes them in.")


def _counts(zones: Sequence[Zone]) -> str:
    kinds = [zone.kind for zone in zones]
    return _("communes {communes}, without capture {no_capture}, statistics only {statistics}").format(
        communes=kinds.count(COMMUNE), no_capture=kinds.count(NO_CAPTURE), statistics=kinds.count(STATISTICS)
    )


def _words(here: Here) -> str:
    commune = f"{here.name} ({here.commune})" if here.commune else _("In no commune")
    special = ", ".join(name for name in here.zones if name != here.commune)
    said = [commune, special]
    if here.no_capture:
        said.append(_("the camera is off here"))
    if here.statistics:
        said.append(_("a defect is only counted here"))
    return "; ".join(part for part in said if part)


def _extent(zones: Sequence[Zone]) -> str:
    west, south, east, north = zip(*(zone.geometry.bounds for zone in zones), strict=True)
    return _("They lie between {south:.4f} and {north:.4f} north, {west:.4f} and {east:.4f} east.").format(
        south=min(south), north=max(north), west=min(west), east=max(east)
    )


def _refusal(path: Path, faults: Sequence[str], good: int) -> str:
    """What was refused, and what can be done."""
    lines = [_("{path}: not imported; put right:").format(path=shown(path))]
    lines += (f"  {line}" for line in _some(faults))
    if good:
        lines.append(_("or take only the others ({number}) with --skip-bad.").format(number=good))
    return "\n".join(lines)


def _some(lines: Sequence[str]) -> list[str]:
    more = len(lines) - SHOWN
    rest = [ngettext("and {number} more", "and {number} more", more).format(number=more)] if more > 0 else []
    return [*lines[:SHOWN], *rest]


def _list(title: str, lines: Sequence[str]) -> None:
    if lines:
        click.echo(title)
        for line in _some(lines):
            click.echo(f"  {line}")
