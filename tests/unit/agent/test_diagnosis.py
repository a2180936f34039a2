"""How the agent is, judged from a store, a lock and a last word that a daemon left."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent import diagnosis, health
from agent.diagnosis import RESTART, Diagnosis, diagnose
from agent.health import Health, Part
from agent.store.lock import StoreLock
from agent.store.store import FILE_NAME, Store
from tests.unit.builders import DEVICE, identifier, report, write_config

OK = {name: Part("ok") for name in ("camera", "gps", "model", "store", "centre", "board")}


class Vehicle:
    """A store as a daemon leaves it, in any state."""

    def __init__(self, directory: Path) -> None:
        self.config = write_config(directory)
        self.store = directory / "store"
        self.opened = Store(self.store)
        self.outbox = self.opened.outbox
        self._lock: StoreLock | None = None

    def run(self, **said: Any) -> None:
        """Hold the lock as a daemon does, which says of itself what `speak` says."""
        self._lock = StoreLock(self.store)
        self.speak(**said)

    def speak(self, *, age: float = 0.0, started: float = 1000.0, boot: str | None = None, **parts: Part) -> None:
        """Leave the word, `age` seconds old, of a daemon that started so many seconds ago."""
        word = Health(
            device=DEVICE,
            version="1.2.3",
            pid=42,
            boot=boot or health.boot_id(),
            started_at=time.time() - started,
            written=time.clock_gettime(time.CLOCK_BOOTTIME) - age,
            parts={**OK, **parts},
        )
        health.write(self.store / "status.json", word)

    def found(self, count: int, settled: int = 0, rejected: int = 0) -> None:
        for number in range(count):
            self.outbox.append(report(number))
        self.outbox.settle(identifier(number) for number in range(settled))
        self.outbox.reject((identifier(number) for number in range(settled, settled + rejected)), "why")

    def diagnosis(self) -> Diagnosis:
        return diagnose(self.config)

    def close(self) -> None:
        self.opened.close()
        if self._lock is not None:
            self._lock.release()


@pytest.fixture
def vehicle(tmp_path: Path) -> Iterator[Vehicle]:
    made = Vehicle(tmp_path)
    yield made
    made.close()


def verdict(found: Diagnosis) -> tuple[str, int]:
    return found.state, found.exit_code


def test_an_agent_that_works_is_healthy(vehicle: Vehicle) -> None:
    vehicle.found(3, settled=1)
    vehicle.run()
    found = vehicle.diagnosis()
    assert verdict(found) == ("healthy", 0)
    assert found.sentence == "All is well: 1 report sent today, 2 waiting."
    assert (found.pending, found.settled, found.settled_today, found.rejected) == (2, 1, 1, 0)
    assert (found.device, found.version, found.parts) == (DEVICE, "1.2.3", OK)


def test_an_agent_with_nothing_to_send_is_healthy(vehicle: Vehicle) -> None:
    vehicle.run()
    assert vehicle.diagnosis().sentence == "All is well: 0 reports sent today, none waiting."


def test_an_agent_that_never_ran_is_down_and_the_sentence_says_how_to_start_it(tmp_path: Path) -> None:
    found = diagnose(write_config(tmp_path))
    assert verdict(found) == ("down", 2)
    assert f"never run here (no store in {tmp_path / 'store'})" in found.sentence
    assert "sudo systemctl start fidamia-agent" in found.sentence
    assert (found.device, found.pending, found.parts) == (DEVICE, None, {})
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("count", "kept"),
    [(0, "no report is waiting"), (1, "1 report is waiting and kept."), (2, "2 reports are waiting and kept.")],
)
def test_an_agent_that_is_stopped_is_down_and_keeps_what_waits(vehicle: Vehicle, count: int, kept: str) -> None:
    vehicle.found(count)
    vehicle.speak()
    found = vehicle.diagnosis()
    assert verdict(found) == ("down", 2)
    assert found.sentence.startswith("Stopped: the agent does not run; ")
    assert kept in found.sentence
    assert found.parts == OK


@pytest.mark.parametrize("last", [{"age": health.STALE + 1}, {"boot": "00000000-0000-0000-0000-000000000000"}, None])
def test_an_agent_that_runs_and_says_nothing_hangs(vehicle: Vehicle, last: dict[str, Any] | None) -> None:
    vehicle.found(1)
    vehicle.run(**(last or {}))
    if last is None:
        (vehicle.store / "status.json").unlink()
    found = vehicle.diagnosis()
    assert verdict(found) == ("down", 2)
    assert found.sentence.startswith("Hung: the agent (pid ")
    assert "1 report is waiting and kept. To restart it: sudo systemctl restart" in found.sentence


def test_a_word_of_a_moment_ago_is_fresh(vehicle: Vehicle) -> None:
    vehicle.run(age=health.STALE - 2)
    assert vehicle.diagnosis().state == "healthy"


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("store", "the store can not be written"),
        ("camera", "the camera gives no picture"),
        ("centre", "the centre is not reached"),
        ("gps", "no position from the receiver"),
        ("model", "the model does not work"),
        ("board", "the board is too hot"),
    ],
)
@pytest.mark.parametrize("state", ["failed", "waiting"])
def test_a_part_that_does_not_work_degrades_the_agent_and_its_remedy_is_named(
    vehicle: Vehicle, name: str, remedy: str, state: str
) -> None:
    vehicle.found(2)
    vehicle.run(**{name: Part(state, "the reason", 1_700_000_000.0)})
    found = vehicle.diagnosis()
    assert verdict(found) == ("degraded", 1)
    assert found.sentence.startswith(f"To do: {remedy} since ")
    assert found.sentence.endswith("2 reports are waiting and kept.")


def test_a_part_may_wait_for_a_while_after_the_start_and_be_switched_off_for_ever(vehicle: Vehicle) -> None:
    vehicle.run(started=5.0, camera=Part("waiting"), gps=Part("off"))
    assert vehicle.diagnosis().state == "healthy"


def test_which_camera_and_what_to_do_is_told_where_it_is_known(vehicle: Vehicle) -> None:
    vehicle.run(camera=Part("failed", "camera side: /dev/video0 is not there; check the cable"))
    assert vehicle.diagnosis().sentence == (
        "To do: the camera gives no picture (camera side: /dev/video0 is not there; check the cable). "
        "No report is waiting."
    )


def test_a_part_that_failed_is_told_right_after_the_start(vehicle: Vehicle) -> None:
    vehicle.run(started=5.0, camera=Part("failed"))
    assert vehicle.diagnosis().sentence.startswith("To do: the camera gives no picture; check its cable")


def test_of_several_parts_the_store_comes_first(vehicle: Vehicle) -> None:
    vehicle.run(store=Part("failed"), camera=Part("failed"), gps=Part("failed"))
    assert "the store can not be written" in vehicle.diagnosis().sentence


def test_a_weak_supply_comes_before_the_camera_that_it_makes_drop_out_and_after_the_store(vehicle: Vehicle) -> None:
    weak = Part("failed", figures={"undervoltage": 1, "celsius": 40.0})
    vehicle.run(board=weak, camera=Part("failed"))
    assert vehicle.diagnosis().sentence.startswith(
        "To do: the board's voltage is too low; check its power supply and cable, or replace them."
    )
    vehicle.speak(board=weak, store=Part("failed"))
    assert "the store can not be written" in vehicle.diagnosis().sentence


def test_a_hot_board_comes_after_what_does_not_work(vehicle: Vehicle) -> None:
    vehicle.run(board=Part("waiting", figures={"halved": 1}), model=Part("failed"))
    assert "the model does not work" in vehicle.diagnosis().sentence


@pytest.mark.parametrize(
    ("rejected", "words"), [(1, "refused 1 report, which is"), (2, "refused 2 reports, which are")]
)
def test_reports_that_the_centre_refused_degrade_the_agent(vehicle: Vehicle, rejected: int, words: str) -> None:
    vehicle.found(3, rejected=rejected)
    vehicle.run()
    found = vehicle.diagnosis()
    assert verdict(found) == ("degraded", 1)
    assert words in found.sentence
    assert found.rejected == rejected


def test_with_a_wrong_configuration_nothing_can_be_told(vehicle: Vehicle) -> None:
    vehicle.config.write_text("[agent]\n", encoding="utf-8")
    found = vehicle.diagnosis()
    assert verdict(found) == ("unknown", 3)
    assert found.sentence.startswith("Cannot tell: ")
    assert "[agent] device: is missing" in found.sentence


@pytest.mark.parametrize("content", [b"", b'{"device": "\xff"}', b"\0" * 4096, b"[" * 100_000])
def test_a_damaged_word_counts_as_none(vehicle: Vehicle, content: bytes) -> None:
    vehicle.run()
    (vehicle.store / "status.json").write_bytes(content)
    assert vehicle.diagnosis().sentence.startswith("Hung: ")


def test_a_folder_in_place_of_the_word_leaves_it_untold(vehicle: Vehicle) -> None:
    vehicle.run()
    (vehicle.store / "status.json").unlink()
    (vehicle.store / "status.json").mkdir()
    assert verdict(vehicle.diagnosis()) == ("unknown", 3)


@pytest.mark.parametrize("content", [b"", b"no database at all " * 300])
def test_with_a_damaged_store_nothing_can_be_told_and_it_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "store" / FILE_NAME
    path.parent.mkdir()
    path.write_bytes(content)
    found = diagnose(write_config(tmp_path))
    assert verdict(found) == ("unknown", 3)
    if content:
        assert found.sentence.endswith("nothing was changed. To save what can be read: " + RESTART)
    else:
        assert "what was stored before is kept" in found.sentence
    assert path.read_bytes() == content


def test_what_is_said_has_no_position(vehicle: Vehicle) -> None:
    vehicle.found(1)
    vehicle.run()
    said = msgspec.json.encode(vehicle.diagnosis()).decode()
    assert "43.29" not in said
    assert "5.369" not in said


def test_a_full_disk_is_not_taken_for_an_agent_that_hangs(vehicle: Vehicle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "FULL", 10**18)  # bytes: more than any disk has
    vehicle.found(1)
    vehicle.run(age=health.STALE + 1)
    found = vehicle.diagnosis()
    assert verdict(found) == ("degraded", 1)
    assert "disk is full" in found.sentence
    assert "restart" not in found.sentence
