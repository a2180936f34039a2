"""The photographs are checked before anything is made of them."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.domain import Pixels
from training.photographs.dataset import DatasetError, read, survey
from training.photographs.duplicates import clusters

Draw = Callable[[str, str, int], None]
Scene = Callable[[int], Pixels]
Take = Callable[[str, str, int, int], None]

CATEGORIES = ("pothole", "graffiti")


def faults(photos: Path) -> list[str]:
    """What `read` refuses the folder for, which it says whole and in words."""
    found = survey(photos, CATEGORIES).faults
    with pytest.raises(DatasetError) as raised:
        read(photos, CATEGORIES)
    assert str(raised.value) == "\n".join(found) + " Nothing was written."
    assert raised.value.exit_code == 65
    return found


def test_photographs_come_sorted_with_label_source_and_what_they_look_like(photos: Path, take: Take) -> None:
    take("pothole", "north-street", 20, 0)
    take("no_defect", "south", 21, 100)
    found = read(photos, CATEGORIES)
    assert [p.path for p in found] == sorted(photos.glob("*/*.jpg"))
    assert {(p.label, p.source, p.group, p.weight) for p in found} == {
        ("pothole", "north-street", "north-street", 1.0),
        ("no_defect", "south", "south", 1.0),
    }
    assert clusters(found).tolist() == list(range(41))


def test_a_source_gives_weight_and_group_and_a_row_of_labels_csv_its_own_weight(photos: Path, take: Take) -> None:
    take("pothole", "a", 20, 0)
    take("no_defect", "b", 20, 100)
    rows = [f"{path.relative_to(photos)},{path.parent.name},phone," for path in sorted(photos.glob("*/*.jpg"))]
    rows[0] += "0.9"
    (photos / "labels.csv").write_text("path,label,source,weight\n" + "\n".join(rows))
    found = read(photos, CATEGORIES, {"phone": {"weight": 0.3, "group": "field"}})
    assert {p.group for p in found} == {"field"}
    assert [p.weight for p in found[:3]] == [0.9, 0.3, 0.3]


def test_what_a_source_says_to_leave_out_is_left_out_of_that_source_alone(photos: Path, take: Take) -> None:
    take("pothole", "a", 22, 0)
    take("no_defect", "b", 22, 100)
    names = ["a-0003.jpg", "pothole/a-0004.jpg", "b-0101.jpg"]
    found = survey(photos, CATEGORIES, {"a": {"leave_out": names}})
    assert len(found.kept) == 42
    assert {path.name for path in found.left_out} == {"a-0003.jpg", "a-0004.jpg"}
    assert (found.not_left_out, found.faults) == (["a: b-0101.jpg"], [])


def test_a_name_to_leave_out_that_two_photographs_have_is_refused(photos: Path, take: Take) -> None:
    take("pothole", "a", 22, 0)
    take("no_defect", "a", 22, 0)
    with pytest.raises(DatasetError, match=r"a leaves out a-0003\.jpg, which may be no_defect/a-0003\.jpg, pothole/"):
        read(photos, CATEGORIES, {"a": {"leave_out": ["a-0003.jpg"]}})


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ({}, "holds no photographs"),
        ({"pothole": 30}, "holds only pothole"),
        ({"no_defect": 30}, "holds only no_defect"),
        ({"pothole": 5, "no_defect": 5}, "Too few photographs: no_defect 5, pothole 5"),
        ({"pothole": 30, "no_defect": 30, "cats": 30}, "Not in the taxonomy: cats"),
    ],
)
def test_a_folder_that_can_not_make_a_model_is_refused_in_one_sentence(
    photos: Path, draw: Draw, counts: dict[str, int], sentence: str
) -> None:
    for label, count in counts.items():
        draw(label, "a", count)
    (fault,) = faults(photos)
    assert sentence in fault
    assert "\n" not in fault


def test_what_is_only_judged_may_be_few_and_of_one_label(photos: Path, draw: Draw) -> None:
    draw("pothole", "a", 3)
    assert len(read(photos, CATEGORIES, to_learn=False)) == 3
    draw("cats", "a", 3)
    with pytest.raises(DatasetError, match="Not in the taxonomy: cats"):
        read(photos, CATEGORIES, to_learn=False)


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def replaced(path: Path) -> None:
    path.write_bytes(b"\xff\xd8 not a picture \xff\xda \xff\xd9")


def made_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("spoil", [cut_off, emptied, replaced, made_a_folder])
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_files_that_hold_no_whole_picture_are_counted_and_named(
    photos: Path, draw: Draw, scene: Scene, spoil: Callable[[Path], None], suffix: str
) -> None:
    draw("pothole", "a", 30)
    draw("no_defect", "a", 30)
    path = photos / "pothole" / f"b-0003{suffix}"
    cv2.imwrite(str(path), scene(1))
    spoil(path)
    (fault,) = faults(photos)
    assert fault.startswith("1 file without a whole picture")
    assert f"(pothole/b-0003{suffix})" in fault


def test_a_whole_photograph_with_a_preview_inside_and_a_trailer_is_read(photos: Path, take: Take) -> None:
    take("pothole", "a", 30, 0)
    take("no_defect", "a", 30, 100)
    path = photos / "pothole" / "a-0003.jpg"
    data, preview = path.read_bytes(), path.read_bytes()
    exif = b"\xff\xe1" + (len(preview) + 2).to_bytes(2, "big") + preview
    path.write_bytes(data[:2] + exif + data[2:] + b"made by a telephone")
    assert len(read(photos, CATEGORIES)) == 60
    path.write_bytes((data[:2] + exif + data[2:])[:-400])
    assert "a-0003.jpg" in faults(photos)[0]


def test_a_message_names_a_few_files_and_how_many_more(photos: Path, draw: Draw) -> None:
    draw("pothole", "a", 30)
    draw("no_defect", "a", 30)
    for path in sorted(photos.glob("pothole/*"))[:7]:
        path.write_bytes(b"")
    (fault,) = faults(photos)
    assert "7 files" in fault
    assert "pothole/a-0004.jpg and 2 more)" in fault


def test_photographs_without_a_label_are_counted(photos: Path, draw: Draw) -> None:
    draw("pothole", "a", 2)
    (photos / "labels.csv").write_text("path,label,source\npothole/a-0000.jpg,,a\npothole/a-0001.jpg,,a\n")
    (fault,) = faults(photos)
    assert fault.startswith("2 photographs of")
    assert "without a label" in fault


def test_all_faults_are_said_at_once(photos: Path, take: Take) -> None:
    take("pothole", "a", 25, 0)
    take("no_defect", "a", 5, 100)
    take("cats", "a", 1, 200)
    (photos / "pothole" / "a-0001.jpg").write_bytes(b"")
    shutil.copy(photos / "pothole" / "a-0002.jpg", photos / "no_defect" / "b-0001.jpg")
    said = faults(photos)
    assert len(said) == 4
    for fault, words in zip(said, ("without a whole picture", "Different labels", "cats", "no_defect 6"), strict=True):
        assert words in fault


def mirrored_and_saved_again(pixels: Pixels) -> Pixels:
    return cv2.resize(cv2.flip(pixels, 1), (100, 90), interpolation=cv2.INTER_AREA).astype("uint8")


@pytest.mark.parametrize("change", [lambda pixels: pixels, mirrored_and_saved_again])
def test_one_picture_under_two_labels_is_named_and_left_out_when_a_person_says_so(
    photos: Path, take: Take, change: Callable[[Pixels], Pixels]
) -> None:
    take("pothole", "a", 25, 0)
    take("no_defect", "a", 25, 100)
    pixels = cv2.imread(str(photos / "pothole" / "a-0007.jpg"))
    assert pixels is not None
    cv2.imwrite(str(photos / "no_defect" / "b-0001.jpg"), change(pixels.astype("uint8")))
    (fault,) = faults(photos)
    assert "Different labels for one picture, perhaps mirrored or turned, in 1 pair" in fault
    assert "no_defect/b-0001.jpg = pothole/a-0007.jpg" in fault
    assert "--drop-contradictions" in fault
    kept = {path.path.name for path in read(photos, CATEGORIES, drop_contradictions=True)}
    assert kept == {f"a-{number:04d}.jpg" for number in (*range(25), *range(100, 125))} - {"a-0007.jpg"}


def test_one_picture_twice_under_one_label_is_no_fault(photos: Path, take: Take) -> None:
    take("pothole", "a", 25, 0)
    take("pothole", "b", 2, 0)
    take("no_defect", "a", 25, 100)
    found = read(photos, CATEGORIES)
    assert len(found) == 52
    assert len(set(clusters(found).tolist())) == 50


def test_a_file_whose_name_is_not_in_utf_8_is_named_and_not_opened(photos: Path, take: Take) -> None:
    take("pothole", "a", 22, 0)
    take("no_defect", "b", 22, 100)
    (photos / "pothole" / "a-0001.jpg").rename(photos / "pothole" / "caf\udce9-1.jpg")
    found = survey(photos, CATEGORIES)
    assert len(found.kept) == 43
    (fault,) = found.faults
    assert fault.startswith("1 file whose name is not in UTF-8 (")
    assert fault.isascii()


def test_what_was_erased_is_white_in_training_too(photos: Path, take: Take) -> None:
    take("pothole", "a", 30, 0)
    take("no_defect", "a", 30, 100)
    path = photos / "pothole" / "b-1.png"
    cv2.imwrite(str(path), np.dstack([np.full((40, 60, 3), 40, np.uint8), np.zeros((40, 60), np.uint8)]))
    (photograph,) = (one for one in read(photos, CATEGORIES) if one.path == path)
    assert photograph.pixels().min() == 255


@pytest.mark.parametrize("suffix", [".bmp", ".webp", ".tif"])
def test_what_the_device_reads_can_be_learnt_from(photos: Path, take: Take, scene: Scene, suffix: str) -> None:
    take("pothole", "a", 30, 0)
    take("no_defect", "a", 30, 100)
    cv2.imwrite(str(photos / "pothole" / f"b-1{suffix}"), scene(200))
    assert len(read(photos, CATEGORIES)) == 61


def test_a_pipe_is_not_waited_for(photos: Path, take: Take) -> None:
    take("pothole", "a", 30, 0)
    take("no_defect", "a", 30, 100)
    os.mkfifo(photos / "pothole" / "b-1.jpg")
    (fault,) = faults(photos)
    assert fault == (
        "1 file without a whole picture: not an ordinary file; name a picture, or remove it (pothole/b-1.jpg)."
    )


def test_a_collection_of_many_places_is_as_many_groups_as_it_has_blocks(photos: Path, take: Take) -> None:
    take("pothole", "web", 30, 0)
    take("no_defect", "web", 60, 100)
    take("no_defect", "truck", 30, 200)
    found = read(photos, CATEGORIES, {"web": {"group": "press", "blocks": 3}, "truck": {"group": "van", "blocks": 1}})
    assert Counter((one.label, one.group) for one in found) == {
        ("no_defect", "van"): 30,
        **{("pothole", f"press, block {number}"): 10 for number in (1, 2, 3)},
        **{("no_defect", f"press, block {number}"): 20 for number in (1, 2, 3)},
    }
    assert [one.path for one in found] == sorted(one.path for one in found)
    by_name = [one.group for one in found if (one.label, one.source) == ("pothole", "web")]
    assert by_name == sorted(by_name)


def test_the_simulators_name_is_no_sources(photos: Path, take: Take) -> None:
    take("pothole", "drawn", 30, 0)
    take("no_defect", "a", 30, 100)
    (fault,) = faults(photos)
    assert fault.startswith("drawn is the source of what the simulator draws")


def test_a_name_that_a_terminal_would_obey_is_shown_as_what_it_is(photos: Path, take: Take) -> None:
    take("pothole", "a", 30, 0)
    take("no_defect", "a", 30, 100)
    (photos / "pothole" / "b\x1b[31m-1.jpg").write_bytes(b"")
    take("cats\x1b[2J", "a", 30, 200)
    assert "\x1b" not in "".join(faults(photos))
