"""A folder says what its photographs show; each fault of what it says is named, and where it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from training.photographs.listing import listed, overlooked

Draw = Callable[[str, str, int], None]


def write(photos: Path, text: str, encoding: str = "utf-8") -> None:
    (photos / "labels.csv").write_text(text, encoding=encoding)


def test_a_folder_a_label_takes_the_source_from_the_names(photos: Path, draw: Draw) -> None:
    draw("pothole", "rue-de-rome", 2)
    (photos / "pothole" / "0007.jpg").write_bytes(b"")
    entries, faults = listed(photos)
    assert [(entry.label, entry.source) for entry in entries] == [("pothole", "unnamed")] + [
        ("pothole", "rue-de-rome")
    ] * 2
    assert faults == []


def test_labels_csv_says_path_label_source_and_weight(photos: Path, draw: Draw) -> None:
    draw("a", "x", 3)
    write(photos, "path,label,source,weight\na/x-0000.jpg,pothole,phone,0.5\na/x-0001.jpg, graffiti ,,\n\n")
    entries, faults = listed(photos)
    assert [(e.path.name, e.label, e.source, e.weight) for e in entries] == [
        ("x-0000.jpg", "pothole", "phone", 0.5),
        ("x-0001.jpg", "graffiti", "unnamed", None),
    ]
    assert faults == []


@pytest.mark.parametrize(("separator", "encoding"), [(";", "utf-8"), (",", "utf-8-sig"), (";", "utf-8-sig")])
def test_what_a_spreadsheet_saves_is_read(photos: Path, draw: Draw, separator: str, encoding: str) -> None:
    draw("a", "x", 1)
    rows = (("Path", "Label", "Source"), ("a/x-0000.jpg", "pothole", "été"))
    write(photos, "\r\n".join(separator.join(row) for row in rows), encoding)
    entries, faults = listed(photos)
    assert [(entry.label, entry.source) for entry in entries] == [("pothole", "été")]
    assert faults == []


def test_a_table_of_a_french_spreadsheet_on_windows_is_read(photos: Path, draw: Draw) -> None:
    draw("a", "x", 1)
    write(photos, "path;label;source;weight\na\\x-0000.jpg;pothole;s;0,5\n")
    (entry,), faults = listed(photos)
    assert (entry.path, entry.weight, faults) == (photos / "a" / "x-0000.jpg", 0.5, [])


def test_every_fault_of_the_rows_is_named_with_its_line(photos: Path, draw: Draw) -> None:
    draw("a", "x", 4)
    write(
        photos,
        "path,label,source,weight\n"
        "a/x-0000.jpg,pothole,s,1\n"
        "../secret.jpg,pothole,s,1\n"
        "/etc/passwd,pothole,s,1\n"
        "a/gone.jpg,pothole,s,1\n"
        "./a/x-0000.jpg,graffiti,s,1\n"
        "a/x-0001.jpg,pothole,s,2\n"
        "a/x-0002.jpg,pothole,s,half\n"
        "a/x-0003.jpg,pothole,s,0.1\n",
    )
    entries, faults = listed(photos)
    assert [entry.path.name for entry in entries] == [f"x-000{index}.jpg" for index in range(4)]
    assert faults == [
        "labels.csv has a path that leaves the folder in 2 lines (line 3, line 4); give one below it.",
        "labels.csv has a file that is not there in 1 line (line 5: a/gone.jpg); add it, or remove the line.",
        "labels.csv has a file named before in 1 line (line 6: a/x-0000.jpg); keep one of the lines.",
        "labels.csv has a weight not above 0 and at most 1 in 2 lines (line 7: 2, line 8: half); "
        "write 1 for a label that is sure, or nothing.",
    ]


@pytest.mark.parametrize(
    ("text", "encoding", "sentence"),
    [
        ("path,label\na.jpg,été\n", "utf-8", "lacks the column source"),
        ("", "utf-8", "lacks the column label, path, source"),
        ("path,label,source\na.jpg,pothole,été\n", "latin-1", "is not in UTF-8"),
        ('path,label,source\na.jpg,pothole,"s\n', "utf-8", "after line 1: unexpected end of data"),
    ],
)
def test_a_table_that_can_not_be_read_is_one_fault(photos: Path, text: str, encoding: str, sentence: str) -> None:
    write(photos, text, encoding)
    entries, (fault,) = listed(photos)
    assert entries == []
    assert sentence in fault


def test_a_folder_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    assert listed(tmp_path / "photos") == (
        [],
        [f"{tmp_path}/photos is not a folder; give the one that holds the photographs."],
    )


def test_pictures_that_nothing_takes_are_overlooked_but_not_those_that_a_computer_hides(
    photos: Path, draw: Draw
) -> None:
    draw("pothole", "a", 1)
    for name in ("top.jpg", "pothole/IMG.HEIC", "pothole/deep/b.jpg", "pothole/._a-0000.jpg", "__MACOSX/pothole/b.jpg"):
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        (photos / name).write_bytes(b"")
    entries, _ = listed(photos)
    assert [entry.path.name for entry in entries] == ["a-0000.jpg"]
    unused = [str(path.relative_to(photos)) for path in overlooked(photos, [entry.path for entry in entries])]
    assert unused == ["pothole/IMG.HEIC", "pothole/deep/b.jpg", "top.jpg"]


def test_a_labels_csv_that_leads_nowhere_is_not_passed_over(photos: Path, draw: Draw) -> None:
    draw("pothole", "a", 1)
    (photos / "labels.csv").symlink_to("nowhere.csv")
    assert listed(photos) == ([], [f"{photos}/labels.csv can not be read (No such file or directory); correct that."])


def test_a_label_that_can_not_be_read_is_named(photos: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    draw("graffiti", "a", 1)
    draw("pothole", "a", 1)
    read = Path.iterdir

    def forbidden(folder: Path) -> Iterator[Path]:
        if folder.name == "pothole":
            raise PermissionError(13, "Permission denied", str(folder))
        return read(folder)

    monkeypatch.setattr(Path, "iterdir", forbidden)
    assert listed(photos)[1] == [f"{photos}/pothole can not be read (Permission denied); correct that."]
