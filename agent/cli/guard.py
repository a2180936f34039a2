"""What both programs share: failures end in a sentence and an exit code, never in a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from agent.errors import FidamiaError


class CannotTell(click.UsageError):
    """A wrong option of `status`: click's own exit code, 2, would say that the agent is down."""

    exit_code = 3


class GuardedGroup(click.Group):
    """A group of commands whose FidamiaErrors are said on standard error."""

    def invoke(self, context: click.Context) -> Any:
        """See click."""
        try:
            return super().invoke(context)
        except FidamiaError as error:
            click.echo(str(error), err=True)
            sys.exit(error.exit_code)
        except click.UsageError as error:
            if context.invoked_subcommand == "status":
                raise CannotTell(error.message, ctx=error.ctx) from error
            raise


def config_option(default: Path) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option --config."""
    return click.option(
        "--config",
        "config_path",
        # Whether it can be read is for the configuration's own sentence to say.
        type=click.Path(path_type=Path, readable=False),
        envvar="FIDAMIA_CONFIG",
        default=default,
        show_default=True,
        help="Configuration file.",
    )
