"""The routing table of a device: from its file, its model and its zones."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent import config
from agent.daemon import Daemon, find_faults
from agent.errors import ConfigError
from agent.manifest import Label, Manifest, load_manifest
from agent.routing import Routing
from agent.routingtable import build, load_routing
from agent.zones.zones import Zones
from tests.unit.agent.somewhere import somewhere
from tests.unit.builders import manifest, write_config
from tests.unit.example_configuration import SYSTEMD, uncommented

PORT = somewhere({"13055": "Marseille", "13022": "Cassis"}, ("port",))


def load(path: Path, model: Manifest | None = None, zones: Zones = PORT) -> Routing:
    return load_routing(config.load(path), model or manifest(), zones, path)


def faults(directory: Path, text: str, zones: Zones = PORT) -> list[str]:
    """The faults of a file that ends with this text, from its sixth line on, without the folder."""
    path = write_config(directory)
    path.write_text(path.read_text() + text, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load(path, zones=zones)
    return [fault.removeprefix(f"{path}:") for fault in refused.value.faults]


def test_every_fault_is_named_at_once_with_its_line(tmp_path: Path) -> None:
    text = """[routing]
default = false
[routes.one]
team = "x"
labels = ["pothol", "graffiti"]
[routes.two]
labels = ["graffiti"]
[urgent.fast]
labels = ["moon_crater"]
zones = ["prt", "13055", "99999999", "a\\nb"]
"""
    found = faults(tmp_path, text)
    assert found[0] == "11: [routes.one] labels: pothol is no label; did you mean pothole?"
    assert found[1].startswith("15: [urgent.fast] labels: moon_crater is no label; allowed are: pothole, road_crack, ")
    assert found[2:4] == [
        "16: [urgent.fast] zones: prt is no zone; did you mean port?",
        "16: [urgent.fast] zones: 99999999 is neither the INSEE code of a commune nor a special zone: "
        "fidamia zones ls names them",
    ]
    assert found.pop(4).startswith(r"16: [urgent.fast] zones: 'a\nb' is neither")
    assert found[4].startswith("9: [routes.one]: says something else than [routes.two] in the same case")
    assert found[5].startswith("8: [routing] default: is false, and no rule says who gets pothole (urgent, normal) ev")
    assert len(found) == 6


def test_no_defect_is_no_label(tmp_path: Path) -> None:
    assert "no_defect is no label" in faults(tmp_path, '[routes.a]\nlabels = ["no_defect"]\n')[0]


def test_zones_are_not_asked_for_where_none_are_imported(tmp_path: Path) -> None:
    path = write_config(tmp_path, **{"routes.a": 'zones = ["tomorrow"]\nteam = "x"'})
    assert load(path, zones=Zones()).route("pothole", None, ("tomorrow",)).team == "x"
    with pytest.raises(ConfigError, match="tomorrow is neither"):
        load(path)


def test_what_can_be_told_of_one_rule_is_told_when_the_file_is_read(tmp_path: Path) -> None:
    path = write_config(tmp_path, **{"routes.a": 'team = "{commun}"', "urgent.b": "deadline_h = 1"})
    with pytest.raises(ConfigError) as refused:
        config.load(path)
    assert [fault.removeprefix(f"{path}:") for fault in refused.value.faults] == [
        "7: [routes.a]: team: {commun} can not be filled in; allowed are: {domain}, {commune}",
        "9: [urgent.b]: makes everything urgent; give labels, zones, from_kmh or mark",
    ]


def test_the_models_word_goes_before_the_taxonomys(tmp_path: Path) -> None:
    routing = build(config.load(write_config(tmp_path)), manifest())
    assert routing.route("graffiti").severity == "low"  # the taxonomy has normal
    assert routing.route("fallen_tree").team == "espaces verts"  # the model has none


def test_hours_of_the_taxonomy_count_for_the_severity_that_they_were_meant_for(tmp_path: Path) -> None:
    settings, seen = config.load(write_config(tmp_path)), load_manifest()
    assert build(settings, seen).route("illegal_dumping").deadline.total_seconds() == 48 * 3600
    raised = manifest()
    raised.labels[0] = Label("illegal_dumping", "a", "b", "low", "propreté", 0.6)
    assert build(settings, raised).route("illegal_dumping").deadline.total_seconds() == 720 * 3600


def test_a_section_of_the_same_name_replaces_a_shipped_one_and_leaves_the_other(tmp_path: Path) -> None:
    text = 'labels = ["pothole", "road_crack"]\nfrom_kmh = 50\ndeadline_h = 6'
    routing = load(write_config(tmp_path, **{"urgent.fast_road": text}))
    assert routing.route("road_crack", speed_mps=14.0).deadline.total_seconds() == 6 * 3600
    assert routing.route("graffiti", mark="insulting").deadline.total_seconds() == 3 * 3600


def test_the_example_of_the_shipped_file_has_no_faults(tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    path.write_text(uncommented(SYSTEMD / "agent.toml"), encoding="utf-8")
    assert config.load(path).routes
    load(path, load_manifest())


def test_the_daemon_does_not_start_with_a_wrong_table_and_the_check_says_why(tmp_path: Path) -> None:
    path = write_config(tmp_path, camera='source = "simulator"', gps='source = "simulator"')
    path.write_text(path.read_text() + '[routes.a]\n[routes.b]\nteam = "x"\n', encoding="utf-8")
    settings = config.load(path)
    (fault,) = find_faults(settings, path)
    assert fault.startswith(f"{path}:11: [routes.a]: says something else than [routes.b]")
    with pytest.raises(ConfigError, match=r"agent\.toml:11: \[routes\.a\]"):
        Daemon(settings, path)
    with pytest.raises(ConfigError, match=r"^\[routes\.a\]: says"):
        Daemon(settings)
    assert not (tmp_path / "store").exists()
