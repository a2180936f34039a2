"""The command `fidamia`: finds the verb, and turns failures into sentences and exit codes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from agent import __version__
from agent.config import DEFAULT_PATH
from agent.errors import FidamiaError

# A verb's module is imported only when it is used: `status` must not wait for OpenCV.
VERBS = ("run", "status", "classify", "demo", "config")


class Verbs(click.Group):
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

    def invoke(self, context: click.Context) -> Any:
        """Run the verb. A failure that is not a bug ends in its sentence and exit code, not in a traceback."""
        return guarded(lambda: super(Verbs, self).invoke(context))


def guarded(work: Callable[[], Any]) -> Any:
    """Run `work`; a FidamiaError is said on standard error and ends the program with its exit code."""
    try:
        return work()
    except FidamiaError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_code)


def config_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """The option --config."""
    return click.option(
        "--config",
        "config_path",
        type=click.Path(path_type=Path),
        envvar="FIDAMIA_CONFIG",
        default=DEFAULT_PATH,
        show_default=True,
        help="Configuration file.",
    )(function)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fidamia")
def main() -> None:
    """Find defects of the public space from a vehicle, keep them safely, deliver them to the teams who repair."""
