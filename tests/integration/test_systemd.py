"""The unit file, and what the daemon says to systemd."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from .broker import free_port
from .chain import Chain

UNIT = Path(__file__).parents[2] / "systemd" / "fidamia-agent.service"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_the_unit_is_valid(tmp_path: Path) -> None:
    command = tmp_path / "fidamia"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/fidamia/bin/fidamia", str(command)))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    complaints = [line for line in done.stderr.splitlines() if UNIT.name in line]
    assert done.returncode == 0, done.stderr
    assert not complaints


def test_systemd_hears_ready_alive_and_stopping(tmp_path: Path) -> None:
    chain = Chain(tmp_path, free_port())  # without any broker: the agent works all the same
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.settimeout(30)
        environment = {**os.environ, "NOTIFY_SOCKET": address, "WATCHDOG_USEC": "60000000"}
        command = [sys.executable, "-P", "-m", "agent", "run", "--config", str(tmp_path / "agent.toml")]
        agent = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        try:
            assert systemd.recv(4096) == b"READY=1"
            assert systemd.recv(4096) == b"WATCHDOG=1"
            agent.send_signal(signal.SIGTERM)
            heard = b"WATCHDOG=1"
            while heard == b"WATCHDOG=1":
                heard = systemd.recv(4096)
            assert heard == b"STOPPING=1"
            assert agent.wait(timeout=5) == 0
        finally:
            agent.kill()
            agent.wait()
    chain.close()


def test_a_configuration_fault_ends_with_the_code_on_which_systemd_does_not_restart(tmp_path: Path) -> None:
    assert "RestartPreventExitStatus=78" in UNIT.read_text()
    file = tmp_path / "agent.toml"
    file.write_text('[agent]\ndevice = "Not A Name"\n[camera]\nsuorce = 1\n[broker]\nport = 70000\n')
    command = [sys.executable, "-P", "-m", "agent", "run", "--config", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 78
    faults = done.stderr.strip().splitlines()
    assert len(faults) == 3
    assert [line.split(": ")[0] for line in faults] == [f"{file}:{line}" for line in (2, 4, 6)]
    assert "Traceback" not in done.stderr
