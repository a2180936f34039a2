"""`fidamia mark`: what the crew has to say of a report, and what follows from it. Needs no network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from agent import config
from agent.cli.guard import config_option
from agent.configfile import unknown
from agent.domain import Report
from agent.errors import FidamiaError
from agent.i18n import _, shown
from agent.manifest import load_manifest
from agent.routingtable import load_routing
from agent.store.store import Store
from agent.zones.zones import Zones


class UnknownReport(FidamiaError):
    """No report of that number or id."""


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
    if word not in routing.marks:
        sentence = _("no rule knows the mark {name}").format(name=shown(word))
        raise click.UsageError(unknown(word, routing.marks, sentence))
    store = Store(settings.store_directory)
    try:
        entry = store.outbox.find(which)
        if entry is None:
            raise UnknownReport(_("{which}: there is no such report; fidamia queue ls shows them").format(which=which))

        def change(report: Report) -> Report:
            place = report.position
            if place.lat is None or place.lon is None:
                return replace(report, mark=word, severity=routing.route(report.label, mark=word).severity)
            here = zones.at(place.lat, place.lon)
            found = routing.route(report.label, here.commune, here.zones, place.speed, word)
            return replace(report, mark=word, severity=found.severity, team=found.team)

        store.outbox.revise(entry.sequence, change, release=False)
        changed = store.outbox.find(which)
    finally:
        store.close()
    severity = changed.report.severity if changed else entry.report.severity
    names = {"low": _("low"), "normal": _("normal"), "urgent": _("urgent")}
    sentence = _("Report {number} is marked {word}: {severity}. The centre will be told.")
    click.echo(sentence.format(number=entry.sequence, word=word, severity=names[severity]))
