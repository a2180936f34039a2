"""A city's own categories and sources: taken from where it says, and every fault of the two files named."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.photographs.archive import SOURCES, TAXONOMY, chosen, known_sources, taxonomy
from training.photographs.dataset import DatasetError

CLEAN = '[no_defect]\nen = "no defect"\nfr = "aucun défaut"\n'
LEAK = '[[category]]\nid = "water_leak"\nen = "water leak"\nfr = "fuite"\nteam = "eau"\nseverity = "urgent"\n'


def test_a_citys_categories_come_in_its_order_and_no_defect_last(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(CLEAN + LEAK + LEAK.replace("water_leak", "hole") + 'codes = { sira = "V-3" }\n', encoding="utf-8")
    found = taxonomy(path)
    assert list(found) == ["water_leak", "hole", "no_defect"]
    assert (found["hole"]["team"], found["hole"]["codes"]) == ("eau", {"sira": "V-3"})


def test_every_fault_of_a_taxonomy_is_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    other = LEAK.replace("urgent", "now")
    path.write_text(LEAK + other + LEAK + LEAK.replace("water_leak", "Trou"), encoding="utf-8")
    with pytest.raises(DatasetError) as raised:
        taxonomy(path)
    lines = str(raised.value).splitlines()
    assert len(lines) == 4
    for line, words in zip(
        lines,
        ("no_defect", "category 2 (water_leak): Invalid enum value 'now'", "category 4", "water_leak stands there 2"),
        strict=True,
    ):
        assert words in line
        assert str(path) in line
    assert lines[-1].endswith("Nothing was written.")


@pytest.mark.parametrize("name", ["no_defect", "trou\\n", "a" * 65])
def test_an_id_that_no_report_may_have_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(CLEAN + LEAK.replace("water_leak", name), encoding="utf-8")
    with pytest.raises(DatasetError, match=r"own\.toml"):
        taxonomy(path)


@pytest.mark.parametrize("text", [b"[[category]\n", "# é".encode("latin-1"), b"", b"category = 3\nno_defect = 1\n"])
def test_a_file_that_is_no_taxonomy_is_refused_in_words(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "own.toml"
    path.write_bytes(text)
    with pytest.raises(DatasetError, match=r"own\.toml.*\."):
        taxonomy(path)
    with pytest.raises(DatasetError, match="can not be read"):
        taxonomy(tmp_path / "other.toml")


def test_a_source_is_its_own_group_and_fully_believed_unless_said_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "sources.toml"
    path.write_text('[[source]]\nname = "truck"\n[[source]]\nname = "phone"\ngroup = "field"\nweight = 0.4\n')
    found = known_sources(path)
    assert (found["truck"]["group"], found["truck"]["weight"]) == ("truck", 1.0)
    assert (found["phone"]["group"], found["phone"]["weight"]) == ("field", 0.4)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[source]]\nname = "a"\nweight = 0\n', "weight"),
        ('[[source]]\nname = "a"\nweight = 1.5\n', "weight"),
        ('[[source]]\nname = "a"\nwieght = 0.5\n', "wieght"),
        ('[[source]]\nwhat = "a"\n', "name"),
        ('[[source]]\nname = "a"\n[[source]]\nname = "a"\n', "source a stands there 2 times"),
    ],
)
def test_a_fault_of_the_sources_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "sources.toml"
    path.write_text(text)
    with pytest.raises(DatasetError, match=words):
        known_sources(path)


def test_the_file_that_is_named_comes_before_the_one_beside_the_photographs_and_the_shipped(tmp_path: Path) -> None:
    assert chosen(None, tmp_path, TAXONOMY) == TAXONOMY
    beside = tmp_path / "taxonomy.toml"
    beside.touch()
    assert chosen(None, tmp_path, TAXONOMY) == beside
    assert chosen(Path("own.toml"), tmp_path, TAXONOMY) == Path("own.toml")


def test_the_shipped_files_are_whole_and_hold_together_what_is_one_collection() -> None:
    assert "pothole" in taxonomy()
    found = known_sources(SOURCES)
    for one, other in (
        ("farzad", "wande"),
        ("atanu-web", "atanu-web-beside-bin"),
        ("atanu-street", "atanu-street-noisy"),
    ):
        assert found[one]["group"] == found[other]["group"]
    assert all(file.startswith(f"{name}-") for name, source in found.items() for file in source["leave_out"])
    assert found["atanu-street-noisy"]["leave_out"]
