"""A V4L2 camera in a machine of its own (QEMU with the kernel's `vivid`): read, unplugged and plugged in again.

By hand: `make v4l2`. Within the guest this module is the vehicle's part, and prints what it saw.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from agent.drivers.cameras import LiveCameras
from agent.drivers.capture import Settings
from agent.errors import DeviceError

ROOT = Path(__file__).parents[2]
GUEST = ROOT / ".guest" / "v4l2"  # `make v4l2` makes it
VIRTIOFS = Path("/usr/lib/qemu/virtiofsd")
DRIVER = Path("/sys/bus/platform/drivers/vivid")
MEMORY = "1G"
LIMIT = 300.0  # seconds for all of it
ANSWER = "SEEN "  # begins the line that the guest answers with
AWAY = 2.0  # seconds that the camera is unplugged


def is_possible() -> bool:
    """Whether there is all that it takes."""
    return (GUEST / "initrd.gz").exists() and VIRTIOFS.exists()


def run() -> dict[str, Any]:
    """What the guest saw. Raises RuntimeError with its last lines where it did not answer."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        directory.chmod(0o755)
        script, shared = directory / "run.sh", directory / "shared.sock"
        script.write_text(
            f"cd {ROOT}\nPYTHONDONTWRITEBYTECODE=1 {sys.executable} -m tests.system.v4l2 --guest\n"
            "echo b > /proc/sysrq-trigger\n"
        )
        options = f"--socket-path={shared}", "-o", "source=/", "-o", "sandbox=chroot", "-o", "cache=auto"
        with (directory / "log").open("wb") as log:
            files = subprocess.Popen([VIRTIOFS, *options], stdout=log, stderr=log)
            try:
                while not shared.exists():
                    time.sleep(0.1)
                found = subprocess.run(_machine(script, shared), capture_output=True, timeout=LIMIT, check=False)
            finally:
                files.kill()
                files.wait()
    text = found.stdout.decode(errors="replace")
    answers = [line for line in text.splitlines() if line.startswith(ANSWER)]
    if not answers:
        raise RuntimeError(text[-2000:])
    return dict(json.loads(answers[-1].removeprefix(ANSWER)))


def _machine(script: Path, shared: Path) -> list[str]:
    return [
        *("qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", MEMORY, "-display", "none", "-no-reboot"),
        *("-kernel", str(GUEST / "vmlinuz"), "-initrd", str(GUEST / "initrd.gz")),
        *("-append", f"console=ttyS0 quiet panic=-1 run={script}"),
        *("-object", f"memory-backend-memfd,id=memory,size={MEMORY},share=on", "-numa", "node,memdev=memory"),
        *("-chardev", f"socket,id=files,path={shared}", "-device", "vhost-user-fs-pci,chardev=files,tag=host"),
        *("-serial", "stdio", "-monitor", "none"),
    ]


def look() -> dict[str, Any]:
    """In the guest: read two cameras, and unplug them while they are read."""
    asked = [
        Settings("/dev/video0", "front", 640, 360, 15, "auto"),
        Settings("/dev/v4l/by-path/none", "absent", None, None, None, None),
    ]
    cameras = LiveCameras(asked)
    cameras.open()
    seen: dict[str, Any] = {"shapes": sorted({one for one in _shapes(cameras, 5)})}
    seen["states"] = {state.name: state.state for state in cameras.state()}
    (DRIVER / "unbind").write_text("vivid.0")
    since = time.monotonic()
    while all(state.state == "ok" for state in cameras.state() if state.name == "front"):
        _read(cameras)
    seen["noticed_s"] = round(time.monotonic() - since, 2)
    time.sleep(AWAY)
    (DRIVER / "bind").write_text("vivid.0")
    since = time.monotonic()
    seen["again"] = sorted({one for one in _shapes(cameras, 1)})
    seen["back_s"] = round(time.monotonic() - since, 2)
    cameras.close()
    return seen


def _shapes(cameras: LiveCameras, count: int) -> list[tuple[int, int]]:
    """Rows and columns of so many frames."""
    found: list[tuple[int, int]] = []
    while len(found) < count:
        frame = _read(cameras)
        if frame is not None:
            found.append(frame)
    return found


def _read(cameras: LiveCameras) -> tuple[int, int] | None:
    try:
        frame = cameras.read(0.2)
    except DeviceError:
        return None
    return None if frame is None else (frame.pixels.shape[0], frame.pixels.shape[1])


if __name__ == "__main__":
    if "--guest" in sys.argv:
        click.echo(f"\n{ANSWER}{json.dumps(look())}")
    else:
        click.echo(json.dumps(run(), indent=1))
