"""`fidamia config`: is the configuration right, and what is in force."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from agent import config
from agent.cli.guard import config_option
from agent.errors import ConfigError
from agent.i18n import _

SECRETS = {("broker", "username")}


@click.group()
def command() -> None:
    """Check or show the configuration."""


@command.command()
@config_option(config.DEFAULT_PATH)
def check(config_path: Path) -> None:
    """Name every fault at once, with file, line, key and what is allowed; then whether model, sources and
    certificates are there. Exit codes: 0, 78.
    """
    settings = config.load(config_path)
    from agent.daemon import find_faults  # noqa: PLC0415 - faults of the file are said before OpenCV is loaded

    faults = find_faults(settings, config_path)
    if faults:
        raise ConfigError(*faults)
    click.echo(_("{path}: correct").format(path=config_path))


@command.command()
@config_option(config.DEFAULT_PATH)
def show(config_path: Path) -> None:
    """Show every key in force, the defaults and the environment included; secrets masked."""
    from agent.drivers.capture import redacted  # noqa: PLC0415 - `check` need not wait for OpenCV

    settings = config.load(config_path)
    for name, section in _sections(settings):
        click.echo(f"[{name}]")
        for key, value in msgspec.structs.asdict(section).items():
            if value is None:
                continue
            if isinstance(section, config.Camera) and key == "source" and "://" in value:
                value = redacted(value)  # noqa: PLW2901 - an address may hold a user and a password
            shown = '"***"' if (name, key) in SECRETS and value else msgspec.json.encode(value).decode()
            click.echo(f"{key} = {shown}")
        click.echo()


def _sections(settings: config.Config) -> Iterator[tuple[str, msgspec.Struct]]:
    for name, value in msgspec.structs.asdict(settings).items():
        if isinstance(value, dict):
            yield from ((f"{name}.{key}", section) for key, section in value.items())
        else:
            yield name, value
