"""`fidamia config`."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent import config
from agent.cli.main import main
from tests.unit.builders import write_config


def invoke(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(main, ["config", *map(str, arguments)])
    assert isinstance(result.exception, SystemExit | None), "a traceback"
    return result


def test_a_right_configuration_is_called_correct(tmp_path: Path) -> None:
    path = write_config(tmp_path)
    result = invoke("check", "--config", path)
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{path}: correct\n", "")


def test_every_fault_is_named_on_standard_error(tmp_path: Path) -> None:
    path = write_config(tmp_path, sync="window = 0\nwindows = 1", trigger='every_m = "far"')
    for verb in ("check", "show"):
        result = invoke(verb, "--config", path)
        assert (result.exit_code, result.stdout) == (78, "")
        assert [line.removeprefix(f"{path}:") for line in result.stderr.splitlines()] == [
            "11: [trigger] every_m: 'far' is not allowed; expected is a number from 0 to 100000",
            "9: [sync] windows: unknown key; did you mean window?",
            "8: [sync] window: 0 is not allowed; expected is a whole number from 1 to 100",
        ]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    result = invoke("check", "--config", tmp_path / "nothing.toml")
    assert result.exit_code == 78
    assert "there is no such configuration file" in result.stderr


def test_the_file_can_be_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIDAMIA_CONFIG", str(write_config(tmp_path)))
    assert invoke("check").exit_code == 0


def test_what_is_shown_is_what_is_in_force_and_can_be_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    further = {"cameras.side": 'source = "/dev/video2"\nyaw_deg = 90.0'}
    path = write_config(tmp_path, camera="regions = [[0.0, 0.5, 1.0, 1.0]]\nwidth = 1280", **further)
    monkeypatch.setenv("FIDAMIA_SYNC_WINDOW", "7")
    result = invoke("show", "--config", path)
    assert result.exit_code == 0
    shown = tmp_path / "shown.toml"
    shown.write_text(result.stdout, encoding="utf-8")
    in_force = config.load(path)
    assert in_force.sync.window == 7
    monkeypatch.delenv("FIDAMIA_SYNC_WINDOW")
    assert config.load(shown) == in_force


def test_sections_of_any_name_are_shown_and_can_be_loaded(tmp_path: Path) -> None:
    sections = {"routes.port": 'zones = ["port"]\nteam = "x"', "routes.rest": "", "urgent.now": 'mark = "now"'}
    path = write_config(tmp_path, **sections)
    result = invoke("show", "--config", path)
    assert result.exit_code == 0
    shown = tmp_path / "shown.toml"
    shown.write_text(result.stdout, encoding="utf-8")
    assert list(config.load(shown).routes) == ["port", "rest"]
    assert config.load(shown) == config.load(path)


def test_secrets_are_masked(tmp_path: Path) -> None:
    path = write_config(
        tmp_path,
        camera='source = "rtsp://me:hunter2@camera:554/stream1?token=hunter2"',
        broker='username = "hunter2"\npassword_file = "/etc/fidamia/broker.password"',
    )
    result = invoke("show", "--config", path)
    assert result.exit_code == 0
    assert "hunter2" not in result.output
    assert 'source = "rtsp://camera:554/stream1"' in result.stdout
    assert 'username = "***"' in result.stdout
    assert 'password_file = "/etc/fidamia/broker.password"' in result.stdout


def test_what_is_no_secret_is_shown_as_it_is(tmp_path: Path) -> None:
    path = write_config(tmp_path, camera='source = "/photos/what?/patrol"')
    assert 'source = "/photos/what?/patrol"' in invoke("show", "--config", path).stdout


def test_a_file_of_the_broker_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = write_config(tmp_path, broker='host = "broker.example.org"\nca = "/nowhere/ca.pem"')
    result = CliRunner().invoke(main, ["config", "check", "--config", str(path)])
    assert result.exit_code == 78
    assert "/nowhere/ca.pem: can not be read (No such file or directory); check [broker] ca\n" in result.stderr
