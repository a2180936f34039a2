"""`fidamia queue`: what waits for the centre, what it refused, and what to do about it. Needs no network."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from agent import config
from agent.cli.guard import config_option
from agent.errors import FidamiaError, StoreError
from agent.i18n import _, ngettext, shown
from agent.store.outbox import STATES, Entry
from agent.store.store import FILE_NAME, Store

SHOWN = 50  # lines, unless more are asked for
GEOPACKAGE, BUNDLE = ".gpkg", ".zip"
MAPS = (".geojson", ".json", GEOPACKAGE)


class UnknownReport(FidamiaError):
    """No report of that number or id."""


@click.group()
def command() -> None:
    """Look at the reports that the device keeps, and at what the centre refused."""


@command.command()
@config_option(config.DEFAULT_PATH)
@click.option("--state", type=click.Choice(STATES), multiple=True, help="Only these; may be repeated.")
@click.option("--all", "everything", is_flag=True, help=f"Not only the last {SHOWN}.")
@click.option("--json", "as_json", is_flag=True, help="For machines: one report a line.")
def ls(config_path: Path, state: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """List what is kept, the newest last. Exit codes: 0, 74 store, 78 configuration."""
    store = open_store(config.load(config_path))
    wanted = state or tuple(one for one in STATES if one != "settled")
    entries = store.outbox.entries(*wanted) if everything else store.outbox.newest(SHOWN, *wanted)
    number = 0
    for entry in entries:
        number += 1
        if as_json:
            click.echo(msgspec.json.encode(_line(entry)).decode())
        else:
            _show_line(entry)
    counts = store.outbox.counts(since=0)
    store.close()
    if as_json:
        return
    click.echo(
        _("{pending} waiting, {rejected} refused, {settled} delivered and not yet cleared away").format(
            pending=counts.pending, rejected=counts.rejected, settled=counts.settled
        )
    )
    total = {"pending": counts.pending, "settled": counts.settled, "rejected": counts.rejected}
    asked = sum(total.get(one, 0) for one in wanted)
    if not everything and number < asked:
        click.echo(_("Shown are the last {number}; all of them: fidamia queue ls --all").format(number=number))


@command.command()
@click.argument("which", metavar="ID")
@config_option(config.DEFAULT_PATH)
def show(which: str, config_path: Path) -> None:
    """Show a report as the centre gets it. ID is its number, or its id or the beginning of it.

    Exit codes: 0; 1 if there is none; 74 store, 78 configuration.
    """
    from agent.sync.messages import feature  # noqa: PLC0415 - the list need not wait for it

    store = open_store(config.load(config_path))
    try:
        entry = find_report(store, which)
    finally:
        store.close()
    content = {
        "state": entry.state,
        "reason": entry.reason,
        "created_at": datetime.fromtimestamp(entry.created_at, UTC),
        "report": msgspec.Raw(feature(entry, datetime.now(UTC))),
    }
    click.echo(msgspec.json.format(msgspec.json.encode(content)).decode())


@command.command()
@config_option(config.DEFAULT_PATH)
def check(config_path: Path) -> None:
    """Read all that is kept, from end to end. Exit codes: 0 it is whole; 1 it is not; 78 configuration."""
    store = open_store(config.load(config_path))
    faults = store.faults()
    counts = store.outbox.counts(since=0)
    store.close()
    for fault in faults:
        click.echo(fault)
    if faults:
        click.echo(_("The store is damaged. The agent saves what can be read when it is started again."))
        sys.exit(1)
    total = counts.pending + counts.settled + counts.rejected
    click.echo(
        ngettext(
            "The store is whole: {number} report was read.", "The store is whole: {number} reports were read.", total
        ).format(number=total)
    )


@command.command()
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@config_option(config.DEFAULT_PATH)
@click.option("--state", type=click.Choice(STATES), multiple=True, help="Only these on a map; may be repeated.")
def export(path: Path, config_path: Path, state: tuple[str, ...]) -> None:
    """Write the reports to PATH: for a map as .geojson or .gpkg; for the centre, on a USB stick, as .zip.

    The .zip holds what was not delivered, with its pictures, signed with the device's certificate; `fidamia-central
    import` takes it. Whatever is written stays to be delivered, and arrives once.

    Exit codes: 0; 1 if PATH can not be written; 74 store, 78 configuration.
    """
    suffix = path.suffix.lower()
    if suffix not in MAPS and suffix != BUNDLE:
        raise click.UsageError(_("PATH ends with .geojson, .gpkg or .zip: that says what is written"))
    if state and suffix == BUNDLE:
        raise click.UsageError(_("--state is for maps; a .zip holds what the centre has not"))
    settings = config.load(config_path)
    store = open_store(settings)
    try:
        number = _bundle(path, store, settings) if suffix == BUNDLE else _map(path, store.outbox.entries(*state))
    except OSError as error:
        raise FidamiaError(
            _("{path}: can not be written ({reason}); nothing was changed; name another file").format(
                path=shown(path), reason=error.strerror
            )
        ) from error
    finally:
        store.close()
    click.echo(
        ngettext("{number} report written to {path}", "{number} reports written to {path}", number).format(
            number=number, path=shown(path)
        )
    )


@command.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@config_option(config.DEFAULT_PATH)
@click.option("--all", "everything", is_flag=True, help="All that the centre refused.")
def retry(ids: tuple[str, ...], config_path: Path, everything: bool) -> None:
    """Offer the centre again what it refused: these reports, or all. Exit codes: 0; 1 if there is none such."""
    store = open_store(config.load(config_path), writing=True)
    number = store.outbox.retry(_chosen(store, ids, everything))
    store.close()
    click.echo(
        ngettext("{number} report will be sent again.", "{number} reports will be sent again.", number).format(
            number=number
        )
    )


@command.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@config_option(config.DEFAULT_PATH)
@click.option("--all", "everything", is_flag=True, help="All that the centre refused.")
def purge(ids: tuple[str, ...], config_path: Path, everything: bool) -> None:
    """Drop for good what the centre refused: these reports, or all. The centre is told that they are gone.

    Exit codes: 0; 1 if there is none such.
    """
    store = open_store(config.load(config_path), writing=True)
    number = store.purge(_chosen(store, ids, everything))
    store.close()
    click.echo(ngettext("{number} report was dropped.", "{number} reports were dropped.", number).format(number=number))


def open_store(settings: config.Config, writing: bool = False) -> Store:
    """The device's store. Raises StoreError, also where there is none."""
    directory = settings.store_directory
    if not (directory / FILE_NAME).exists():
        raise StoreError(_("{path}: there is no store; the agent has never run here").format(path=directory))
    return Store(directory, read_only=not writing)


def find_report(store: Store, which: str) -> Entry:
    """The report of that number or id. Raises UnknownReport."""
    entry = store.outbox.find(which)
    if entry is None:
        raise UnknownReport(_("no report {id}; fidamia queue ls lists them").format(id=shown(which)))
    return entry


def _chosen(store: Store, ids: Sequence[str], everything: bool) -> list[int] | None:
    """The sequences of refused reports, None for all of them. Raises UnknownReport."""
    if everything == bool(ids):
        raise click.UsageError(_("name reports, or give --all"))
    if everything:
        return None
    found = []
    for which in ids:
        entry = store.outbox.find(which)
        if entry is None or entry.state != "rejected":
            raise UnknownReport(
                _("no refused report {id}; nothing was changed; fidamia queue ls --state rejected lists them").format(
                    id=shown(which)
                )
            )
        found.append(entry.sequence)
    return found


def _line(entry: Entry) -> dict[str, Any]:
    return {
        "sequence": entry.sequence,
        "id": entry.report.id,
        "state": entry.state,
        "reason": entry.reason,
        "observed_at": entry.report.observed_at,
        "label": entry.report.label,
        "severity": entry.report.severity,
    }


def _show_line(entry: Entry) -> None:
    states = {
        "pending": _("waiting"),
        "sent": _("on its way"),
        "settled": _("delivered"),
        "rejected": _("refused"),
    }
    width = max(map(len, states.values()))
    seen = entry.report.observed_at.astimezone()
    reason = f"  {shown(entry.reason)}" if entry.reason else ""
    click.echo(
        f"{entry.sequence:>8}  {seen:%Y-%m-%d %H:%M:%S}  {states[entry.state]:<{width}}  {entry.report.label}{reason}"
    )


def _map(path: Path, entries: Iterator[Entry]) -> int:
    from agent.export import geojson, geopackage  # noqa: PLC0415 - the list need not wait for it

    return geopackage.write(path, entries) if path.suffix.lower() == GEOPACKAGE else geojson.write(path, entries)


def _bundle(path: Path, store: Store, settings: config.Config) -> int:
    from agent.export import bundle, signature  # noqa: PLC0415 - the list need not wait for it

    if not settings.broker.certificate:
        raise FidamiaError(
            _("nothing was written: a .zip is signed with [broker] certificate and key, which are not set; set them")
        )
    try:
        return bundle.write(path, store, settings.agent.device, settings.broker)
    except signature.SignatureFault as error:
        raise FidamiaError(
            _("nothing was written: it can not be signed ({reason}); check [broker] certificate and key").format(
                reason=error
            )
        ) from error
