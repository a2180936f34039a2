"""Reading a configuration: what is said of each fault, and where."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta

from agent import configfile
from agent.errors import ConfigError


class Kitchen(msgspec.Struct, frozen=True):
    name: Annotated[str, Meta(pattern="^[a-z]+$")]
    heat: Annotated[int, Meta(ge=1, le=9)] = 3
    gas: bool = False
    kind: Literal["soup", "stew"] = "soup"
    grams: Annotated[float, Meta(gt=0)] = 10.0
    timer: int | None = None
    corners: list[tuple[float, float]] = []

    def __post_init__(self) -> None:
        if self.gas and self.heat == 9:
            raise ValueError("gas and heat = 9 do not go together")


class Cellar(msgspec.Struct, frozen=True):
    depth_m: float = 2.0


class House(msgspec.Struct, frozen=True):
    kitchen: Kitchen
    cellar: Cellar


def load(directory: Path, text: str, **environment: str) -> House:
    path = directory / "house.toml"
    path.write_text(text, encoding="utf-8")
    return configfile.load(path, House, environment)


def faults(directory: Path, text: str, **environment: str) -> list[str]:
    """The faults, without the folder."""
    with pytest.raises(ConfigError) as refused:
        load(directory, text, **environment)
    return [fault.removeprefix(f"{directory}/") for fault in refused.value.faults]


def test_what_is_not_said_has_its_default(tmp_path: Path) -> None:
    assert load(tmp_path, '[kitchen]\nname = "a"\n') == House(Kitchen("a"), Cellar())


def test_every_fault_is_named_at_once_with_file_line_key_and_what_is_allowed(tmp_path: Path) -> None:
    text = """# A house.
[kitchen]
name = "Big Kitchen"
heat = 12
gas = "no"

[cellar]  # below
depth_m = "deep"
deph_m = 3
"""
    assert faults(tmp_path, text) == [
        "house.toml:3: [kitchen] name: 'Big Kitchen' is not allowed; expected is a text that matches ^[a-z]+$",
        "house.toml:4: [kitchen] heat: 12 is not allowed; expected is a whole number from 1 to 9",
        "house.toml:5: [kitchen] gas: 'no' is not allowed; expected is true or false",
        "house.toml:9: [cellar] deph_m: unknown key; did you mean depth_m?",
        "house.toml:8: [cellar] depth_m: 'deep' is not allowed; expected is a number",
    ]


def test_all_faults_are_in_the_message_a_line_each(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, "[kitchen]\nheat = 0\n")
    assert str(refused.value).splitlines() == list(refused.value.faults)
    assert len(refused.value.faults) == 2


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        ('kind = "salad"', "expected is one of soup, stew"),
        ("grams = 0", "expected is a number above 0"),
        ("grams = nan", "expected is a number above 0"),
        ('timer = "soon"', "expected is a whole number"),
        ("corners = [[1.0]]", "expected is a list, each entry [a number, a number]"),
        ("heat = 2026-11-22", "expected is a whole number from 1 to 9"),
    ],
)
def test_what_is_allowed_is_said_in_words(tmp_path: Path, line: str, allowed: str) -> None:
    (fault,) = faults(tmp_path, f'[kitchen]\nname = "a"\n{line}\n')
    assert fault.startswith("house.toml:3: [kitchen] ")
    assert fault.endswith(allowed)


def test_a_key_that_must_be_given_is_asked_for_at_its_section(tmp_path: Path) -> None:
    asked = "[kitchen] name: is missing; expected is a text that matches ^[a-z]+$"
    assert faults(tmp_path, "[cellar]\n\n[kitchen]\nheat = 2\n") == [f"house.toml:3: {asked}"]
    assert faults(tmp_path, "") == [f"house.toml: {asked}"]


def test_an_unknown_name_gets_the_closest_known_one_or_all_of_them(tmp_path: Path) -> None:
    assert faults(tmp_path, '[kitchen]\nname = "a"\n[cellr]\n[garden]\n') == [
        "house.toml:3: [cellr]: unknown section; did you mean cellar?",
        "house.toml:4: [garden]: unknown section; allowed are: kitchen, cellar",
    ]


def test_a_section_written_as_a_value_is_told(tmp_path: Path) -> None:
    assert faults(tmp_path, 'cellar = 3\n[kitchen]\nname = "a"\n') == [
        "house.toml:1: cellar: must be a section: [cellar]"
    ]


def test_keys_that_contradict_each_other_are_told_at_their_section(tmp_path: Path) -> None:
    text = '[kitchen]\nname = "a"\ngas = true\nheat = 9\n'
    assert faults(tmp_path, text) == ["house.toml:1: [kitchen]: gas and heat = 9 do not go together"]


def test_the_line_is_right_behind_a_list_over_several_lines(tmp_path: Path) -> None:
    text = '[kitchen]\nname = "a"\ncorners = [\n  [1.0, 2.0],\n  [3.0, 4.0],\n]\nheat = 10\n'
    (fault,) = faults(tmp_path, text)
    assert fault.startswith("house.toml:7: [kitchen] heat: 10")


def test_the_line_is_that_of_the_key_in_its_own_section(tmp_path: Path) -> None:
    text = '[cellar]\nheat = 1\n["kitchen"]\n[other]\nname = "x"\n'
    found = faults(tmp_path, text)
    assert "house.toml:2: [cellar] heat: unknown key; allowed are: depth_m" in found


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    house = load(
        tmp_path,
        '[kitchen]\nname = "a"\nheat = 2\n',
        FIDAMIA_KITCHEN_HEAT="7",
        FIDAMIA_KITCHEN_GAS="true",
        FIDAMIA_KITCHEN_TIMER="4",
        FIDAMIA_KITCHEN_CORNERS="[[1, 2.5]]",
        FIDAMIA_CELLAR_DEPTH_M="1.5",
    )
    assert house.kitchen == Kitchen("a", heat=7, gas=True, timer=4, corners=[(1.0, 2.5)])
    assert house.cellar.depth_m == 1.5


def test_the_environment_alone_is_enough(tmp_path: Path) -> None:
    assert load(tmp_path, "", FIDAMIA_KITCHEN_NAME="a").kitchen.name == "a"


def test_a_wrong_value_of_the_environment_is_named_by_its_variable(tmp_path: Path) -> None:
    text = '[kitchen]\nname = "a"\nheat = 2\n'
    assert faults(tmp_path, text, FIDAMIA_KITCHEN_HEAT="hot", FIDAMIA_KITCHEN_CORNERS="[1") == [
        "house.toml:3: [kitchen] heat: FIDAMIA_KITCHEN_HEAT='hot' is not allowed; "
        "expected is a whole number from 1 to 9",
        "house.toml:1: [kitchen] corners: FIDAMIA_KITCHEN_CORNERS='[1' is not allowed; "
        "expected is a list, each entry [a number, a number]",
    ]


def test_what_is_no_toml_is_told_with_its_line(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, '[kitchen]\nname = "a\n')
    assert fault.startswith("house.toml: not valid TOML: ")
    assert "line 2" in fault


def test_a_file_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    path = tmp_path / "house.toml"
    path.write_bytes('name = "café"'.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"house\.toml: not a text file in UTF-8"):
        configfile.load(path, House, {})


def test_a_file_that_is_not_there_is_told_with_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"house\.toml: there is no such configuration file; name one with --config"):
        configfile.load(tmp_path / "house.toml", House, {})


def test_a_folder_in_place_of_the_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can not be read: Is a directory"):
        configfile.load(tmp_path, House, {})
