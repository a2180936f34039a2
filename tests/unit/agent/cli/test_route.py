"""`fidamia route`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from agent.cli import route
from agent.cli.main import main
from agent.zones.zones import Zones
from tests.unit.agent.somewhere import somewhere
from tests.unit.builders import write_config
from tests.unit.french import in_french

PLACE = ("43.3", "0.5")


@dataclass(frozen=True)
class Imported:
    """Gives these zones, whatever the folder."""

    zones: Zones

    def load(self, _directory: Path) -> Zones:
        return self.zones


@pytest.fixture
def zones(monkeypatch: pytest.MonkeyPatch) -> Zones:
    """Two communes are imported, and a port."""
    made = somewhere({"13055": "Marseille", "13022": "Cassis"}, ("port",))
    monkeypatch.setattr(route, "Zones", Imported(made))
    return made


def invoke(directory: Path, *arguments: str, **sections: str) -> Result:
    path = write_config(directory, **{name.replace("__", "."): text for name, text in sections.items()})
    result = CliRunner().invoke(main, ["route", "--config", str(path), *arguments])
    assert isinstance(result.exception, SystemExit | None), "a traceback"
    return result


@pytest.mark.usefixtures("zones")
def test_it_says_who_gets_it_how_soon_where_and_by_which_rule(tmp_path: Path) -> None:
    result = invoke(tmp_path, "pothole", *PLACE, routes__port='zones = ["port"]\nteam = "{domain} du port"')
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "pothole goes to voirie du port: normal, within 120 h",
        "commune: 13055 (Marseille)",
        "special zones: port",
        "decided by: [routes.port] (by place)",
        "The vehicle itself only counts a defect there: it is in a zone of statistics only.",
    ]


@pytest.mark.usefixtures("zones")
def test_machines_get_one_object(tmp_path: Path) -> None:
    result = invoke(tmp_path, "pothole", "43.3", "1.5", "--speed", "70", "--json")
    said = msgspec.json.decode(result.stdout)
    assert said.pop("rule").startswith("no rule names it, so its own team")
    assert said == {
        "label": "pothole",
        "team": "voirie-13022",
        "severity": "urgent",
        "deadline_h": 24.0,
        "commune": "13022",
        "zones": ["port", "13022"],
        "no_capture": False,
    }


@pytest.mark.usefixtures("zones")
def test_it_is_said_in_french(tmp_path: Path) -> None:
    with in_french():
        said = invoke(tmp_path, "graffiti", *PLACE, "--mark", "insulting").stdout
    assert said.startswith("graffiti va à propreté-13055 : urgent, sous 3 h\n")


@pytest.mark.usefixtures("zones")
def test_outside_the_communes_the_label_alone_decides(tmp_path: Path) -> None:
    for place in (("-43.3", "0.5"), ("43,3", "-5,4")):
        result = invoke(tmp_path, "pothole", *place)
        assert result.exit_code == 0
        assert "pothole goes to voirie: " in result.stdout
        assert "commune: none of those that are imported" in result.stdout


def test_without_zones_it_says_how_to_get_them(tmp_path: Path) -> None:
    result = invoke(tmp_path, "pothole", *PLACE)
    assert result.exit_code == 0
    assert "pothole goes to voirie: " in result.stdout
    assert "no zones are imported; to do so: fidamia zones import FILE" in result.stdout
    assert msgspec.json.decode(invoke(tmp_path, "pothole", *PLACE, "--json").stdout)["zones"] is None


def test_a_zone_without_pictures_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    school = somewhere({"13055": "Marseille"}, ("school",), no_capture=True)
    monkeypatch.setattr(route, "Zones", Imported(school))
    assert "The vehicle itself reports nothing there" in invoke(tmp_path, "pothole", *PLACE).stdout


def test_what_nobody_gets_is_told_and_a_failure(tmp_path: Path) -> None:
    rule = 'labels = ["pothole", "road_crack", "graffiti", "illegal_dumping", "overflowing_bin"]'
    result = invoke(tmp_path, "fallen_tree", *PLACE, routing="default = false", routes__seen=rule)
    assert result.exit_code == 1
    assert "nobody gets fallen_tree, which is to be repaired within 24 h (urgent)" in result.stdout
    assert "decided by: no rule applies" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("pothol", *PLACE), "pothol is no label; did you mean pothole?"),
        (("po\nthole", *PLACE), "'po\\nthole' is no label; did you mean pothole?"),
        (("moon", *PLACE), "moon is no label; allowed are: pothole, road_crack"),
        (("pothole", "91", "5"), "LAT: 91 is not a number of degrees from -90 to 90, such as 43.2965"),
        (("pothole", "43", "-180.1"), "LON: -180.1 is not a number of degrees from -180 to 180"),
        (("pothole", "nan", "5"), "LAT: nan is not a number"),
        (("pothole", "north", "5"), "LAT: north is not a number"),
        (("graffiti", *PLACE, "--mark", "insultng"), "no rule knows the mark insultng; did you mean insulting?"),
        (("pothole", *PLACE, "--speed", "nan"), "--speed: nan is not a speed"),
        (("pothole", *PLACE, "--jsn"), "--jsn"),
    ],
)
def test_a_wrong_argument_is_told(tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    result = invoke(tmp_path, *arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr


def test_a_wrong_configuration_is_told(tmp_path: Path) -> None:
    result = invoke(tmp_path, "pothole", *PLACE, routes__a='labels = ["pothol"]')
    assert result.exit_code == 78
    assert "agent.toml:8: [routes.a] labels: pothol is no label" in result.stderr
