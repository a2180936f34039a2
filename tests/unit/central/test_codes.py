"""What other systems call our labels."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.errors import ConfigError
from agent.manifest import load_manifest
from agent.taxonomy import categories
from central import config
from central.codes import with_codes
from tests.unit.central.builders import right
from tests.unit.french import in_french

CODES = """\
[store]
directory = "reports"

[codes.city]
pothole = "VOI-03"
graffiti = "PRO-7"

[codes.open311]
pothole = "12"
"""


def load(directory: Path, text: str) -> config.Config:
    path = directory / "central.toml"
    path.write_text(text, encoding="utf-8")
    return config.load(path)


def faults(directory: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as refused:
        load(directory, text)
    return tuple(fault.removeprefix(f"{directory}/") for fault in refused.value.faults)


def test_a_report_gets_the_code_of_each_system_that_has_one(tmp_path: Path) -> None:
    systems = load(tmp_path, CODES).codes
    coded = with_codes([right(1), right(2, label="graffiti"), right(3, label="flooding")], systems)
    assert [feature["properties"]["codes"] for feature in coded] == [
        {"city": "VOI-03", "open311": "12"},
        {"city": "PRO-7"},
        {},
    ]


def test_all_else_of_a_report_stays_and_the_report_itself_is_not_changed(tmp_path: Path) -> None:
    report = right()
    (coded,) = with_codes([report], load(tmp_path, CODES).codes)
    assert report == right()
    assert coded["properties"].pop("codes")
    assert coded == report


def test_without_a_system_there_are_no_codes(tmp_path: Path) -> None:
    assert load(tmp_path, "").codes == {}
    (coded,) = with_codes([right()], {})
    assert coded["properties"]["codes"] == {}


def test_a_label_of_a_model_that_the_taxonomy_has_not_has_no_code(tmp_path: Path) -> None:
    (coded,) = with_codes([right(label="moon_crater")], load(tmp_path, CODES).codes)
    assert coded["properties"]["codes"] == {}


def test_every_defect_of_the_shipped_model_can_have_a_code() -> None:
    assert {label.id for label in load_manifest().labels} - {"no_defect"} <= {category.id for category in categories()}


def test_a_label_that_there_is_not_is_told_with_line_and_the_right_one(tmp_path: Path) -> None:
    assert faults(tmp_path, CODES + 'potholes = "13"\n') == (
        "central.toml:10: [codes.open311] potholes: unknown key; did you mean pothole?",
    )
    with in_french():
        (said,) = faults(tmp_path, CODES.replace("graffiti", "grafiti"))
    assert said.startswith("central.toml:6: [codes.city] grafiti: clé inconnue")
    assert "graffiti" in said


def test_every_wrong_code_is_told_at_once(tmp_path: Path) -> None:
    long = "x" * 65
    text = f'[codes.city]\npothole = 3\ngraffiti = ""\nflooding = "{long}"\n[codes.other]\nno_defect = "x"\n'
    first, second, third, fourth = sorted(faults(tmp_path, text))
    assert first.startswith("central.toml:2: [codes.city] pothole: 3 is not allowed; expected is a text")
    assert second.startswith("central.toml:3: [codes.city] graffiti: '' is not allowed")
    assert third.startswith("central.toml:4: [codes.city] flooding: ")
    assert fourth.startswith("central.toml:6: [codes.other] no_defect: unknown key; allowed are: pothole, ")


@pytest.mark.parametrize(
    ("text", "line"),
    [('codes = "city"\n', ":1"), ('[codes]\npothole = "x"\n', ":2"), ('[codes."my city"]\npothole = "x"\n', "")],
)
def test_codes_stand_in_a_section_of_their_system(tmp_path: Path, text: str, line: str) -> None:
    (said,) = faults(tmp_path, text)
    assert said.startswith(f"central.toml{line}: ")
    assert "must be a section" in said


def test_the_environment_wins_over_a_code_in_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIDAMIA_CODES_CITY_POTHOLE", "NEW")
    (coded,) = with_codes([right()], load(tmp_path, CODES).codes)
    assert coded["properties"]["codes"]["city"] == "NEW"
