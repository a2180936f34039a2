"""`fidamia status`, with the daemon dead."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from agent import health
from agent.cli.main import main
from agent.domain import Blurring, Evidence
from agent.health import Health, Part
from agent.store.lock import StoreLock
from agent.store.store import Store
from tests.unit.builders import DEVICE, report, write_config
from tests.unit.french import in_french


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """A vehicle that found one report, with a daemon that said how it is."""
    write_config(tmp_path)
    store = Store(tmp_path / "store")
    picture = Evidence(b"picture", 1280, 720, Blurring("faces 1", 0, 0))
    store.append(report(evidence=picture.facts, evidence_withheld=None), picture)
    parts = {
        "camera": Part(
            "failed", "the cable", 1_700_000_000.0, {"frames": 3, "looked_at": 2, "refused_dark": 1, "of_tomorrow": 1}
        ),
        "lens": Part("failed", "front", figures={"dirt": 0.38}),
        "gps": Part("ok", figures={"age_s": 0.2, "eph_m": None}),
        "centre": Part("ok", figures={"settled": 4, "month_mb": 499.6, "holds_pictures": 1}),
        "store": Part("ok", figures={"reports": 1}),
        "model": Part("ok", figures={"frame_ms": 42.6, "look_ms": 14.0, "looks": 3.0, "regions": 6}),
        "board": Part("waiting", figures={"celsius": 81.26, "throttled": 1, "undervoltage": None, "halved": 1}),
        "of_tomorrow": Part("splendid"),
    }
    boottime = time.clock_gettime(time.CLOCK_BOOTTIME)
    word = Health(DEVICE, "1.2.3", 42, health.boot_id(), time.time() - 60, boottime, parts)
    health.write(tmp_path / "store" / "status.json", word)
    yield tmp_path
    store.close()


def invoke(directory: Path, *options: str) -> Result:
    result = CliRunner().invoke(main, ["status", "--config", str(directory / "agent.toml"), *options])
    assert isinstance(result.exception, SystemExit | None), "a traceback"
    return result


def test_one_sentence_comes_first_then_the_parts(directory: Path) -> None:
    result = invoke(directory)
    assert result.exit_code == 2
    assert result.stdout.splitlines()[0].startswith("Stopped: the agent does not run; 1 report is waiting and kept.")
    assert "camera  failed   the cable, 3 frames, 2 looked at" in result.stdout
    assert "fix 0.2 s old" in result.stdout
    assert "\033" not in result.stdout


def test_pictures_that_wait_are_told_and_what_for(directory: Path) -> None:
    said = invoke(directory).stdout
    assert "store   OK       1 reports since the start, 1 picture waiting\n" in said
    assert "centre  OK       4 delivered since the start, 500 MB this month, pictures wait for a free network\n" in said
    assert msgspec.json.decode(invoke(directory, "--json").stdout)["pictures"] == 1


def test_frames_that_were_of_no_use_are_told_and_a_dirty_lens(directory: Path) -> None:
    said = invoke(directory).stdout
    assert "3 frames, 2 looked at, 1 too dark\n" in said
    assert "lens    dirty    front, covered to 38%\n" in said
    with in_french():
        assert "objectif  sale        front, couvert à 38 %\n" in invoke(directory).stdout


def test_the_cost_of_a_frame_is_stated(directory: Path) -> None:
    assert "model   OK       43 ms a frame, 3 of 6 regions, 14.0 ms a look\n" in invoke(directory).stdout
    figures = msgspec.json.decode(invoke(directory, "--json").stdout)["parts"]["model"]["figures"]
    assert (figures["regions"], figures["looks"], figures["look_ms"]) == (6, 3, 14)


def test_a_hot_board_and_what_that_costs_is_stated(directory: Path) -> None:
    said = invoke(directory).stdout
    assert "board   waiting  81 °C, slowed down by its firmware, half as many frames are looked at\n" in said
    with in_french():
        assert "81 °C, ralenti par son micrologiciel, moitié moins d'images examinées\n" in invoke(directory).stdout


def test_a_part_or_figure_that_is_not_known_yet_does_no_harm(directory: Path) -> None:
    assert "splendid" in invoke(directory).stdout


def test_machines_get_one_object_with_everything(directory: Path) -> None:
    lock = StoreLock(directory / "store")
    result = invoke(directory, "--json")
    lock.release()
    said = msgspec.json.decode(result.stdout)
    assert result.exit_code == 1
    assert (said["state"], said["device"], said["version"], said["pending"]) == ("degraded", DEVICE, "1.2.3", 1)
    assert said["sentence"].startswith("To do: the camera gives no picture since ")
    assert said["parts"]["camera"]["figures"]["frames"] == 3


def test_without_a_store_it_says_how_to_start(tmp_path: Path) -> None:
    write_config(tmp_path)
    result = invoke(tmp_path)
    assert result.exit_code == 2
    assert "never run here" in result.stdout


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_with_a_wrong_configuration_it_cannot_tell(tmp_path: Path, options: list[str]) -> None:
    result = invoke(tmp_path, *options)
    assert result.exit_code == 3
    assert "Cannot tell: " in result.stdout
    assert "there is no such configuration file" in result.stdout
