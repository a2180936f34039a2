"""The daemon's word on how it is."""

from __future__ import annotations

import stat
import uuid
from pathlib import Path

import pytest

from agent import health
from agent.errors import StoreError
from agent.health import Health, Part
from tests.unit.builders import BOOT, DEVICE


def word() -> Health:
    parts = {"camera": Part("failed", "no signal", 1.5, {"frames": 3}), "gps": Part("ok")}
    return Health(DEVICE, "1.0.0", 42, BOOT, started_at=1.0, written=2.0, parts=parts)


def test_a_word_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    health.write(path, word())
    assert health.read(path) == word()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [entry.name for entry in tmp_path.iterdir()] == ["status.json"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"device": "\xff"}', b"[" * 100_000, b'{"device": 3}', b"\0" * 512]
)
def test_a_damaged_word_is_no_word(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "status.json"
    path.write_bytes(content)
    assert health.read(path) is None


def test_no_word_is_no_word(tmp_path: Path) -> None:
    assert health.read(tmp_path / "status.json") is None


def test_a_word_that_can_not_be_written_is_told_with_the_key_to_set(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"can not be written \(No such file or directory\); set \[store\] runtime"):
        health.write(tmp_path / "nowhere" / "status.json", word())


def test_a_boot_has_a_uuid() -> None:
    assert str(uuid.UUID(health.boot_id())) == health.boot_id()
