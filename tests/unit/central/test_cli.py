"""The command `fidamia-central`."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from agent import __version__
from central.cli import main


def test_every_command_explains_itself() -> None:
    for arguments in (["--help"], ["ingest", "--help"]):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0
        assert "Usage: " in result.stdout


def test_the_version_is_said() -> None:
    assert CliRunner().invoke(main, ["--version"]).stdout == f"fidamia-central, version {__version__}\n"


def test_a_wrong_configuration_ends_with_78_and_every_fault(tmp_path: Path) -> None:
    path = tmp_path / "central.toml"
    path.write_text("[ingest]\nnme = 1\n[store]\ndirectory = 3\n", encoding="utf-8")
    result = CliRunner().invoke(main, ["ingest", "--config", str(path)])
    assert result.exit_code == 78
    assert isinstance(result.exception, SystemExit)
    assert len(result.stderr.splitlines()) == 2
    assert "did you mean name?" in result.stderr
