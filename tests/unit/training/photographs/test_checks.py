"""An archive is looked over whole: what forbids a model, what is worth a look, and what to do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.domain import Pixels
from training.photographs.checks import Report, check
from training.photographs.dataset import DatasetError
from training.photographs.remarks import ENOUGH, SMALL

Scene = Callable[[int], Pixels]
Take = Callable[[str, str, int, int], None]

ROOT = Path(__file__).parents[4]
SOURCES = '[[source]]\nname = "truck"\nlicence = "own"\n[[source]]\nname = "phone"\nlicence = "own"\n'


@pytest.fixture
def good(photos: Path, take: Take) -> Path:
    """An archive of two cameras, both of which took clean streets and defects."""
    for index, (label, source) in enumerate(
        (label, source) for label in ("pothole", "no_defect") for source in ("truck", "phone")
    ):
        take(label, source, 60, index * 100)
    (photos / "sources.toml").write_text(SOURCES)
    return photos


def remark(report: Report) -> str:
    """The only one, on one line."""
    assert report.faults == []
    (sentence,) = report.remarks
    assert f"- {sentence}" in " ".join(str(report).split())
    return sentence


def test_nothing_is_said_of_a_good_archive_but_what_is_in_it(good: Path) -> None:
    report = check(good)
    assert (report.faults, report.remarks) == ([], [])
    assert [line.split() for line in str(report).splitlines() if line.startswith("pothole")] == [
        ["pothole", "120", "phone", "60,", "truck", "60"]
    ]
    assert str(report).startswith(f"240 photographs of 2 labels in {good}")
    assert str(report).endswith("A model can be made of this.")


def test_a_look_writes_nothing(good: Path) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in good.rglob("*"))
    check(good)
    assert sorted((path, path.stat().st_mtime_ns) for path in good.rglob("*")) == before


def test_faults_and_remarks_stand_in_one_report(good: Path) -> None:
    (good / "pothole" / "truck-0001.jpg").write_bytes(b"")
    (good / "pothole" / "IMG.heic").touch()
    report = check(good)
    assert len(report.faults) == len(report.remarks) == 1
    said = " ".join(str(report).split())
    assert "No model can be made of this: - 1 file without a whole picture" in said
    assert "Worth a look: - 1 picture not looked at: pothole/IMG.heic." in said


def test_copies_are_counted_and_named(good: Path) -> None:
    for copy in ("truck-0090.jpg", "truck-0091.jpg"):
        shutil.copy(good / "pothole" / "truck-0003.jpg", good / "pothole" / copy)
    report = check(good)
    copies, cluster = report.remarks
    assert copies.startswith("2 photographs too many")
    assert "pothole/truck-0003.jpg = pothole/truck-0090.jpg" in copies
    assert cluster.startswith("3 photographs in 1 cluster of near-duplicates, at most 3 in one")


def test_near_duplicates_with_other_labels_are_no_fault_but_named(good: Path, scene: Scene) -> None:
    pixels = scene(900)
    cv2.imwrite(str(good / "pothole" / "truck-0090.jpg"), pixels[:, 3:])
    cv2.imwrite(str(good / "no_defect" / "truck-0190.jpg"), pixels[:, :-3])
    report = check(good)
    assert report.faults == []
    (sentence,) = (remark for remark in report.remarks if "with different labels" in remark)
    assert "no_defect/truck-0190.jpg = pothole/truck-0090.jpg" in sentence


def test_sources_that_share_photographs_are_told_to_be_one_group(good: Path) -> None:
    shutil.copy(good / "pothole" / "truck-0003.jpg", good / "pothole" / "phone-0190.jpg")
    assert any("phone and truck (1 pair). Give them the same `group`" in remark for remark in check(good).remarks)
    (good / "sources.toml").write_text(SOURCES.replace("licence", 'group = "van"\nlicence'))
    assert not any("phone and truck" in remark for remark in check(good).remarks)


def test_contradictions_are_left_out_and_named_when_a_person_says_so(good: Path) -> None:
    shutil.copy(good / "pothole" / "truck-0003.jpg", good / "no_defect" / "truck-0190.jpg")
    assert "Different labels for one picture" in check(good).faults[0]
    report = check(good, drop_contradictions=True)
    assert len(report.photographs) == 239
    assert remark(report) == (
        "2 photographs left out, which are one picture under two labels: "
        "no_defect/truck-0190.jpg, pothole/truck-0003.jpg."
    )


def test_pictures_of_one_grey_are_named(good: Path) -> None:
    cv2.imwrite(str(good / "no_defect" / "truck-0190.jpg"), np.full((90, 120, 3), 7, np.uint8))
    assert remark(check(good)).startswith("1 photograph of nearly one grey: no_defect/truck-0190.jpg")


def test_a_label_of_few_photographs_and_of_one_source_is_named(good: Path, take: Take) -> None:
    take("graffiti", "truck", 30, 900)
    few, single = check(good).remarks
    assert few.startswith("Fewer than 100 photographs: graffiti 30.")
    assert single.startswith("From one source only: graffiti (truck).")


def test_a_label_that_outnumbers_another_tenfold_is_named(good: Path, take: Take) -> None:
    for index, source in enumerate(("truck", "phone")):
        take("graffiti", source, 5, 900 + 10 * index)
        take("no_defect", source, 60, 1000 + 100 * index)
    assert any("no_defect has 24 times the photographs of graffiti" in remark for remark in check(good).remarks)


def test_cameras_that_tell_clean_from_defect_are_named(photos: Path, take: Take) -> None:
    take("pothole", "truck", 110, 0)
    take("pothole", "phone", 110, 200)
    take("no_defect", "tram", 110, 400)
    take("no_defect", "bus", 110, 600)
    (photos / "sources.toml").write_text(
        "".join(f'[[source]]\nname = "{s}"\n' for s in ("truck", "phone", "tram", "bus"))
    )
    assert remark(check(photos)).startswith("Only defects: phone, truck. Only clean: bus, tram.")


def test_sources_that_are_tiny_or_not_described_or_less_believed_are_named(good: Path, take: Take) -> None:
    take("pothole", "walk", 2, 900)
    (good / "sources.toml").write_text(SOURCES + "weight = 0.5\n")
    small, strange, weights = (remark for remark in check(good).remarks if not remark.startswith("Only"))
    assert small.startswith("1 source of fewer than 5 photographs: walk.")
    assert strange.startswith("1 source without a known licence: walk.")
    assert weights.endswith("less sure: phone 0.5.")


def test_a_citys_own_categories_are_taken_from_beside_the_photographs_or_from_where_it_says(
    good: Path, tmp_path: Path
) -> None:
    (good / "pothole").rename(good / "trou")
    assert "Not in the taxonomy: trou" in check(good).faults[0]
    own = tmp_path / "own.toml"
    own.write_text(
        '[no_defect]\nen = "none"\nfr = "rien"\n'
        '[[category]]\nid = "trou"\nen = "hole"\nfr = "trou"\nteam = "voirie"\nseverity = "low"\n'
    )
    assert check(good, own).faults == []
    shutil.copy(own, good / "taxonomy.toml")
    assert check(good).faults == []


def test_a_taxonomy_or_sources_that_can_not_be_read_stop_the_look(good: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"none\.toml can not be read"):
        check(good, tmp_path / "none.toml")
    (good / "sources.toml").write_text("[[source]]\n")
    with pytest.raises(DatasetError, match=r"sources\.toml"):
        check(good)


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda path: None])
def test_an_empty_folder_a_file_and_nothing_at_all_are_a_fault_in_words(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "photographs")
    report = check(tmp_path / "photographs")
    assert len(report.faults) == 1
    assert "give" in str(report)


def test_a_name_that_looks_like_markup_is_shown_as_it_is(good: Path) -> None:
    for path in good.glob("*/truck-*"):
        path.rename(path.with_name(path.name.replace("truck", "[bold]:dog:")))
    assert "[bold]:dog: 60" in str(check(good))


def test_all_of_it_is_english_whatever_the_locale(good: Path) -> None:
    (good / "pothole" / "truck-9999.jpg").write_bytes(b"no picture")
    command = [sys.executable, "-m", "training", "check", "--photos", str(good)]
    found = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"LANGUAGE": "fr"}, capture_output=True, text=True, check=False
    )
    assert found.returncode == DatasetError.exit_code
    assert "not a picture" in found.stdout


GUIDE = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "phrase",
    {
        phrase.strip()
        for row in re.findall(r"^\| (.*?) \|", GUIDE, re.MULTILINE)
        for quoted in re.findall(r"`(.+?)`", row)
        for phrase in quoted.split("…")
        if phrase.strip()
    },
)
def test_what_the_guide_explains_is_what_is_said(phrase: str) -> None:
    code = "".join(
        (ROOT / "training" / "photographs" / f"{name}.py").read_text()
        for name in ("dataset", "listing", "remarks", "split")
    )
    for name, value in (("{ENOUGH}", ENOUGH), ("{SMALL}", SMALL)):
        code = code.replace(name, str(value))
    assert phrase in re.sub(r'"\s+f?"', "", code)  # sentences are written in pieces


def test_the_guides_examples_are_read(good: Path) -> None:
    taxonomy, sources = (
        next(b for b in re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL) if k in b)
        for k in ("[[category]]", "[[source]]")
    )
    (good / "sources.toml").write_text(sources)
    (good / "taxonomy.toml").write_text(taxonomy, encoding="utf-8")
    report = check(good)
    assert report.faults == ["Not in the taxonomy: pothole; rename the label, or add it there."]
    assert any("2 sources without a known licence" in remark for remark in report.remarks)
