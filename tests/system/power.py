"""Power cuts: a vehicle in a machine of its own (QEMU), which is ended like a lamp, with all that its disk had not got.

By hand: `make power CUTS=20 SEED=1`; the last line says what came of it.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click

from tests.authority import Authority
from tests.integration.broker import Broker, free_port
from tests.integration.centre import Centre
from tests.integration.process import Process
from tests.integration.receiver import wait_until
from tests.system.rig import DEVICE, DRAINING, QUOTA, Verdict, draw_pictures, judge

ROOT = Path(__file__).parents[2]
GUEST = ROOT / ".guest"  # `make guest`
VIRTIOFS = Path("/usr/lib/qemu/virtiofsd")
DISK = 400  # MB
MEMORY = "512M"
HOST = "10.0.2.2"  # this machine, as the guest sees it
STARTING = 120.0  # seconds until the first report of a life
LIVES = 0.5, 8.0  # seconds from the first report of a life to its end


def is_possible() -> bool:
    """Whether there is all that it takes."""
    return (GUEST / "initrd.gz").exists() and VIRTIOFS.exists()


class PowerRig:
    """A vehicle in a guest, a broker and a centre."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.verdict = Verdict()
        self._directory = directory
        self._random = random.Random(seed)
        directory.chmod(0o755)
        for name in ("broker", "certificates"):
            (directory / name).mkdir()
        draw_pictures(directory)
        authority = Authority(directory / "certificates")
        authority.certificate("server", f"IP:{HOST}")
        authority.certificate(DEVICE, f"DNS:{DEVICE}")
        secured = free_port()
        settings = f"allow_anonymous true\nlistener {secured} 127.0.0.1\n{authority.listener('server')}"
        self._broker = Broker(directory / "broker", settings, persistent=True)
        self._broker.start()
        own = {"ca": f"{authority.directory}/ca.pem", **authority.of(DEVICE)}
        files = "".join(f'{name} = "{value}"\n' for name, value in own.items())
        (directory / "vehicle.toml").write_text(
            f'[agent]\ndevice = "{DEVICE}"\n[store]\ndirectory = "/mnt/store"\n'
            f'[broker]\nhost = "{HOST}"\nport = {secured}\n{files}[sync]\nresend_after_s = 5\n'
        )
        self._disk = directory / "disk"
        with self._disk.open("wb") as file:
            file.truncate(DISK * 1_000_000)
        subprocess.run(["mkfs.ext4", "-q", "-F", self._disk], check=True)
        self._centre = Centre(directory, self._broker.port)
        self._centre.start()

    def run(self, cuts: int) -> Verdict:
        """Cut the power so many times, then let everything arrive and look."""
        for _ in range(cuts):
            before = self._committed()
            with self._guest(pause=0.02):
                self._wait_for_more_than(before)
                time.sleep(self._random.uniform(*LIVES))
            self.verdict.cuts["power"] += 1
            self.verdict.loops += self._committed() == before  # nothing came of that life
        with self._guest(pause=10_000.0):
            wait_until(self._has_all, DRAINING)
        judge(self._directory, self._centre, self.verdict)
        return self.verdict

    def close(self) -> None:
        """End everything."""
        self._centre.close()
        self._broker.close()

    @contextmanager
    def _guest(self, pause: float) -> Iterator[None]:
        """Switch it on, and cut its power."""
        script, shared = self._directory / "drive.sh", self._directory / "shared.sock"
        what = f"{self._directory}/vehicle.toml /dev/ttyS1 {self._directory} {pause} {QUOTA}"
        script.write_text(
            f"stty -F /dev/ttyS1 raw -echo\ncd {ROOT}\nwhile true; do\n"
            f"PYTHONDONTWRITEBYTECODE=1 {sys.executable} -m tests.system.vehicle {what}\nsleep 2\ndone\n"
        )
        shared.unlink(missing_ok=True)
        options = f"--socket-path={shared}", "-o", "source=/", "-o", "sandbox=chroot", "-o", "cache=auto"
        log = self._directory / "vehicle.log"
        files, guest = Process([str(VIRTIOFS), *options], log), Process(self._machine(script, shared), log)
        try:
            files.start()
            wait_until(shared.exists, 10)
            guest.start()
            yield
        finally:
            guest.close()
            files.close()

    def _machine(self, script: Path, shared: Path) -> list[str]:
        return [
            # Emulated: what a cut leaves on the disk is the same, and not every machine lends its own processor.
            *("qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", MEMORY, "-display", "none", "-no-reboot"),
            *("-kernel", str(GUEST / "vmlinuz"), "-initrd", str(GUEST / "initrd.gz")),
            *("-append", f"console=ttyS0 quiet panic=-1 run={script}"),
            *("-object", f"memory-backend-memfd,id=memory,size={MEMORY},share=on", "-numa", "node,memdev=memory"),
            *("-chardev", f"socket,id=files,path={shared}", "-device", "vhost-user-fs-pci,chardev=files,tag=host"),
            *("-drive", f"file={self._disk},if=virtio,format=raw"),
            *("-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile="),
            *("-serial", "stdio", "-chardev", f"file,id=journal,path={self._directory}/journal,append=on"),
            *("-serial", "chardev:journal", "-monitor", "none"),
        ]

    def _wait_for_more_than(self, count: int) -> None:
        wait_until(lambda: self._committed() > count, STARTING)

    def _committed(self) -> int:
        journal = self._directory / "journal"
        return journal.read_bytes().count(b"\n") if journal.exists() else 0

    def _has_all(self) -> bool:
        found = Verdict()
        judge(self._directory, self._centre, found)
        return not found.lost


def main(cuts: int, seed: int) -> int:
    """0 where nothing was lost and nothing doubled."""
    with (
        tempfile.TemporaryDirectory(prefix="fidamia-power-", dir="/var/tmp") as folder,
        closing(PowerRig(Path(folder), seed)) as rig,
    ):
        verdict = rig.run(cuts)
    click.echo(f"{verdict.committed} committed")
    click.echo(f"lost {len(verdict.lost)} doubled {len(verdict.doubled)} crash-loops {verdict.loops} of {cuts} cuts")
    return 0 if verdict.is_good else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
