"""The manifest of a model, and what is said where it does not fit its file."""

from __future__ import annotations

import io
import tomllib
import zipfile
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.errors import ConfigError
from agent.manifest import LABELS_FILE, load_manifest, shipped_models
from tests.unit.builders import LABELS, manifest, write_model
from tests.unit.french import in_french
from tests.unit.toy_model import write_toy


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


def test_the_labels_of_every_shipped_model_are_named_and_routed_as_the_taxonomy_says() -> None:
    taxonomy = tomllib.loads((files("agent.models") / "taxonomy.toml").read_text(encoding="utf-8"))
    known = {category["id"]: category for category in taxonomy["category"]} | {"no_defect": taxonomy["no_defect"]}
    assert shipped_models()
    for model in shipped_models():
        for label in load_manifest(model).labels:
            said = msgspec.structs.asdict(label)
            assert label.en
            assert label.fr
            for key in ("en", "fr", "severity", "team"):
                assert said[key] == known[label.id].get(key), (label.id, key)


def test_a_label_is_called_in_the_readers_language() -> None:
    pothole = manifest().label("pothole")
    assert pothole.name == "pothole"
    with in_french():
        assert pothole.name == "nid-de-poule"


def test_a_model_is_found_by_its_folder(tmp_path: Path) -> None:
    found = load_manifest(str(write_model(tmp_path / "mine")))
    assert found.path == tmp_path / "mine" / "model.tflite"


def test_a_label_that_the_model_has_not_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="person"):
        manifest().label("person")


def test_labels_that_are_mistaken_for_one_another_are_of_one_group_and_any_other_of_its_own() -> None:
    assert manifest().groups() == {"pothole": [0], "graffiti": [1]}
    pothole, graffiti, clean = manifest().labels
    crack = msgspec.structs.replace(pothole, id="crack", group="road")
    grouped = [graffiti, crack, clean, msgspec.structs.replace(pothole, group="road")]
    assert msgspec.structs.replace(manifest(), labels=grouped).groups() == {"graffiti": [0], "road": [1, 3]}


def test_every_defect_of_a_shipped_model_is_of_one_group() -> None:
    for model in shipped_models():
        shipped = load_manifest(model)
        grouped = [shipped.labels[i].id for indices in shipped.groups().values() for i in indices]
        assert sorted(grouped) == sorted(label.id for label in shipped.labels if label.id != "no_defect")


def test_the_groups_and_heights_of_a_manifest_are_read(tmp_path: Path) -> None:
    write_model(tmp_path, labels=labels(group="road", above=1.5))
    first, second, _clean = load_manifest(str(tmp_path)).labels
    assert (first.group, first.above) == ("road", 1.5)
    assert (second.group, second.above) == (None, 0.0)


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
        ({"input": {"width": 4, "height": 4, "mean": 1e300, "scale": 1}}, "input.mean"),
        ({"input": {"width": 100_000, "height": 4, "mean": 0.0, "scale": 1}}, "input.width"),
        ({"name": ""}, "name"),
        ({"labels": labels()[:1]}, "labels"),
        ({"labels": labels(id="Pot Hole")}, "labels[0].id"),
        ({"labels": labels(id="pothole\n")}, "labels[0].id"),
        ({"labels": labels(severity="terrible")}, "labels[0].severity"),
        ({"labels": labels(group="")}, "labels[0].group"),
        ({"labels": labels(above=-0.1)}, "labels[0].above"),
    ],
)
def test_a_wrong_value_is_told_with_its_name(tmp_path: Path, changes: dict[str, Any], named: str) -> None:
    assert f"$.{named}" in fault(write_model(tmp_path, **changes))


def test_labels_must_be_unique(tmp_path: Path) -> None:
    assert "labels must be unique and hold no_defect" in fault(write_model(tmp_path, labels=labels(id="graffiti")))


def test_a_model_must_be_able_to_see_nothing(tmp_path: Path) -> None:
    assert "labels must be unique and hold no_defect" in fault(write_model(tmp_path, labels=labels()[:2]))


