"""One daemon a store."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.errors import StoreError
from agent.store.lock import FILE_NAME, StoreLock, holder

HOLD = """
import sys
from pathlib import Path
from agent.store.lock import StoreLock
lock = StoreLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds the lock."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_second_daemon_is_refused_with_the_pid_of_the_first(tmp_path: Path, daemon: subprocess.Popen[bytes]) -> None:
    with pytest.raises(StoreError, match=rf"another daemon \(pid {daemon.pid}\) works on this store; stop it first"):
        StoreLock(tmp_path)
    assert holder(tmp_path) == daemon.pid


def test_the_lock_is_free_once_its_holder_was_killed(tmp_path: Path, daemon: subprocess.Popen[bytes]) -> None:
    daemon.kill()
    daemon.wait()
    assert holder(tmp_path) is None
    lock = StoreLock(tmp_path)
    assert holder(tmp_path) == os.getpid()
    lock.release()


def test_a_lock_that_was_released_can_be_taken_again(tmp_path: Path) -> None:
    for _time in range(2):
        lock = StoreLock(tmp_path)
        with pytest.raises(StoreError, match=f"pid {os.getpid()}"):
            StoreLock(tmp_path)
        lock.release()
    assert holder(tmp_path) is None


def test_looking_for_the_holder_does_not_take_the_lock_nor_make_anything(tmp_path: Path) -> None:
    assert holder(tmp_path / "store") is None
    assert not (tmp_path / "store").exists()
    StoreLock(tmp_path).release()
    assert holder(tmp_path) is None
    StoreLock(tmp_path).release()


def test_a_shorter_pid_replaces_a_longer_one(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("4194304123\n", encoding="ascii")
    lock = StoreLock(tmp_path)
    assert (tmp_path / FILE_NAME).read_text(encoding="ascii") == f"{os.getpid()}\n"
    lock.release()


def test_the_folder_is_made_and_closed_to_others(tmp_path: Path) -> None:
    directory = tmp_path / "var" / "store"
    StoreLock(directory).release()
    assert stat.S_IMODE(directory.stat().st_mode) & 0o027 == 0


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "store").touch()
    with pytest.raises(StoreError, match=r"the folder can not be made \(File exists\)"):
        StoreLock(tmp_path / "store")


def test_a_lock_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(StoreError, match=r"lock: can not be written \(Is a directory\); nothing was changed"):
        StoreLock(tmp_path)


def test_on_a_full_disk_the_lock_holds_all_the_same(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        lock = StoreLock(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    with pytest.raises(StoreError, match="another daemon"):
        StoreLock(tmp_path)
    lock.release()
