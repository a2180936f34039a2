"""`fidamia classify`, with the model that is shipped."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest
from click.testing import CliRunner, Result

from agent.cli.main import main
from agent.drivers.tflite import TfliteClassifier
from agent.manifest import load_manifest
from agent.pipeline.classify import classify
from agent.pipeline.regions import road
from agent.simulation.scenery import draw
from tests.unit.builders import write_model


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(1).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    path.write_bytes(cv2.imencode(".jpg", pixels)[1].tobytes())
    return path


def invoke(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(main, ["classify", *map(str, arguments)])
    assert isinstance(result.exception, SystemExit | None), "a traceback"
    return result


def lines(result: Result) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in result.stdout.splitlines()]


def test_a_picture_gets_one_json_object_as_the_contract_says(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.jpg")
    result = invoke("--json", path)
    assert (result.exit_code, result.stderr) == (0, "")
    (found,) = lines(result)
    shipped = load_manifest()
    labels = {label.id for label in shipped.labels}
    assert set(found) == {"path", "decision", "candidates", "team", "model", "milliseconds"}
    assert found["path"] == str(path)
    assert found["decision"] in labels | {"to_review"}
    assert len(found["candidates"]) == 3
    assert {candidate["label"] for candidate in found["candidates"]} <= labels
    probabilities = [candidate["probability"] for candidate in found["candidates"]]
    assert probabilities == sorted(probabilities, reverse=True)
    assert found["team"] is None  # the picture does not know where it was taken
    assert found["model"] == {"name": shipped.name, "version": shipped.version, "sha256": shipped.sha256}
    assert found["milliseconds"] > 0


def test_a_person_gets_one_sentence_a_picture(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.jpg")
    result = invoke(path)
    assert result.exit_code == 0
    (line,) = result.stdout.splitlines()
    assert line.startswith(f"{path}: ")
    assert line.endswith("%)")


def test_a_picture_that_can_not_be_read_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    good = picture(tmp_path / "c.jpg")
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    (tmp_path / "b.jpg").write_bytes(good.read_bytes()[:-400])
    paths = [tmp_path / name for name in ("a.jpg", "b.jpg", "c.jpg", "d.jpg")]
    result = invoke("--json", *paths)
    assert result.exit_code == 1
    found = lines(result)
    assert [one["path"] for one in found] == [str(path) for path in paths]
    assert [set(one) == {"path", "error"} for one in found] == [True, True, False, True]
    assert "not a picture" in found[0]["error"]
    assert "incomplete" in found[1]["error"]
    assert "not there" in found[3]["error"]
    spoken = invoke(*paths)
    assert spoken.exit_code == 1
    assert len(spoken.stdout.splitlines()) == 1
    assert len(spoken.stderr.splitlines()) == 3


def test_a_folder_is_walked_in_order(tmp_path: Path) -> None:
    paths = [picture(tmp_path / name) for name in ("a/1.jpg", "a/b/2.jpg", "c.jpg")]
    (tmp_path / "notes.txt").write_text("no picture", encoding="utf-8")
    (tmp_path / ".hidden.jpg").write_bytes(b"")
    result = invoke("--json", tmp_path)
    assert result.exit_code == 0
    assert [one["path"] for one in lines(result)] == [str(path) for path in paths]


def test_a_folder_without_pictures_is_told(tmp_path: Path) -> None:
    result = invoke("--json", tmp_path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"no pictures found in {tmp_path}\n"


@pytest.mark.parametrize("content", [b"", None])
def test_a_name_that_is_not_utf_8_is_shown_all_the_same(tmp_path: Path, content: bytes | None) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg"))
    if content is None:
        picture(path)
    else:
        path.write_bytes(content)
    result = invoke("--json", tmp_path)
    (found,) = lines(result)
    assert found["path"] == f"{tmp_path}/caf\\xe9.jpg"
    assert result.exit_code == (0 if content is None else 1)
    spoken = invoke(tmp_path)
    assert "caf\\udce9.jpg" in spoken.output
    assert spoken.exit_code == result.exit_code


def test_a_model_that_is_not_there_or_does_not_fit_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.jpg")
    result = invoke("--model", "nothing", path)
    assert result.exit_code == 78
    assert "manifest.json: the model's manifest can not be read" in result.stderr
    result = invoke("--model", f"{write_model(tmp_path / 'mine')}/", path)
    assert result.exit_code == 78
    assert "can not load the model" in result.stderr


@pytest.mark.parametrize("arguments", [[], ["--threads", "0", "x.jpg"], ["--nonsense"]])
def test_a_wrong_call_is_told_with_the_usage(arguments: list[str]) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert "Usage: " in result.stderr


def test_of_a_vehicles_frame_the_parts_of_the_road_are_looked_at_in_all_their_pixels(tmp_path: Path) -> None:
    frame = np.full((720, 1280, 3), 110, np.uint8)
    pothole = draw("pothole", np.random.default_rng(3), 320, 180)
    frame[400:580, 480:800] = pothole  # in the middle of the distance
    cv2.imwrite(str(tmp_path / "frame.jpg"), frame)
    (whole,) = lines(invoke("--json", tmp_path / "frame.jpg"))
    (parts,) = lines(invoke("--json", "--road", "0.3", tmp_path / "frame.jpg"))
    assert "region" not in whole
    assert parts["region"] in [list(region) for region in road(0.3)]
    pixels = np.asarray(cv2.imread(str(tmp_path / "frame.jpg")), np.uint8)
    manifest = load_manifest()
    wanted = classify(pixels, TfliteClassifier(manifest), manifest, road(0.3))
    assert parts["region"] == list(wanted.region)
    assert parts["candidates"][0]["probability"] == pytest.approx(wanted.candidates[0].probability, abs=1e-4)
    assert invoke("--road", "2", tmp_path).exit_code == 2
