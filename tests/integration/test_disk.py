"""A disk that the kernel makes read-only after errors, as a worn flash card ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .broker import free_port
from .chain import SIMULATED, Chain
from .receiver import wait_until


def run(*command: str | Path) -> bool:
    """Whether that command of the system works here."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


class Disk:
    """A small one of its own."""

    def __init__(self, directory: Path, at: Path) -> None:
        self._file, self.at = directory / "disk", at
        with self._file.open("wb") as file:
            file.truncate(64_000_000)
        self.at.mkdir()
        self.is_possible = run("mkfs.ext4", "-q", "-F", self._file) and self.mount()

    def mount(self) -> bool:
        """Put it in place."""
        return run("mount", "-o", "loop", self._file, self.at)

    def fail(self) -> None:
        """The kernel met errors: from now on nothing can be written."""
        assert run("mount", "-o", "remount,abort", self.at)
        assert not run("touch", self.at / "anything")

    def repair(self) -> None:
        """As at the next boot."""
        self.unmount()
        assert run("e2fsck", "-fy", self._file) or self.mount()
        assert self.at.is_mount() or self.mount()

    def unmount(self) -> None:
        """Take it away."""
        run("umount", "--lazy", self.at)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path, tmp_path / "disk-at")
    if not made.is_possible:
        pytest.skip("this machine does not let the test mount a disk")
    yield made
    made.unmount()


def command(chain: Chain, *words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-P", "-m", "agent", *words, "--config", str(chain.config)]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)


def test_a_disk_that_becomes_read_only_is_told_and_costs_nothing_that_was_stored(tmp_path: Path, disk: Disk) -> None:
    chain = Chain(tmp_path, free_port(), SIMULATED, store=disk.at / "store")
    try:
        agent = chain.agent.start()
        assert wait_until(lambda: (chain.figure("store", "reports") or 0) >= 1, 40), chain.agent.log
        disk.fail()
        assert wait_until(lambda: "the store can not be written" in chain.status()[1]["sentence"], 60), chain.agent.log
        assert chain.status()[0] == 1
        stored = len(chain.on_device())
        for words in (["ls"], ["check"], ["export", str(tmp_path / "map.geojson")], ["retry", "--all"]):
            done = command(chain, "queue", *words)
            assert (done.returncode, done.stderr) == (0, "")
        assert wait_until(lambda: (chain.figure("store", "unsaved") or 0) >= 1, 60), chain.agent.log
        assert "wait in memory" in chain.agent.log
        assert agent.poll() is None
        assert chain.agent.kill(signal.SIGTERM) == 74
        assert "that waited in memory are lost" in chain.agent.log
        again = command(chain, "run")
        assert (again.returncode, "Traceback" in again.stderr) == (74, False)
        assert "Read-only file system" in again.stderr
        disk.repair()
        assert len(chain.on_device()) == stored
        chain.agent.start()
        assert wait_until(lambda: len(chain.on_device()) > stored, 40), chain.agent.log
    finally:
        chain.close()