def test_a_clean_street_is_never_accepted_as_a_defect(tmp_path: Path) -> None:
    *defects, clean = labels()
    write_model(tmp_path, labels=[*defects, {**clean, "accept": 0.0}])
    assert "no_defect can not be accepted as a defect" in fault(tmp_path)


@pytest.mark.parametrize("missing", ["accept", "severity", "team"])
def test_a_defect_must_say_what_follows_from_it(tmp_path: Path, missing: str) -> None:
    write_model(tmp_path, labels=labels(**{missing: None}))
    assert "labels without accept, severity or team: pothole" in fault(tmp_path)


def test_a_number_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    path = write_model(tmp_path) / "manifest.json"
    path.write_text(path.read_text().replace('"scale":127.5', '"scale":1e999'))
    assert "manifest.json: the model's manifest is wrong: " in fault(tmp_path)


def with_labels(*lines: str, name: str = LABELS_FILE) -> bytes:
    """A file that is no model, with an archive behind it that holds these labels."""
    content = io.BytesIO(b"not a model")
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr(name, "".join(f"{line}\n" for line in lines))
    return content.getvalue()


def test_a_model_that_carries_the_manifests_labels_is_taken(tmp_path: Path) -> None:
    write_toy(tmp_path, with_labels(*LABELS))
    assert [label.id for label in load_manifest(str(tmp_path)).labels] == list(LABELS)


@pytest.mark.parametrize(
    "content",
    [b"", b"not a model", with_labels("cat", "dog", name="classes.txt"), with_labels(*LABELS)[:-4]],
    ids=["empty", "no archive", "an archive of others", "half an archive"],
)
def test_a_model_without_labels_of_its_own_is_taken(tmp_path: Path, content: bytes) -> None:
    write_toy(tmp_path, content)
    assert load_manifest(str(tmp_path)).name == "toy"


def test_labels_in_another_order_are_told_with_their_places(tmp_path: Path) -> None:
    write_toy(tmp_path, with_labels("graffiti", "pothole", "no_defect"))
    expected = "1. graffiti (the manifest: pothole), 2. pothole (the manifest: graffiti)"
    assert fault(tmp_path) == (
        f"{tmp_path}/model.tflite: the labels in the model's file are others than the manifest's: {expected}"
    )


@pytest.mark.parametrize(
    ("own", "difference"),
    [
        (("pothole", "graffiti"), "3. - (the manifest: no_defect)"),
        ((*LABELS, "flooding"), "4. flooding (the manifest: -)"),
        (("nid-de-poule", "graffiti", "no_defect"), "1. nid-de-poule (the manifest: pothole)"),
        ((), "1. - (the manifest: pothole), 2. - (the manifest: graffiti), 3. - (the manifest: no_defect)"),
    ],
)
def test_a_label_too_many_too_few_or_of_another_name_is_told(
    tmp_path: Path, own: tuple[str, ...], difference: str
) -> None:
    write_toy(tmp_path, with_labels(*own))
    assert fault(tmp_path).endswith(f"than the manifest's: {difference}")


def test_the_labels_of_a_damaged_file_are_not_believed(tmp_path: Path) -> None:
    write_toy(tmp_path, with_labels("graffiti", "pothole", "no_defect"), sha256="0" * 64)
    said = fault(tmp_path)
    assert "the model's SHA-256 is " in said
    assert "labels" not in said


def test_every_difference_is_told_at_once_and_in_french(tmp_path: Path) -> None:
    write_toy(tmp_path, with_labels("graffiti", "graffiti", "no_defect"), labels=labels(accept=None))
    with in_french(), pytest.raises(ConfigError) as refused:
        load_manifest(str(tmp_path))
    assert refused.value.faults == (
        f"{tmp_path}/manifest.json : étiquettes sans accept, severity ou team : pothole",
        f"{tmp_path}/model.tflite : les étiquettes dans le fichier du modèle ne sont pas celles du manifeste : "
        "1. graffiti (le manifeste : pothole)",
    )
