"""The photographs are checked before anything is made of them, and split by place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from training.__main__ import main
from training.dataset import DatasetError, Photograph, read, split

Draw = Callable[[str, str, int], None]

CATEGORIES = ("pothole", "graffiti")


def run(photos: Path, out: Path) -> tuple[int, str]:
    result = CliRunner().invoke(
        main, ["--photos", str(photos), "--out", str(out), "--work", str(photos.parent / "work")]
    )
    return result.exit_code, result.output


def test_a_folder_a_label_is_read_with_its_sources(photos: Path, draw: Draw) -> None:
    draw("pothole", "north-street", 20)
    draw("no_defect", "south", 21)
    found = read(photos, CATEGORIES)
    assert {(p.label, p.source) for p in found} == {("pothole", "north-street"), ("no_defect", "south")}
    assert len(found) == 41


def test_labels_csv_says_label_and_source(photos: Path, draw: Draw) -> None:
    draw("pothole", "a", 20)
    draw("no_defect", "b", 20)
    rows = [f"{path.relative_to(photos)},{path.parent.name},one-camera" for path in photos.glob("*/*.jpg")]
    (photos / "labels.csv").write_text("path,label,source\n" + "\n".join(rows))
    assert {p.source for p in read(photos, CATEGORIES)} == {"one-camera"}


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ({}, "holds no photographs"),
        ({"pothole": 30}, "holds only pothole"),
        ({"pothole": 5, "no_defect": 5}, "Too few photographs: no_defect 5, pothole 5"),
        ({"pothole": 30, "no_defect": 30, "cats": 30}, "cats is not in the taxonomy"),
    ],
)
def test_a_folder_that_can_not_make_a_model_gives_a_sentence_and_no_model(
    photos: Path, draw: Draw, tmp_path: Path, counts: dict[str, int], sentence: str
) -> None:
    for label, count in counts.items():
        draw(label, "a", count)
    out = tmp_path / "model"
    code, said = run(photos, out)
    assert (code, said.count("\n")) == (DatasetError.exit_code, 1)
    assert sentence in said
    assert "Nothing was written." in said
    assert not out.exists()


def test_unreadable_files_are_named_and_the_model_in_place_is_kept(photos: Path, draw: Draw, tmp_path: Path) -> None:
    draw("pothole", "a", 30)
    draw("no_defect", "a", 30)
    (photos / "pothole" / "a-0003.jpg").write_bytes(b"not a picture")
    out = tmp_path / "model"
    out.mkdir()
    (out / "model.tflite").write_bytes(b"the model in place")
    code, said = run(photos, out)
    assert code == DatasetError.exit_code
    assert "1 files can not be read" in said
    assert "a-0003.jpg" in said
    assert [path.name for path in tmp_path.iterdir() if path.name not in ("photos", "model")] == []
    assert (out / "model.tflite").read_bytes() == b"the model in place"


def test_photographs_without_a_label_are_counted_in_the_sentence(photos: Path, draw: Draw) -> None:
    draw("pothole", "a", 2)
    (photos / "labels.csv").write_text("path,label,source\npothole/a-0000.jpg,,a\npothole/a-0001.jpg,pothole,a\n")
    with pytest.raises(DatasetError, match=r"1 photographs of .* have no label"):
        read(photos, CATEGORIES)


def photographs(label: str, source: str, count: int) -> list[Photograph]:
    return [Photograph(Path(f"{label}/{source}-{index:04d}.jpg"), label, source) for index in range(count)]


def test_a_split_never_shares_a_block_of_names_or_a_held_out_source() -> None:
    every = [
        *photographs("pothole", "a", 50),
        *photographs("pothole", "b", 30),
        *photographs("no_defect", "a", 40),
        *photographs("no_defect", "c", 10),
    ]
    training, held_out = split(every[::-1], ["b"], 0.2)
    assert sorted(map(str, (p.path for p in training + held_out))) == sorted(map(str, (p.path for p in every)))
    assert "b" not in {p.source for p in training}
    assert sum(p.source == "b" for p in held_out) == 30
    for label, source in (("pothole", "a"), ("no_defect", "a"), ("no_defect", "c")):
        last = max(p.path for p in training if (p.label, p.source) == (label, source))
        assert all(p.path > last for p in held_out if (p.label, p.source) == (label, source))


def test_a_label_whose_every_source_is_held_out_is_refused() -> None:
    with pytest.raises(DatasetError, match="pothole"):
        split([*photographs("pothole", "b", 30), *photographs("no_defect", "a", 30)], ["b"], 0.2)
