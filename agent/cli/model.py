"""`fidamia model`: which models there are, and whether one still says what it said when it was made."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import click
import msgspec

from agent import config
from agent.cli.guard import config_option
from agent.domain import NO_DEFECT
from agent.errors import ConfigError
from agent.i18n import _
from agent.manifest import Manifest, load_manifest, shipped_models

if TYPE_CHECKING:
    from agent.verification import Verdict

DEFAULT = config.Model().name
RUNTIMES = get_args(get_type_hints(config.Model)["runtime"])
FIGURES = ("top1", "accepted_precision", "defects_accepted_or_reviewed")
SHORT = 12  # characters of a hash: enough for people to compare


@click.group()
def command() -> None:
    """List the models, or verify one."""


@command.command()
@config_option(config.DEFAULT_PATH)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def ls(config_path: Path, as_json: bool) -> None:
    """List the models that are installed, and the one that the configuration names.

    Exit codes: 0; 1 if one of them can not be used.
    """
    settings, reason = _settings(config_path)
    configured = settings.model.name if settings else None
    models = {name: _load(name) for name in dict.fromkeys([*shipped_models(), *([configured] if configured else [])])}
    if as_json:
        entries = [_entry(name, found, configured) for name, found in models.items()]
        click.echo(msgspec.json.encode({"configured": configured, "models": entries}).decode())
    else:
        for name, found in models.items():
            _show_model(name, found, name == configured)
        if reason:
            click.echo(_("Which model is configured can not be told: {reason}").format(reason=reason))
    sys.exit(1 if any(isinstance(found, ConfigError) for found in models.values()) else 0)


@command.command()
@click.argument("name", required=False)
@config_option(config.DEFAULT_PATH)
@click.option("--runtime", type=click.Choice(RUNTIMES), help="By default as configured.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def verify(name: str | None, config_path: Path, runtime: str | None, as_json: bool) -> None:
    """Hold a model against its manifest, load it, and ask it about its golden pictures.

    NAME is a model's name or folder; by default the one configured. Exit codes: 0 it is right; 1 it is not, or that
    can not be told.
    """
    from agent.verification import verify as examine  # noqa: PLC0415 - `ls` need not wait for OpenCV

    settings, reason = _settings(config_path)
    model = settings.model if settings else config.Model()
    if name is None and reason:
        click.echo(_("{reason}; so the model {name} is verified").format(reason=reason, name=DEFAULT), err=True)
    verdict = examine(name or model.name, runtime or model.runtime, model.threads)
    if as_json:
        click.echo(msgspec.json.encode(verdict).decode())
    else:
        _show_verdict(verdict)
    sys.exit(0 if verdict.right else 1)


def _settings(path: Path) -> tuple[config.Config | None, str]:
    """The configuration, or why it can not be read: who looks at models need not be allowed to."""
    try:
        return config.load(path), ""
    except ConfigError as error:
        return None, error.faults[0]


def _load(name: str) -> Manifest | ConfigError:
    try:
        return load_manifest(name)
    except ConfigError as error:
        return error


def _entry(name: str, found: Manifest | ConfigError, configured: str | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": name, "configured": None if configured is None else name == configured}
    if isinstance(found, ConfigError):
        return {**entry, "faults": found.faults}
    return {
        **entry,
        "faults": [],
        "version": found.version,
        "sha256": found.sha256,
        "path": str(found.path),
        "labels": [{"id": label.id, "name": label.name} for label in found.labels],
        "metrics": _figures(found),
    }


def _figures(manifest: Manifest) -> dict[str, dict[str, Any]]:
    """The main figures on photographs that the model had not seen, as far as its maker wrote them down."""
    # Cross-fitted first: they owe nothing to thresholds having been chosen on the photographs they are judged on.
    groups = (manifest.metrics.get(name) for name in ("cross_fitted", *manifest.metrics) if name != "drawn")
    measured = next((found for found in groups if isinstance(found, dict) and FIGURES[0] in found), {})
    figures = {name: measured[name] for name in FIGURES if isinstance(measured.get(name), dict)}
    # Manifests of models before 0.2 call the value a share.
    values = {
        name: {"value": found.get("value", found.get("share")), "n": found.get("n")} for name, found in figures.items()
    }
    return {name: found for name, found in values.items() if _is_share(found["value"]) and isinstance(found["n"], int)}


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1


def _show_model(name: str, found: Manifest | ConfigError, configured: bool) -> None:
    mark = click.style(_(" (configured)"), fg="green") if configured else ""
    if isinstance(found, ConfigError):
        click.echo(click.style(name, bold=True) + mark)
        for fault in found.faults:
            click.echo(_wrapped(fault, "  "))
    else:
        words = {
            "top1": _("{share} of {count} held-out photographs named rightly"),
            "accepted_precision": _("{share} of what it accepts is right"),
            "defects_accepted_or_reviewed": _("{share} of defects accepted or to review"),
        }
        measured = [
            words[key].format(share=_("{percent}%").format(percent=round(100 * figure["value"])), count=figure["n"])
            for key, figure in _figures(found).items()
        ]
        click.echo(click.style(f"{name} {found.version}", bold=True) + mark)
        _show_parts(
            {
                _("sees"): ", ".join(label.name for label in found.labels if label.id != NO_DEFECT),
                _("measured"): ", ".join(measured) or _("nothing that its manifest tells"),
                "SHA-256": found.sha256[:SHORT],
                _("folder"): str(found.directory),
            }
        )
    click.echo()


def _show_verdict(verdict: Verdict) -> None:
    click.echo(click.style(_wrapped(verdict.sentence), fg="green" if verdict.right else "red"))
    for fault in verdict.faults:
        click.echo(_wrapped(fault, "  "))
    if verdict.model is None:
        return
    parts = {
        _("file"): f"{verdict.path}, SHA-256 {verdict.model.sha256[:SHORT]}",
        _("runtime"): str(verdict.runtime),
    }
    if verdict.pictures and verdict.milliseconds:
        worst = max(verdict.pictures, key=lambda answer: answer.gap)
        parts[_("pictures")] = _("greatest difference {gap:.3f} ({file}), allowed {tolerance}").format(
            gap=worst.gap, file=worst.file, tolerance=verdict.tolerance
        )
        parts[_("duration")] = _("{median:.1f} ms a picture (median), {p95:.1f} ms or less for 95 of 100").format(
            median=verdict.milliseconds.median, p95=verdict.milliseconds.p95
        )
    click.echo()
    _show_parts(parts)


def _show_parts(parts: dict[str, str]) -> None:
    """A line a part; what is too long for a terminal goes on under its beginning."""
    width = max(map(len, parts)) + 4
    for name, text in parts.items():
        click.echo(_wrapped(text, f"  {name}".ljust(width)))


def _wrapped(text: str, first: str = "") -> str:
    if not sys.stdout.isatty():
        return first + text
    return click.wrap_text(text, shutil.get_terminal_size().columns, first, " " * len(first))
