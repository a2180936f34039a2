"""`fidamia mark`: what the crew has to say of a report, and what follows from it. Needs no network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from agent import config
from agent.cli.guard import config_option
from agent.cli.queue import find_report, open_store
from agent.cli.route import check_mark
from agent.domain import Report
from agent.i18n import _
from agent.manifest import load_manifest
from agent.routing import severity_name
from agent.routingtable import load_routing
from agent.zones.zones import Zones


@click.command()
@click.argument("which", metavar="ID")
@click.argument("word")
@config_option(config.DEFAULT_PATH)
def command(which: str, word: str, config_path: Path) -> None:
    """Give a report a mark that a rule knows, for instance "insulting": it may become urgent, and is told anew.

    ID is its number or id, as `fidamia queue ls` shows them. Exit codes: 0; 1 if there is no such report; 2 if no
    rule knows the mark.
    """
    settings = config.load(config_path)
    zones = Zones.load(settings.store_directory)
    routing = load_routing(settings, load_manifest(settings.model.name), zones, config_path)
    check_mark(routing, word)
    store = open_store(settings, writing=True)
    try:
        entry = find_report(store, which)

        def change(report: Report) -> Report:
            place = report.position
            if place.lat is None or place.lon is None:
                return replace(report, mark=word, severity=routing.route(report.label, mark=word).severity)
            here = zones.at(place.lat, place.lon)
            found = routing.route(report.label, here.commune, here.zones, place.speed, word)
            return replace(report, mark=word, severity=found.severity, team=found.team)

        store.outbox.revise(entry.sequence, change, release=False)
        changed = find_report(store, which).report
    finally:
        store.close()
    sentence = _("Report {number} is marked {word}: {severity}. The centre will be told.")
    click.echo(sentence.format(number=entry.sequence, word=word, severity=severity_name(changed.severity)))
