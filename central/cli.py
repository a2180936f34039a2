"""The command `fidamia-central`: the reference server."""

from __future__ import annotations

import re
import signal
import sys
from pathlib import Path
from threading import Event

import click
import msgspec

from agent import __version__, logs
from agent.cli.guard import GuardedGroup, config_option
from agent.config import DEVICE_NAME
from agent.i18n import _, shown
from agent.worker import Worker
from central import config
from central.codes import with_codes
from central.ingest import Ingest, subscriptions
from central.store import EmbeddedStore

BEAT = 0.5  # seconds
LAST_TRY = 3.0  # seconds to end in an orderly way


@click.group(cls=GuardedGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fidamia-central")
def main() -> None:
    """Store what the vehicles find, once each, and tell them so."""


@main.command()
@config_option(config.DEFAULT_PATH)
@click.option("--name", help="This process's name, its own for each; by default [ingest] name.")
def ingest(config_path: Path, name: str | None) -> None:
    """Take reports from the broker into the store until stopped.

    Exit codes: 0 stopped, 78 configuration, 74 store, 1 a bug.
    """
    from agent.drivers.mqtt import MqttConnection  # noqa: PLC0415 - a faulty configuration is said at once

    if name is not None and not re.fullmatch(DEVICE_NAME, name):
        raise click.UsageError(_("--name: small letters, digits and hyphens, at most 32"))
    settings = config.load(config_path)
    logs.configure(settings.ingest.log_level)
    connection = MqttConnection(
        settings.broker,
        client_id=f"fidamia-central-{name or settings.ingest.name}",
        subscriptions=subscriptions(settings.broker.prefix),
        session_expiry=int(settings.ingest.session_expiry_s),
        manual_acknowledge=True,
    )
    work = Ingest(connection, EmbeddedStore(Path(settings.store.directory)), settings.broker.prefix)
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_arguments: stop.set())
    worker = Worker("central.ingest", work.step, work.finish)
    worker.start()
    while not stop.wait(BEAT) and worker.crash is None:
        pass
    worker.stop.set()
    worker.join(LAST_TRY)
    sys.exit(1 if worker.crash else 0)


@main.command(name="import")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path, dir_okay=False))
@config_option(config.DEFAULT_PATH)
@click.option(
    "--ca",
    "authority",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Who vouches for the certificates of devices; by default [broker] ca.",
)
def take_in(paths: tuple[Path, ...], config_path: Path, authority: Path | None) -> None:
    """Take in what `fidamia queue export` has written to a USB stick (.zip), while the store is in use or not.

    A report that comes by the network as well is stored once. Exit codes: 0; 1 if one was refused; 74 store,
    78 configuration.
    """
    from central import depot  # noqa: PLC0415 - a faulty configuration is said at once

    settings = config.load(config_path)
    if authority is None:
        if not settings.broker.ca:
            raise click.UsageError(_("--ca: the authority that signed the devices' certificates; or set [broker] ca"))
        authority = Path(settings.broker.ca)
    revoked = Path(settings.broker.crl) if settings.broker.crl else None
    store = EmbeddedStore(Path(settings.store.directory))
    refused = False
    try:
        for path in paths:
            try:
                found = depot.take_in(path, authority, store, settings.broker.prefix, revoked)
            except depot.Refused as error:
                click.echo(error, err=True)
                refused = True
            else:
                click.echo(
                    _("{path}: {reports} reports, {pictures} pictures, {losses} losses; {refused} refused").format(
                        path=shown(path),
                        reports=found.reports,
                        pictures=found.pictures,
                        losses=found.losses,
                        refused=found.refused,
                    )
                )
    finally:
        store.close()
    sys.exit(1 if refused else 0)


@main.command()
@config_option(config.DEFAULT_PATH)
def export(config_path: Path) -> None:
    """Write every report on standard output, as GeoJSON, with what other systems call its label ([codes.NAME]).

    Works while the store is in use. Exit codes: 0, 78 configuration, 74 store.
    """
    settings = config.load(config_path)
    store = EmbeddedStore(Path(settings.store.directory), read_only=True)
    try:
        features = with_codes(store.features(), settings.codes)
    finally:
        store.close()
    click.echo(msgspec.json.encode({"type": "FeatureCollection", "features": features}).decode())
