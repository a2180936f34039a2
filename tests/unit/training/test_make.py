"""What a run refuses before it learns, and how it names what it keeps."""

from __future__ import annotations

import errno
import os
import signal
from dataclasses import replace
from pathlib import Path

import click
import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from agent.errors import FidamiaError
from training.__main__ import Guarded
from training.folder import Arrays, alone, remembered, replacing, whole
from training.judging.evaluate import Inputs
from training.make import Asked, gather, make
from training.settings import Settings

TAXONOMY = """
[no_defect]
en = "none"
fr = "rien"
"""
CATEGORY = """
[[category]]
id = "{id}"
en = "{id}"
fr = "{id}"
team = "voirie"
severity = "low"
"""


@pytest.fixture
def archive(photos: Path) -> Path:
    """Three labels of two sources, no two pictures alike."""
    for index, label in enumerate(("leak", "hole", "no_defect")):
        (photos / label).mkdir()
        for number in range(24):
            pixels = np.random.default_rng([index, number]).integers(0, 256, (9, 16, 3), np.uint8)
            pixels = cv2.resize(pixels, (64, 36), interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(str(photos / label / f"{'ab'[number % 2]}-{number}.png"), pixels)
    return photos


def taxonomy(path: Path, *ids: str) -> Path:
    path.write_text(TAXONOMY + "".join(CATEGORY.format(id=name) for name in ids))
    return path


def test_what_is_kept_is_of_these_pictures_in_this_order_of_labels(archive: Path, tmp_path: Path) -> None:
    settings = replace(Settings(), drawn_judging=0)
    one = Inputs(archive, taxonomy=taxonomy(tmp_path / "one.toml", "leak", "hole"))
    other = Inputs(archive, taxonomy=taxonomy(tmp_path / "other.toml", "hole", "leak"))
    first, second = (gather(inputs, settings, tmp_path) for inputs in (one, other))
    assert first.labels == ("leak", "hole", "no_defect")
    assert second.labels == ("hole", "leak", "no_defect")
    assert first.kept != second.kept
    assert gather(one, settings, tmp_path).kept == first.kept
    left, right = archive / "leak" / "a-0.png", archive / "leak" / "a-2.png"
    content = left.read_bytes()
    left.write_bytes(right.read_bytes())
    right.write_bytes(content)
    assert gather(one, settings, tmp_path).kept != first.kept


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": ""}, "--version: '' is no model's version"),
        ({"out": Path("m" * 70)}, "is no model's name"),
        ({"report": Path("/proc/nothing/here")}, "--report /proc/nothing/here"),
    ],
)
def test_what_would_fail_in_the_end_is_refused_before_anything_is_read(
    tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    asked = replace(Asked(tmp_path / "model", "1.0.0", tmp_path / "work"), **changes)  # type: ignore[arg-type]
    with pytest.raises(FidamiaError, match=words) as refused:
        make(Inputs(tmp_path), asked, Settings())
    assert str(refused.value).endswith("Nothing was written.")


def test_a_model_does_not_go_among_the_photographs(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(FidamiaError, match="holds the photographs"):
        make(Inputs(archive), Asked(archive / ".." / archive.name, "1.0.0", tmp_path), Settings())


def test_what_can_not_be_written_whole_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    path.write_text("old")

    def fail() -> None:
        with whole(path) as partial:
            partial.write_text("half")
            raise OSError(errno.ENOSPC, "full")

    with pytest.raises(OSError, match="full") as raised:
        fail()
    assert raised.value.filename == str(path)
    assert [one.name for one in tmp_path.iterdir()] == ["figures.json"]
    assert path.read_text() == "old"


def test_what_was_made_before_is_not_made_again_unless_it_is_damaged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "work" / "said.npz"
    made: Arrays = {"said": np.arange(6.0).reshape(2, 3), "epochs": 4}

    def make() -> Arrays:
        return made

    def refuse() -> Arrays:
        raise AssertionError

    assert remembered(path, make) is made
    kept = remembered(path, refuse)
    assert kept["said"].tolist() == made["said"].tolist()
    assert int(kept["epochs"]) == 4
    path.write_bytes(path.read_bytes()[:100])
    assert remembered(path, make) is made
    assert capsys.readouterr().err == f"{path} is damaged; its content is made again\n"
    assert remembered(path, refuse)["said"].tolist() == made["said"].tolist()


def test_a_model_takes_the_place_of_another_and_of_its_golden_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("model.tflite", "manifest.json", "golden.json", "golden-hole.png", "codes.toml"):
        (folder / name).write_text("old")
    with replacing(folder) as fresh:
        for name in ("manifest.json", "model.tflite", "golden-leak.png"):
            (fresh / name).write_text("new")
    found = {path.name: path.read_text() for path in folder.iterdir()}
    new = {"model.tflite": "new", "manifest.json": "new", "golden-leak.png": "new"}
    assert found == new | {"codes.toml": "old"}
    assert list(tmp_path.iterdir()) == [folder]


def test_a_model_goes_where_a_link_leads_even_if_nothing_is_there_yet(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("there")
    with replacing(tmp_path / "link") as fresh:
        (fresh / "model.tflite").touch()
    assert (tmp_path / "there" / "model.tflite").exists()


def test_two_runs_do_not_work_in_one_folder(tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(FidamiaError, match="Another run works in"), alone(tmp_path):
        raise AssertionError
    with alone(tmp_path):
        pass


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/x/y"), 74, "/x/y: No space left on device. Correct that"),
        (OSError("write failed"), 74, "write failed. Correct that"),
        (FidamiaError("what is wrong"), 1, "what is wrong"),
    ],
)
def test_what_the_disk_refuses_is_a_sentence(error: Exception, code: int, words: str) -> None:
    @click.group(cls=Guarded)
    def group() -> None: ...

    @group.command()
    def fail() -> None:
        raise error

    result = CliRunner().invoke(group, ["fail"])
    assert result.exit_code == code
    assert result.stderr.startswith(words)


def test_a_run_that_is_told_to_stop_leaves_nothing_half_done(tmp_path: Path) -> None:
    @click.group(cls=Guarded)
    def group() -> None: ...

    @group.command()
    def stop() -> None:
        with replacing(tmp_path / "model") as fresh:
            (fresh / "model.tflite").touch()
            os.kill(os.getpid(), signal.SIGTERM)

    result = CliRunner().invoke(group, ["stop"])
    assert result.exit_code == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []
