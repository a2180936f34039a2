"""`fidamia run`: the daemon."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from agent import config, logs
from agent.cli.guard import config_option


@click.command()
@config_option(config.DEFAULT_PATH)
def command(config_path: Path) -> None:
    """Run the daemon until it is stopped.

    Exit codes: 0 stopped, 78 configuration, 74 store, 1 a bug.
    """
    settings = config.load(config_path)
    logs.configure(settings.agent.log_level)
    from agent.daemon import Daemon  # noqa: PLC0415 - a faulty configuration is said before OpenCV is loaded

    sys.exit(Daemon(settings, config_path).run())
