"""The device's own keys, and the file that explains them."""

from __future__ import annotations

import configparser
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent import config
from agent.errors import ConfigError
from tests.unit.builders import write_config
from tests.unit.example_configuration import SYSTEMD, documented_faults, uncommented

EXAMPLE = SYSTEMD / "agent.toml"


def broker_fault(directory: Path, text: str) -> str:
    with pytest.raises(ConfigError) as refused:
        config.load(write_config(directory, broker=text))
    (fault,) = refused.value.faults
    return fault


def test_the_example_file_loads() -> None:
    assert config.load(EXAMPLE).agent.device == "veh-001"


def test_every_key_stands_in_the_example_file_with_its_default() -> None:
    assert documented_faults(EXAMPLE, config.Config) == []


def test_every_comment_of_the_example_file_can_be_switched_on(tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    path.write_text(uncommented(EXAMPLE), encoding="utf-8")
    assert config.load(path).camera.width == 1280


def test_tls_can_only_be_switched_off_on_this_machine(tmp_path: Path) -> None:
    for host in ("localhost", "127.0.0.1", "::1"):
        assert not config.load(write_config(tmp_path, broker=f'host = "{host}"\ntls = false')).broker.tls
    for host in ("broker.example.org", "192.168.1.10", "localhost.example.org"):
        fault = broker_fault(tmp_path, f'host = "{host}"\ntls = false')
        assert "[broker]: tls = false is only allowed on this machine itself" in fault


@pytest.mark.parametrize("pair", [("certificate", "key"), ("username", "password_file")])
def test_what_belongs_together_is_given_together(tmp_path: Path, pair: tuple[str, str]) -> None:
    for one in pair:
        assert f"{pair[0]} and {pair[1]} belong together" in broker_fault(tmp_path, f'{one} = "x"')


@pytest.mark.parametrize("name", ["VEH", "-veh", "a" * 33, "véh", "a/b", "a+b", "#", ""])
def test_a_device_is_named_as_a_topic_can_hold_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"agent\.toml:2: \[agent\] device"):
        config.load(write_config(tmp_path, agent=f'device = "{name}"'))


@pytest.mark.parametrize("prefix", ["", "/a", "a/", "a//b", "a/#", "+", "$share/x"])
def test_a_prefix_without_wildcards_is_asked_for(tmp_path: Path, prefix: str) -> None:
    assert "[broker] prefix" in broker_fault(tmp_path, f'prefix = "{prefix}"')


