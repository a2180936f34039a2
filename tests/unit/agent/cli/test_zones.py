"""`fidamia zones`: taking zones in, and looking at them."""

from __future__ import annotations

import json
import random
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from agent.cli.main import main
from agent.zones.zones import Zones
from tests.unit.builders import write_config
from tests.unit.french import in_french
from tests.unit.zone_files import COMMUNES, collection, feature, geopackage, square, with_communes, zone

AIX = feature(square(0, 0, 3), square(1, 1), code="13001", nom="Aix-en-Provence")
ALLAUCH = feature(square(3, 0, 3), code="13002", nom="Allauch")
SCHOOL = feature(square(0, 0), kind="no_capture", name="École Jules Ferry")
FAIR = feature(square(0, 0), kind="statistics", name="Foire")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a configuration and a file of each kind."""
    write_config(tmp_path)
    collection(tmp_path / "communes.geojson", AIX, ALLAUCH)
    collection(tmp_path / "special.geojson", SCHOOL, FAIR)
    return tmp_path


def zones(folder: Path, *arguments: str) -> Result:
    result = CliRunner().invoke(main, ["zones", arguments[0], "--config", str(folder / "agent.toml"), *arguments[1:]])
    assert isinstance(result.exception, SystemExit | None), "a traceback"
    return result


def kept(folder: Path) -> list[str]:
    return [one.id for one in Zones.load(folder / "store").all]


def test_an_import_says_what_came_of_it(folder: Path) -> None:
    result = zones(folder, "import", str(folder / "communes.geojson"))
    assert (result.exit_code, result.stdout.splitlines()) == (
        0,
        [
            f"{folder}/communes.geojson: imported: communes 2, without capture 0, statistics only 0; "
            "replaced: 0; repaired: 0; refused: 0",
            "They lie between 43.0000 and 43.0300 north, 5.0000 and 5.0600 east.",
            "The agent decides with them from its next start.",
        ],
    )
    assert zones(folder, "import", str(folder / "special.geojson")).exit_code == 0
    assert kept(folder) == ["13001", "13002", "École Jules Ferry", "Foire"]


def test_only_the_kinds_of_the_file_are_replaced(folder: Path) -> None:
    for name in ("communes", "special", "communes"):
        result = zones(folder, "import", str(folder / f"{name}.geojson"))
    assert "replaced: 2;" in result.stdout
    assert kept(folder) == ["13001", "13002", "École Jules Ferry", "Foire"]


def test_with_a_bad_feature_nothing_is_changed_unless_it_is_to_be_skipped(folder: Path) -> None:
    zones(folder, "import", str(folder / "communes.geojson"))
    bad = [feature(square(0, 0), code="x", nom=f"Commune {number}", kind="commune") for number in range(25)]
    path = collection(folder / "mixed.geojson", ALLAUCH, *bad)
    result = zones(folder, "import", str(path))
    lines = result.stderr.splitlines()
    assert (result.exit_code, result.stdout) == (1, "")
    assert lines[0] == f"{path}: not imported; put right:"
    assert lines[1].startswith("  feature 2 (Commune 0): no INSEE code of 5 characters")
    assert lines[20].startswith("  feature 21 (Commune 19)")
    assert lines[21:] == ["  and 5 more", "or take only the others (1) with --skip-bad.", "Nothing was changed."]
    assert kept(folder) == ["13001", "13002"]
    result = zones(folder, "import", str(path), "--skip-bad")
    assert result.exit_code == 0
    assert "refused: 25" in result.stdout
    assert "  feature 2 (Commune 0): no INSEE code" in result.stdout
    assert kept(folder) == ["13002"]


def test_where_every_feature_is_bad_nothing_is_changed_whatever_is_asked(folder: Path) -> None:
    zones(folder, "import", str(folder / "communes.geojson"))
    path = collection(folder / "bad.geojson", feature(square(0, 0), kind="commune"))
    result = zones(folder, "import", str(path), "--skip-bad")
    assert result.exit_code == 1
    assert "--skip-bad" not in result.stderr
    assert kept(folder) == ["13001", "13002"]


def test_what_was_repaired_and_what_overlaps_is_said(folder: Path) -> None:
    bow_tie = [(5.0, 43.0), (5.01, 43.01), (5.01, 43.0), (5.0, 43.01), (5.0, 43.0)]
    other = feature(bow_tie, code="13003", nom="Alleins")
    result = zones(folder, "import", str(collection(folder / "z.json", AIX, other)))
    assert "repaired: 1" in result.stdout
    assert "  feature 2 (Alleins): Self-intersection" in result.stdout
    assert "the smallest code is the answer:\n  Aix-en-Provence (13001) and Alleins (13003): 100.0% of" in result.stdout


def test_a_layer_of_a_geopackage_is_taken(folder: Path) -> None:
    path = geopackage(folder / "z.gpkg", [zone("commune", "x", square(0, 0)).geometry], "écoles", name=["École"])
    geopackage(path, [], "other", append=True, name=[])
    assert zones(folder, "import", str(path), "--layer", "écoles", "--kind", "no_capture").exit_code == 0
    assert kept(folder) == ["École"]


def test_the_zones_are_listed(folder: Path) -> None:
    assert zones(folder, "ls").stdout == "There are no zones; fidamia zones import FILE takes them in.\n"
    for name in ("communes", "special"):
        zones(folder, "import", str(folder / f"{name}.geojson"))
    assert zones(folder, "ls").stdout.splitlines() == [
        "commune     13001  Aix-en-Provence  7.232 km²",
        "commune     13002  Allauch  8.136 km²",
        "no_capture         École Jules Ferry  0.9042 km²",
        "statistics         Foire  0.9042 km²",
        "communes 2, without capture 1, statistics only 1",
    ]
    first, *_rest = (json.loads(line) for line in zones(folder, "ls", "--json").stdout.splitlines())
    assert (first["kind"], first["code"], first["name"]) == ("commune", "13001", "Aix-en-Provence")
    assert first["area_km2"] == pytest.approx(7.232, abs=0.001)


def test_a_place_is_located(folder: Path) -> None:
    assert zones(folder, "locate", "43.3", "5.4").stdout.startswith("There are no zones")
    for name in ("communes", "special"):
        zones(folder, "import", str(folder / f"{name}.geojson"))
    assert zones(folder, "locate", "43.005", "5.04").stdout == "Allauch (13002)\n"
    assert zones(folder, "locate", "43.005", "5.005").stdout == (
        "Aix-en-Provence (13001); École Jules Ferry, Foire; the camera is off here; a defect is only counted here\n"
    )
    assert zones(folder, "locate", "-43.005", "-5.005").stdout == "In no commune\n"
    assert msgspec.json.decode(zones(folder, "locate", "43.005", "5.005", "--json").stdout) == {
        "commune": "13001",
        "name": "Aix-en-Provence",
        "no_capture": True,
        "statistics": True,
        "zones": ["École Jules Ferry", "Foire", "13001"],
    }


@pytest.mark.parametrize("place", [("91", "5"), ("43", "181"), ("nan", "5"), ("43", "inf"), ("x", "5"), ("43",)])
def test_a_place_that_is_none_is_a_sentence(folder: Path, place: tuple[str, ...]) -> None:
    result = zones(folder, "locate", *place)
    assert (result.exit_code, result.stdout) == (2, "")


def test_the_zones_of_a_kind_are_removed(folder: Path) -> None:
    for name in ("communes", "special"):
        zones(folder, "import", str(folder / f"{name}.geojson"))
    assert zones(folder, "remove", "commune").stdout.splitlines() == [
        "2 zones were removed.",
        "The agent does without them from its next start.",
    ]
    assert kept(folder) == ["École Jules Ferry", "Foire"]
    assert zones(folder, "remove", "commune").stdout == "0 zones were removed.\n"


def test_damaged_zones_are_a_sentence_for_every_verb(folder: Path) -> None:
    zones(folder, "import", str(folder / "communes.geojson"))
    (folder / "store" / "zones.geojson").write_text("{}")
    for arguments in (("ls",), ("locate", "43", "5"), ("remove", "commune"), ("import", f"{folder}/special.geojson")):
        result = zones(folder, *arguments)
        assert result.exit_code == 78
        assert "the zones are damaged, or were changed by hand" in result.stderr
    assert (folder / "store" / "zones.geojson").read_text() == "{}"


def test_the_sentences_are_french_for_who_reads_french(folder: Path) -> None:
    with in_french():
        result = zones(folder, "import", str(folder / "communes.geojson"))
        assert "communes 2, sans prise de vue 0, statistiques seules 0" in result.stdout
        assert zones(folder, "locate", "44", "5").stdout == "Dans aucune commune\n"


@pytest.mark.parametrize("name", ["communes.geojson", "zones.gpkg"])
def test_whatever_becomes_of_a_file_there_is_a_sentence_and_what_was_kept_is_whole(folder: Path, name: str) -> None:
    zones(folder, "import", str(folder / "special.geojson"))
    geometry = zone("commune", "x", square(0, 0, 3), square(1, 1)).geometry
    geopackage(folder / "zones.gpkg", [geometry, geometry], code=["13001", "13002"], nom=["Aix", "Allauch"])
    whole = (folder / name).read_bytes()
    chance = random.Random(1)
    path = folder / "mutant"
    outcomes = {0: 0, 1: 0}
    for _number in range(100):
        mutant = bytearray(whole)
        if chance.random() < 0.3:
            del mutant[chance.randrange(len(mutant)) :]
        for _change in range(chance.choice((0, 1, 4, 40))):
            if mutant:
                mutant[chance.randrange(len(mutant))] = chance.choice((chance.randrange(256), *b'0-9.e[]{}",'))
        path.write_bytes(mutant)
        result = zones(folder, "import", str(path), *chance.choice(((), ("--skip-bad",), ("--kind", "commune"))))
        outcomes[result.exit_code] += 1
        if result.exit_code:
            assert result.stdout == ""
            assert str(path) in result.stderr
        assert [one for one in kept(folder) if not one.isdigit()][-2:] == ["École Jules Ferry", "Foire"]
    assert min(outcomes.values()) > 5


@with_communes
def test_the_metropolis_is_taken_in(folder: Path) -> None:
    result = zones(folder, "import", str(COMMUNES))
    assert "imported: communes 92," in result.stdout
    assert zones(folder, "locate", "43.29648", "5.36978").stdout == "Marseille (13055)\n"
    assert len(zones(folder, "ls", "--json").stdout.splitlines()) == 92
