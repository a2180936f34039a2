"""The manifest of a model, and what is said where it does not fit its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.errors import ConfigError
from agent.manifest import load_manifest
from tests.unit.builders import manifest, write_model


def labels(**changes: Any) -> list[dict[str, Any]]:
    """The labels of the toy model; `changes` are made to the first."""
    first, *others = [msgspec.to_builtins(label) for label in manifest().labels]
    return [{**first, **changes}, *others]


def fault(directory: Path) -> str:
    with pytest.raises(ConfigError) as refused:
        load_manifest(str(directory))
    return str(refused.value)


def test_the_shipped_model_fits_its_manifest() -> None:
    shipped = load_manifest()
    assert shipped.name == "defects"
    assert shipped.path.is_file()
    assert shipped.identity.sha256 == shipped.sha256
    assert shipped.label("pothole").fr == "nid-de-poule"
    assert shipped.label("no_defect").accept is None


def test_a_model_is_found_by_its_folder(tmp_path: Path) -> None:
    found = load_manifest(str(write_model(tmp_path / "mine")))
    assert found.path == tmp_path / "mine" / "model.tflite"


def test_a_label_that_the_model_has_not_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="person"):
        manifest().label("person")


def test_a_file_that_was_changed_is_told_with_both_hashes(tmp_path: Path) -> None:
    write_model(tmp_path)
    expected = load_manifest(str(tmp_path)).sha256
    with (tmp_path / "model.tflite").open("ab") as file:
        file.write(b"!")
    said = fault(tmp_path)
    assert f"the manifest says {expected}" in said
    assert "model.tflite: the model's SHA-256 is " in said
    assert "install the model again" in said


def test_a_model_that_is_not_there_is_told(tmp_path: Path) -> None:
    write_model(tmp_path)
    (tmp_path / "model.tflite").unlink()
    assert "model.tflite: the model can not be read (No such file or directory)" in fault(tmp_path)


def test_a_name_that_is_not_shipped_is_told_with_the_key_to_set() -> None:
    with pytest.raises(ConfigError, match=r"nothing/manifest\.json: .*set \[model\] name to a shipped model"):
        load_manifest("nothing")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"name": "\xff"}', b"[" * 100_000, b'{"name": 3}'])
def test_a_manifest_that_is_no_json_of_a_manifest_is_told(tmp_path: Path, content: bytes) -> None:
    write_model(tmp_path)
    (tmp_path / "manifest.json").write_bytes(content)
    assert "manifest.json: the model's manifest is wrong: " in fault(tmp_path)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"file": "../model.tflite"}, "file"),
        ({"sha256": "F" * 64}, "sha256"),
        ({"review": 1.5}, "review"),
        ({"temperature": 0}, "temperature"),
        ({"input": {"width": 4, "height": 4, "mean": 0.0, "scale": 0}}, "input.scale"),
        ({"labels": labels()[:1]}, "labels"),
        ({"labels": labels(id="Pot Hole")}, "labels[0].id"),
        ({"labels": labels(severity="terrible")}, "labels[0].severity"),
    ],
)
def test_a_wrong_value_is_told_with_its_name(tmp_path: Path, changes: dict[str, Any], named: str) -> None:
    assert f"$.{named}" in fault(write_model(tmp_path, **changes))


def test_labels_must_be_unique(tmp_path: Path) -> None:
    assert "labels must be unique and hold no_defect" in fault(write_model(tmp_path, labels=labels(id="graffiti")))


def test_a_model_must_be_able_to_see_nothing(tmp_path: Path) -> None:
    assert "labels must be unique and hold no_defect" in fault(write_model(tmp_path, labels=labels()[:2]))


@pytest.mark.parametrize("missing", ["accept", "severity", "team"])
def test_a_defect_must_say_what_follows_from_it(tmp_path: Path, missing: str) -> None:
    write_model(tmp_path, labels=labels(**{missing: None}))
    assert "labels without accept, severity or team: pothole" in fault(tmp_path)
