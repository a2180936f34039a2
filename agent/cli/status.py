"""`fidamia status`: one plain sentence, then the parts. Needs neither the daemon nor the network."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from agent import config
from agent.cli.guard import config_option
from agent.diagnosis import Diagnosis, diagnose
from agent.health import Figures
from agent.i18n import _, ngettext

COLOURS = {"ok": "green", "waiting": "yellow", "failed": "red", "off": None}


@click.command()
@config_option(config.DEFAULT_PATH)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def command(config_path: Path, as_json: bool) -> None:
    """Say in one sentence how the agent is, then part by part.

    Exit codes: 0 healthy, 1 degraded, 2 down, 3 cannot tell.
    """
    diagnosis = diagnose(config_path)
    if as_json:
        click.echo(msgspec.json.encode(diagnosis).decode())
    else:
        _show(diagnosis)
    sys.exit(diagnosis.exit_code)


def _show(diagnosis: Diagnosis) -> None:
    click.echo(diagnosis.sentence)
    if not diagnosis.parts:
        return
    names = {
        "camera": _("camera"),
        "lens": _("lens"),
        "gps": _("GPS"),
        "model": _("model"),
        "store": _("store"),
        "centre": _("centre"),
        "board": _("board"),
    }
    states = {"ok": _("OK"), "waiting": _("waiting"), "failed": _("failed"), "off": _("off")}
    name_width = max(len(name) for name in names.values())
    state_width = max(len(state) for state in states.values())
    click.echo()
    if diagnosis.state == "down":
        click.echo(_("How it was when it last said so:"))
    for key, part in diagnosis.parts.items():
        word = states.get(part.state, part.state)
        if key == "lens" and part.state == "failed":
            word = _("dirty")
        state = click.style(f"{word:<{state_width}}", fg=COLOURS.get(part.state))
        texts = [part.detail, _figures(key, part.figures)]
        if key == "store" and diagnosis.pictures:
            texts.append(
                ngettext("{number} picture waiting", "{number} pictures waiting", diagnosis.pictures).format(
                    number=diagnosis.pictures
                )
            )
        detail = ", ".join(text for text in texts if text)
        click.echo(f"  {names.get(key, key):<{name_width}}  {state}  {detail}".rstrip())


def _figures(name: str, figures: Figures) -> str:
    """The part's figures in words, each from one or more of them; those a newer daemon may have added stay out."""
    regions = int(figures.get("regions") or 0)
    if figures.get("dirt"):
        figures = figures | {"dirt_percent": 100 * float(figures["dirt"] or 0)}
    words = {
        "camera": [
            ("frames", _("{} frames")),
            ("looked_at", _("{} looked at")),
            ("unreadable", _("{} unreadable")),
            ("refused_dark", _("{} too dark")),
            ("refused_overexposed", _("{} overexposed")),
            ("refused_frozen", _("{} frozen")),
            ("refused_unchanged", _("{} as the one before")),
            ("refused_grey", _("{} grey all over")),
            ("refused_covered", _("{} through a covered lens")),
            ("refused_out_of_focus", _("{} out of focus")),
            ("refused_motion_blur", _("{} blurred by motion")),
        ],
        "lens": [("dirt_percent", _("covered to {:.0f}%"))],
        "gps": [
            ("age_s", _("fix {:.1f} s old")),
            ("eph_m", _("good to {:.0f} m")),
            ("refused", _("{} fixes refused, which can not be true")),
        ],
        "model": [
            ("name", "{}"),
            ("version", "{}"),
            ("runtime", "{}"),
            ("frame_ms", _("{:.0f} ms a frame")),
            ("looks regions", ngettext("{:.0f} of {} region", "{:.0f} of {} regions", regions)),
            ("look_ms", _("{:.1f} ms a look")),
        ],
        "store": [
            ("reports", _("{} reports since the start")),
            ("seen_again", _("{} seen again")),
            ("held", _("{} wait for their place or time")),
            ("unsaved", _("{} wait in memory")),
            ("lost", _("{} lost")),
        ],
        "centre": [
            ("settled", _("{} delivered since the start")),
            ("waiting", _("{} on their way")),
            ("month_mb", _("{:.0f} MB this month")),
            ("holds_pictures", _("pictures wait for a free network")),
        ],
        "board": [
            ("celsius", _("{:.0f} °C")),
            ("throttled", _("slowed down by its firmware")),
            ("undervoltage", _("under-voltage")),
            ("halved", _("half as many frames are looked at")),
        ],
    }
    values = [([figures.get(key) for key in keys.split()], text) for keys, text in words.get(name, [])]
    return ", ".join(text.format(*known) for known, text in values if None not in known)