def test_a_region_that_holds_nothing_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\[0\.5, 0\.0, 0\.5, 1\.0\] is empty; give left, top, right, bottom"):
        config.load(write_config(tmp_path, camera="regions = [[0.5, 0.0, 0.5, 1.0]]"))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("tunnel = [90.0, 30.0]", "tunnel: [90, 30] is empty; give the metres where it begins and where it ends"),
        ('outages = ["camera 30-45", "brakes 1-2"]', "'brakes 1-2': brakes can not fail; what can is camera"),
        ('outages = ["network 1-2"]', "'network 1-2': the agent can not cut its own network; fidamia demo"),
        ("start = 2026-05-12T09:00:00", "expected is a date and time with its zone, for instance 2026-05-12T09:00:00Z"),
        ('weather = "snow"', "'snow' is not allowed; expected is one of clear, mixed, night, rain"),
    ],
)
def test_what_the_simulator_can_not_do_is_told(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(ConfigError) as refused:
        config.load(write_config(tmp_path, simulator=text))
    assert fault in str(refused.value)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('regions = "raod"', "'raod' is not allowed; expected is a list, each entry"),
        ('regions = "raod"', "or one of road, whole"),
        ("regions = [[0.0, 0.5, 1.0]]", "expected is a list, each entry [a number from 0 to 1, a number"),
        ("horizon = 0.95", "horizon: 0.95 is not allowed; expected is a number from 0 to 0.9"),
        ("look_share = 0", "look_share: 0 is not allowed; expected is a number above 0, up to 1"),
    ],
)
def test_regions_are_a_name_or_a_list(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(ConfigError) as refused:
        config.load(write_config(tmp_path, camera=text))
    assert fault in str(refused.value)


def test_further_cameras_have_sections_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIDAMIA_CAMERAS_SIDE_FPS", "10")
    sections = {"cameras.side": 'source = "rtsp://side/1"\nyaw_deg = 90\nexposure = 4.5', "cameras.b": 'source = "2"'}
    settings = config.load(write_config(tmp_path, **sections, camera='exposure = "auto"'))
    assert [camera.name for camera in settings.all_cameras] == ["front", "side", "b"]
    side = settings.cameras["side"]
    assert (side.source, side.yaw_deg, side.exposure, side.fps, side.height_m) == ("rtsp://side/1", 90, 4.5, 10, 1.6)
    assert settings.camera.exposure == "auto"


@pytest.mark.parametrize(
    ("section", "text", "fault"),
    [
        ("cameras.side", 'name = "front"\nsource = "1"', "[cameras.side] name: another camera is named front as well"),
        ("cameras.front", 'source = "1"', "[cameras.front] name: another camera is named front as well"),
        ("cameras.side", "", "[cameras.side] source: another camera has the same; give this one its own"),
        ("cameras.Side", 'source = "1"', "[cameras.Side]: give it a name of small letters, digits and hyphens"),
        ("cameras.side", 'exposure = "long"', "exposure: 'long' is not allowed; expected is a number from 0.1 to 1000"),
        ("cameras.side", "fov_deg = 0", "fov_deg: 0 is not allowed; expected is a number from 10 to 170"),
        ("cameras.side", "yaw = 3", "[cameras.side] yaw: unknown key; did you mean yaw_deg?"),
    ],
)
def test_a_camera_that_can_not_be_told_from_another_or_can_not_be_so_is_a_fault(
    tmp_path: Path, section: str, text: str, fault: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        config.load(write_config(tmp_path, **{section: text}))
    assert fault in str(refused.value)


def test_a_pair_and_a_date_can_be_set_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIDAMIA_SIMULATOR_TUNNEL", "[120, 180.5]")
    monkeypatch.setenv("FIDAMIA_SIMULATOR_START", "2026-05-12T11:00:00+02:00")
    simulator = config.load(write_config(tmp_path)).simulator
    assert simulator.tunnel == (120, 180.5)
    assert simulator.start == datetime(2026, 5, 12, 9, 0, tzinfo=UTC)


def test_any_key_can_be_set_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIDAMIA_BROKER_HOST", "elsewhere.example.org")
    monkeypatch.setenv("FIDAMIA_CAMERA_REGIONS", "[[0, 0.5, 1, 1]]")
    settings = config.load(write_config(tmp_path))
    assert settings.broker.host == "elsewhere.example.org"
    assert settings.camera.regions == [(0.0, 0.5, 1.0, 1.0)]
    monkeypatch.setenv("FIDAMIA_CAMERA_REGIONS", "whole")
    assert config.load(write_config(tmp_path)).camera.regions == "whole"


def test_the_status_file_is_in_memory_where_there_is_such_a_folder(tmp_path: Path) -> None:
    settings = config.load(write_config(tmp_path))
    assert settings.status_file == tmp_path / "store" / "status.json"
    settings = config.load(write_config(tmp_path, store='directory = "/var/a"\nruntime_directory = "/run/a"'))
    assert settings.status_file == Path("/run/a/status.json")


def test_the_quota_has_room_beside_the_journal(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\[store\]: quota_mb: at least 50 MB are needed beside log_mb"):
        config.load(write_config(tmp_path, store="quota_mb = 89"))
    assert config.load(write_config(tmp_path, store="quota_mb = 90")).store.quota_mb == 90


def test_a_board_counts_as_cool_below_where_it_counts_as_hot(tmp_path: Path) -> None:
    for text in ("hot_c = 75", "cool_c = 80", "hot_c = 60\ncool_c = 61"):
        with pytest.raises(ConfigError, match=r"\[thermal\]: cool_c: must be below hot_c, which is "):
            config.load(write_config(tmp_path, thermal=text))
    assert config.load(write_config(tmp_path, thermal="hot_c = 75.5")).thermal.cool_c == 75


def test_the_journal_takes_no_more_than_the_quota_keeps_for_it(tmp_path: Path) -> None:
    journal = configparser.ConfigParser(comment_prefixes="#")
    journal.read(SYSTEMD / "journald@fidamia.conf")
    kept = config.load(write_config(tmp_path)).store.log_mb
    assert journal["Journal"]["SystemMaxUse"] == f"{kept}M"


def test_a_form_is_shown_by_an_example(tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    path.write_text('[agent]\ndevice = "Veh 1"\n[trigger]\nhours = ["6h-13h"]\n', encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    faults = "\n".join(caught.value.faults)
    assert "'Veh 1' is not allowed; expected is a text such as veh-001\n" in faults
    assert "expected is a list, each entry a text such as 06:00-13:00" in faults


@pytest.mark.parametrize("start", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:50Z"])
def test_a_drawn_patrol_begins_in_a_year_that_it_can_count_in(tmp_path: Path, start: str) -> None:
    with pytest.raises(ConfigError, match="start: the year must be between 1970 and 2100"):
        config.load(write_config(tmp_path, simulator=f"start = {start}"))
