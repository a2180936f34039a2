"""`fidamia model`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from agent.cli.main import main
from agent.manifest import load_manifest
from tests.unit.builders import manifest, write_config
from tests.unit.french import in_french
from tests.unit.golden_folder import paint, write_golden
from tests.unit.toy_model import write_toy

MEASURED = {
    "photographs": {
        "top1": {"value": 0.854, "low": 0.8, "high": 0.9, "n": 1509},
        "accepted_precision": {"share": 0.96, "n": 583},
        "macro_recall": 0.87,
    },
    "drawn": {"top1": {"value": 1.0, "n": 40}},
}


def invoke(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(main, ["model", *map(str, arguments)])
    assert isinstance(result.exception, SystemExit | None), "a traceback"
    return result


def configured(directory: Path, model: str | Path) -> list[str | Path]:
    """The option that names a configuration with this model."""
    return ["--config", write_config(directory, model=f'name = "{model}"')]


def content(result: Result) -> Any:
    return msgspec.json.decode(result.stdout)


def test_the_models_are_listed_with_what_they_see_and_which_is_configured(tmp_path: Path) -> None:
    result = invoke("ls", *configured(tmp_path, "defects"))
    assert (result.exit_code, result.stderr) == (0, "")
    shipped = load_manifest()
    first, *rest = result.stdout.splitlines()
    assert first == f"defects {shipped.version} (configured)"
    assert "pothole, road crack" in rest[0]
    assert "no defect" not in result.stdout
    assert "held-out photographs named rightly" in result.stdout
    assert f" {shipped.sha256[:12]}\n" in result.stdout
    assert shipped.sha256 not in result.stdout


def test_the_list_is_french_where_the_reader_is(tmp_path: Path) -> None:
    with in_french():
        said = invoke("ls", *configured(tmp_path, "defects")).stdout
    assert "(configuré)" in said
    assert "  voit     nid-de-poule, " in said
    assert "% des " in said.replace("\N{NO-BREAK SPACE}", " ")


def test_a_folder_that_is_configured_is_listed_beside_what_is_shipped(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    write_toy(folder, metrics=MEASURED)
    result = invoke("ls", "--json", *configured(tmp_path, folder))
    assert result.exit_code == 0
    listed = content(result)
    assert listed["configured"] == str(folder)
    shipped, mine = listed["models"]
    assert (shipped["name"], shipped["configured"]) == ("defects", False)
    assert mine == {
        "name": str(folder),
        "configured": True,
        "faults": [],
        "version": "1.0.0",
        "sha256": load_manifest(str(folder)).sha256,
        "path": str(folder / "model.tflite"),
        "labels": [
            {"id": "pothole", "name": "pothole"},
            {"id": "graffiti", "name": "graffiti"},
            {"id": "no_defect", "name": "no defect"},
        ],
        "metrics": {"top1": {"value": 0.854, "n": 1509}, "accepted_precision": {"value": 0.96, "n": 583}},
    }
    spoken = invoke("ls", *configured(tmp_path, folder)).stdout
    assert "85% of 1509 held-out photographs named rightly, 96% of what it accepts is right\n" in spoken


@pytest.mark.parametrize(
    "metrics",
    [
        {},
        {"photographs": None},
        {"photographs": {"top1": 0.9}},
        {"held_out": {"top1": {"value": None, "n": 0}}},
        {"drawn": MEASURED},
        {"photographs": {"top1": {"value": 1e308, "n": 7}}},
    ],
)
def test_a_model_whose_maker_measured_nothing_is_listed_all_the_same(tmp_path: Path, metrics: Any) -> None:
    write_toy(tmp_path / "mine", metrics=metrics)
    result = invoke("ls", *configured(tmp_path, tmp_path / "mine"))
    assert result.exit_code == 0
    assert "measured  nothing that its manifest tells\n" in result.stdout


def test_a_model_that_can_not_be_used_is_listed_with_every_fault_and_the_rest_goes_on(tmp_path: Path) -> None:
    nameless = [{**label, "team": None} for label in msgspec.to_builtins(manifest().labels)]
    write_toy(tmp_path / "mine", sha256="0" * 64, labels=nameless)
    result = invoke("ls", *configured(tmp_path, tmp_path / "mine"))
    assert result.exit_code == 1
    assert "defects " in result.stdout
    assert f"{tmp_path}/mine (configured)\n" in result.stdout
    assert "labels without accept, severity or team: pothole, graffiti\n" in result.stdout
    assert "the model's SHA-256 is " in result.stdout
    _shipped, mine = content(invoke("ls", "--json", *configured(tmp_path, tmp_path / "mine")))["models"]
    assert set(mine) == {"name", "configured", "faults"}
    assert len(mine["faults"]) == 2


def test_who_may_not_read_the_configuration_still_sees_the_models(tmp_path: Path) -> None:
    result = invoke("ls", "--config", tmp_path / "none.toml")
    assert result.exit_code == 0
    assert "defects " in result.stdout
    assert "(configured)" not in result.stdout
    assert "Which model is configured can not be told: " in result.stdout
    assert content(invoke("ls", "--json", "--config", tmp_path / "none.toml"))["models"][0]["configured"] is None


def test_a_model_is_verified_by_its_folder_and_a_person_gets_a_sentence_first(tmp_path: Path) -> None:
    write_golden(tmp_path)
    result = invoke("verify", tmp_path)
    assert (result.exit_code, result.stderr) == (0, "")
    sentence, empty, *parts = result.stdout.splitlines()
    assert sentence == "The model toy 1.0.0 is right: it says of 3 golden pictures what it said when it was made."
    assert empty == ""
    assert [part.split()[0] for part in parts] == ["file", "runtime", "pictures", "duration"]
    assert "ms a picture (median)" in parts[-1]


def test_a_machine_gets_every_picture_and_the_times(tmp_path: Path) -> None:
    manifest = write_golden(tmp_path)
    verdict = content(invoke("verify", "--json", tmp_path))
    assert verdict["right"] is True
    assert verdict["model"] == {"name": "toy", "version": "1.0.0", "sha256": manifest.sha256}
    assert set(verdict["milliseconds"]) == {"median", "p95"}
    assert [set(one) for one in verdict["pictures"]] == [{"file", "label", "expected", "found", "gap"}] * 3


def test_a_model_that_is_not_right_ends_with_1_and_what_to_do(tmp_path: Path) -> None:
    write_golden(tmp_path)
    paint(tmp_path, "red", (255, 0, 0))
    result = invoke("verify", tmp_path)
    assert result.exit_code == 1
    assert "not the golden picture as it was drawn\n  Install the model again" in result.stdout
    assert content(invoke("verify", "--json", tmp_path))["right"] is False


def test_a_model_that_there_is_not_ends_with_1_and_a_sentence() -> None:
    result = invoke("verify", "nothing")
    assert result.exit_code == 1
    assert result.stdout.startswith("The model nothing can not be used.\n")


def test_the_model_configured_is_verified_where_none_is_named(tmp_path: Path) -> None:
    write_golden(tmp_path / "mine")
    result = invoke("verify", *configured(tmp_path, tmp_path / "mine"))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("The model toy 1.0.0 is right")


def test_where_the_configuration_can_not_be_read_the_shipped_model_is_verified_and_that_is_said(tmp_path: Path) -> None:
    result = invoke("verify", "--config", tmp_path / "none.toml")
    assert result.exit_code == 0
    assert result.stderr.endswith("; so the model defects is verified\n")


def test_another_runtime_than_the_configured_one_can_be_asked(tmp_path: Path) -> None:
    write_golden(tmp_path / "mine")
    path = write_config(tmp_path, model=f'name = "{tmp_path / "mine"}"\nruntime = "tflite-runtime"')
    result = invoke("verify", "--json", "--config", path, "--runtime", "ai-edge-litert")
    assert content(result)["runtime"] == "ai-edge-litert"
    assert invoke("verify", "--runtime", "onnx").exit_code == 2


def test_verifying_draws_nothing_and_listing_does_not_wait_for_opencv(tmp_path: Path) -> None:
    write_golden(tmp_path)
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from agent.cli.main import main\n"
        "CliRunner().invoke(main, ['model', *sys.argv[1:]])\n"
        "print([name for name in ('cv2', 'agent.verification', 'agent.simulation', 'central') if name in sys.modules])"
    )
    for arguments, loaded in (["ls"], []), (["verify", str(tmp_path)], ["cv2", "agent.verification"]):
        command = [sys.executable, "-c", code, *arguments]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == f"{loaded}\n"
