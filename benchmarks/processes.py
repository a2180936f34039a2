"""The programs as a whole: how soon they answer, how much memory they hold, how soon a report is at the centre."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import msgspec
import numpy as np

from agent import config
from agent.domain import Evidence, Report
from agent.drivers.simulated import SimulatedCamera
from agent.sources import simulated
from agent.store.store import Store
from benchmarks.measure import Figure, compare
from benchmarks.patrol import assemble, play

CONFIGURATION = """
[agent]
device = "bench"
[camera]
source = "simulator"
[gps]
source = "simulator"
[store]
directory = "{folder}/store"
[broker]
host = "127.0.0.1"
port = 1
tls = false
"""

SIMULATOR = """
[simulator]
seed = 3
seconds = 60
"""

# Nothing is waited for, and what was reported is reported again.
AT_ONCE = """
[aggregate]
reach_m = 0.01
gap_m = 0.01
patience_s = 0.01
min_frames = 1
[seen_again]
days = 0
"""

# The documentation's own loop over a folder, once the model is loaded: decode, resize, quantise, invoke.
BARE = """
import sys, cv2, numpy
from pathlib import Path
from agent.drivers.tflite import load_runtime
from agent.manifest import load_manifest
interpreter = load_runtime().interpreter(model_path=str(load_manifest().path), num_threads=1)
interpreter.allocate_tensors()
entry, exit = (side[0]["index"] for side in (interpreter.get_input_details(), interpreter.get_output_details()))
for path in sorted(Path(sys.argv[1]).iterdir()):
    pixels = cv2.imdecode(numpy.fromfile(path, numpy.uint8), int(sys.argv[2]))
    rgb = cv2.cvtColor(cv2.resize(pixels, (224, 224), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB)
    interpreter.set_tensor(entry, numpy.bitwise_xor(rgb, 128).view(numpy.int8)[numpy.newaxis])
    interpreter.invoke()
    interpreter.get_tensor(exit)
"""

# What holds numpy, OpenCV, the runtime and the model, and does nothing else.
PLAIN = """
import sys, time, cv2, numpy
from agent.drivers.tflite import load_runtime
from agent.manifest import load_manifest
interpreter = load_runtime().interpreter(model_path=str(load_manifest().path))
interpreter.allocate_tensors()
interpreter.invoke()
print("ready", flush=True)
time.sleep(600)
"""


def status() -> Figure:
    """`fidamia status` as a whole, of a stopped daemon."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "agent.toml"
        path.write_text(CONFIGURATION.format(folder=folder))
        daemon = subprocess.Popen(_agent("run", path), stderr=subprocess.DEVNULL)
        time.sleep(4)
        daemon.terminate()
        daemon.wait()
        return compare(
            "status",
            lambda: subprocess.run(_agent("status", path), capture_output=True, check=False),
            lambda: subprocess.run([sys.executable, "-c", "import sqlite3"], check=True),
            "python -c 'import sqlite3'",
            rounds=20,
        )


def classify_photographs() -> Figure:
    """`fidamia classify --json` as a whole on photographs as small as those that the model learnt from."""
    return _classify("classify-json-photographs", 400, (352, 264), cv2.IMREAD_COLOR)


def classify_frames() -> Figure:
    """The same on 1080p frames; the peer decodes them at a quarter of their size, as ours does."""
    return _classify("classify-json-1080p", 200, (1920, 1080), cv2.IMREAD_REDUCED_COLOR_4)


def _classify(name: str, number: int, size: tuple[int, int], decoding: int) -> Figure:
    with tempfile.TemporaryDirectory() as folder:
        _record(Path(folder), number, *size)
        bare = [sys.executable, "-c", BARE, folder, str(int(decoding))]
        ours = [sys.executable, "-P", "-m", "agent", "classify", "--json", folder]
        figure = compare(
            name,
            lambda: subprocess.run(ours, stdout=subprocess.PIPE, check=True),
            lambda: subprocess.run(bare, stderr=subprocess.DEVNULL, check=True),
            "a process of bare decode + resize + invoke",
            rounds=10,
        )
        return msgspec.structs.replace(figure, note=f"{number} pictures, {figure.ours / number:.1f} ms each")


def resident_memory() -> Figure:
    """The daemon on the pictures of a drive, its simulator left out, against a process that only holds the model."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "agent.toml"
        frames = Path(folder) / "frames"
        frames.mkdir()
        _record(frames, 60, 1280, 720)
        text = CONFIGURATION.replace('source = "simulator"', f'source = "{frames}"', 1)
        path.write_text(text.replace('source = "simulator"', 'source = "none"').format(folder=folder))
        daemon = subprocess.Popen(_agent("run", path), stderr=subprocess.DEVNULL)
        plain = subprocess.Popen([sys.executable, "-c", PLAIN], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            assert plain.stdout is not None
            plain.stdout.readline()
            time.sleep(10)
            ours, peer = _resident(daemon.pid), _resident(plain.pid)
        finally:
            for process in (daemon, plain):
                process.terminate()
                process.wait()
        return Figure("resident-memory", ours, peer, "numpy, OpenCV, runtime and model alone", ours / peer, "MB")


class _TimedStore(Store):
    """Notes how long after its frame each report is on the disk."""

    def __init__(self, directory: Path, camera: SimulatedCamera) -> None:
        super().__init__(directory)
        self.delays: list[float] = []  # seconds
        self._camera = camera

    def append(self, report: Report, evidence: Evidence | None = None, held: bool = False) -> int:
        sequence = super().append(report, evidence, held)
        assert report.monotonic is not None
        self.delays.append(self._camera.seconds - report.monotonic)
        return sequence


def frame_to_commit() -> Figure:
    """From a frame's capture to its report on disk, on the simulator in real time.

    Most of it is waiting whether the defect stays in sight, which the peer, that believes each frame, does not do.
    """
    ours, at_once = _drive(""), _drive(AT_ONCE)
    low, median, high = statistics.quantiles(ours, n=4)
    other = statistics.median(at_once)
    note = f"{len(ours)} reports, of the peer {len(at_once)}"
    return Figure("frame-to-commit", median, other, "each frame a report", median / other, "s", (low, high), note)


def _drive(further: str) -> list[float]:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        path = Path(folder) / "agent.toml"
        path.write_text(CONFIGURATION.format(folder=folder) + SIMULATOR + further)
        settings = config.load(path)
        sources = simulated(settings, 1.0)
        assert isinstance(sources.camera, SimulatedCamera)
        store = _TimedStore(Path(folder) / "store", sources.camera)
        play(assemble(settings, sources, store))
        store.close()
    return store.delays


def _agent(verb: str, config: Path) -> list[str]:
    return [sys.executable, "-P", "-m", "agent", verb, "--config", str(config)]


def _resident(pid: int) -> float:
    """Megabytes (10^6 bytes) resident."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024 / 1e6


def _record(folder: Path, number: int, width: int, height: int) -> None:
    """A drive of drawn pictures."""
    from agent.simulation.scenery import LABELS, draw  # noqa: PLC0415 - its textures take a while

    for index in range(number):
        pixels = draw(LABELS[index % len(LABELS)], np.random.default_rng(index), width, height)
        cv2.imwrite(str(folder / f"{index:04}.jpg"), pixels)
