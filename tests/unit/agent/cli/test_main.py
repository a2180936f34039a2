"""The command `fidamia` itself."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from agent import __version__
from agent.cli.guard import GuardedGroup
from agent.cli.main import VERBS, main
from agent.errors import ConfigError, DeviceError, FidamiaError, StoreError


def test_every_verb_explains_itself() -> None:
    listed = CliRunner().invoke(main, ["--help"])
    assert listed.exit_code == 0
    for verb in VERBS:
        assert verb in listed.stdout
        shown = CliRunner().invoke(main, [verb, "--help"])
        assert shown.exit_code == 0
        assert len(shown.stdout.splitlines()) > 4


def test_the_version_is_said() -> None:
    assert CliRunner().invoke(main, ["--version"]).stdout == f"fidamia, version {__version__}\n"


def test_a_verb_that_there_is_not_is_told() -> None:
    result = CliRunner().invoke(main, ["fly"])
    assert result.exit_code == 2
    assert "No such command 'fly'" in result.stderr


def program(error: Exception) -> GuardedGroup:
    """A program whose only command fails."""
    group = GuardedGroup("program", invoke_without_command=True)

    def fail() -> None:
        raise error

    group.callback = fail
    return group


@pytest.mark.parametrize(
    ("error", "code"),
    [(ConfigError("one", "two"), 78), (StoreError("x"), 74), (DeviceError("x"), 1), (FidamiaError("x"), 1)],
)
def test_a_failure_that_is_no_bug_ends_in_its_sentence_and_exit_code(error: FidamiaError, code: int) -> None:
    result = CliRunner().invoke(program(error))
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", f"{error}\n")


def test_a_bug_is_not_hidden() -> None:
    assert isinstance(CliRunner().invoke(program(ZeroDivisionError())).exception, ZeroDivisionError)


def test_a_wrong_option_of_status_does_not_say_that_the_agent_is_down() -> None:
    assert CliRunner().invoke(main, ["status", "--nonsense"]).exit_code == 3
    assert CliRunner().invoke(main, ["classify", "--nonsense"]).exit_code == 2


def test_a_daemon_with_a_wrong_configuration_ends_with_78(tmp_path: object) -> None:
    result = CliRunner().invoke(main, ["run", "--config", f"{tmp_path}/nothing.toml"])
    assert result.exit_code == 78
    assert "there is no such configuration file" in result.stderr


def test_status_and_config_check_do_not_wait_for_opencv_or_the_runtime() -> None:
    code = (
        "import sys, agent.cli.main as m\n"
        "for verb in ('status', 'config', 'run'): m.main.get_command(None, verb)\n"
        "print([name for name in ('cv2', 'ai_edge_litert', 'paho', 'central') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_command_is_a_group_of_verbs() -> None:
    assert isinstance(main, click.Group)
    assert main.list_commands(click.Context(main)) == list(VERBS)
