"""The command `fidamia`: finds the verb."""

from __future__ import annotations

from importlib import import_module

import click

from agent import __version__
from agent.cli.guard import GuardedGroup

# A verb's module is imported only when it is used: `status` must not wait for OpenCV.
VERBS = ("run", "status", "queue", "mark", "route", "zones", "classify", "demo", "config", "model")


class Verbs(GuardedGroup):
    """The verbs, each in its own module."""

    def list_commands(self, _context: click.Context) -> list[str]:
        """See click."""
        return list(VERBS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        """See click."""
        if name not in VERBS:
            return None
        command: click.Command = import_module(f"agent.cli.{name}").command
        return command


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fidamia")
def main() -> None:
    """Find defects of the public space from a vehicle, keep them safely, deliver them to the teams who repair."""
