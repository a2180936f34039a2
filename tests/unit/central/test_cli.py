"""The command `fidamia-central`."""

from __future__ import annotations

from pathlib import Path

import msgspec
from click.testing import CliRunner

from agent import __version__
from central.cli import main
from central.store import EmbeddedStore
from tests.unit.central.builders import right


def test_every_command_explains_itself() -> None:
    for arguments in (["--help"], ["ingest", "--help"], ["export", "--help"]):
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


def write_config(directory: Path, more: str = "") -> Path:
    path = directory / "central.toml"
    path.write_text(f'[store]\ndirectory = "{directory}"\n{more}', encoding="utf-8")
    return path


def test_the_reports_are_exported_as_geojson_with_codes_while_the_store_is_in_use(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path)
    store.save([right(1), right(2, label="graffiti")], [])
    path = write_config(tmp_path, '[codes.city]\npothole = "VOI-03"\n')
    result = CliRunner().invoke(main, ["export", "--config", str(path)])
    store.close()
    assert (result.exit_code, result.stderr) == (0, "")
    collection = msgspec.json.decode(result.stdout)
    assert collection["type"] == "FeatureCollection"
    first, second = collection["features"]
    assert first == {**right(1), "properties": {**right(1)["properties"], "codes": {"city": "VOI-03"}}}
    assert second["properties"]["codes"] == {}


def test_where_there_is_no_store_nothing_is_exported_and_none_is_made(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["export", "--config", str(write_config(tmp_path))])
    assert (result.exit_code, result.stdout) == (74, "")
    assert str(tmp_path) in result.stderr
    assert [one.name for one in tmp_path.iterdir()] == ["central.toml"]


def test_a_code_of_a_label_that_there_is_not_keeps_the_intake_from_starting(tmp_path: Path) -> None:
    path = write_config(tmp_path, '[codes.city]\npotole = "VOI-03"\n')
    for verb in ("ingest", "export"):
        result = CliRunner().invoke(main, [verb, "--config", str(path)])
        assert result.exit_code == 78
        assert result.stderr == f"{path}:4: [codes.city] potole: unknown key; did you mean pothole?\n"
