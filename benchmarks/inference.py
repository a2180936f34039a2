"""From picture to class, and from observation to disk, against the bare sum of what must be done."""

from __future__ import annotations

import math
import sqlite3
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import cv2
import msgspec
import numpy as np

from agent.domain import WHOLE_FRAME, Candidate, Classification, Dated, Frame, Observation, Pixels, Position
from agent.drivers.pictures import read_picture
from agent.drivers.tflite import TfliteClassifier, load_runtime
from agent.manifest import load_manifest
from agent.pipeline.anonymise import Identity, anonymise
from agent.pipeline.classify import classify, cut
from agent.pipeline.regions import Rota, road
from agent.store.store import Store
from benchmarks.measure import Figure, compare

SHORTER_SIDE = 224


def _scene(width: int, height: int) -> Pixels:
    """A street as the simulator draws it, with a sensor's noise, so that a JPEG of it is as large as a camera's."""
    from agent.simulation.scenery import draw  # noqa: PLC0415 - its textures take a while

    rng = np.random.default_rng(7)
    pixels = draw("pothole", rng, width, height).astype(np.int16) + rng.normal(0, 4, (height, width, 3)).astype(
        np.int16
    )
    return np.clip(pixels, 0, 255).astype(np.uint8)


class Bare:
    """The documentation's own loop: resize, quantise, invoke."""

    def __init__(self) -> None:
        manifest = load_manifest()
        self._interpreter = load_runtime().interpreter(model_path=str(manifest.path), num_threads=1)
        self._interpreter.allocate_tensors()
        self._entry = self._interpreter.get_input_details()[0]["index"]
        self._exit = self._interpreter.get_output_details()[0]["index"]

    def invoke(self, pixels: Pixels) -> None:
        small = cv2.resize(pixels, (224, 224), interpolation=cv2.INTER_AREA)
        rgb = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), np.uint8)
        self._interpreter.set_tensor(self._entry, np.bitwise_xor(rgb, 128).view(np.int8)[np.newaxis])
        self._interpreter.invoke()
        self._interpreter.get_tensor(self._exit)


def jpeg_to_class() -> Figure:
    """A 1080p JPEG on disk to its class, one thread."""
    manifest = load_manifest()
    classifier, bare = TfliteClassifier(manifest), Bare()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.jpg"
        cv2.imwrite(str(path), _scene(1920, 1080), [cv2.IMWRITE_JPEG_QUALITY, 85])
        size = path.stat().st_size

        def ours() -> None:
            classify(read_picture(path, SHORTER_SIDE).pixels, classifier, manifest)

        def floor() -> None:
            data = np.frombuffer(path.read_bytes(), np.uint8)
            pixels = cv2.imdecode(data, cv2.IMREAD_REDUCED_COLOR_4)
            assert pixels is not None
            bare.invoke(np.asarray(pixels, np.uint8))

        return compare(
            "jpeg-1080p-to-class", ours, floor, "bare decode + resize + invoke", note=f"JPEG of {size // 1000} kB"
        )


def frame_to_decision() -> Figure:
    """A 720p frame in memory to its decision."""
    manifest = load_manifest()
    classifier, bare, pixels = TfliteClassifier(manifest), Bare(), _scene(1280, 720)
    return compare(
        "frame-720p-to-decision",
        lambda: classify(pixels, classifier, manifest),
        lambda: bare.invoke(pixels),
        "bare resize + invoke",
    )


def road_720p() -> Figure:
    """A 720p frame in memory to its decision, with the six regions of the road."""
    return _road("frame-720p-road", 1280, 720)


def road_1080p() -> Figure:
    """The same of a 1080p frame."""
    return _road("frame-1080p-road", 1920, 1080)


def _road(name: str, width: int, height: int) -> Figure:
    manifest = load_manifest()
    classifier, bare, pixels = TfliteClassifier(manifest), Bare(), _scene(width, height)
    regions = road(0.3)
    rota = Rota(regions)

    def ours() -> None:
        classify(pixels, classifier, manifest, rota.turns(math.inf))

    def floor() -> None:
        for region in regions:
            bare.invoke(cut(pixels, region))

    figure = compare(name, ours, floor, f"bare resize + invoke of the same {len(regions)} regions")
    return msgspec.structs.replace(figure, note=f"{1000 / figure.ours:.0f} frames a second of one core")


def observation_to_commit() -> Figure:
    """An observation to its report, durable on disk."""
    manifest = load_manifest()
    frame = Frame(_scene(640, 360), datetime.now(UTC), 0.0, "front")
    look = Classification("accepted", (Candidate("pothole", 0.9), Candidate("no_defect", 0.1)), WHOLE_FRAME)
    observation = Observation(frame, look, Position("none"), frames=1)
    dated = Dated(datetime.now(UTC), "ntp", 0.1)
    identity = Identity("veh-1", "01934f5e-0000-4000-8000-000000000000")
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        store = Store(Path(folder) / "store")
        plain = sqlite3.connect(Path(folder) / "plain.sqlite", isolation_level=None)
        plain.execute("PRAGMA journal_mode = wal")
        plain.execute("PRAGMA synchronous = full")
        plain.execute("CREATE TABLE report (sequence INTEGER PRIMARY KEY AUTOINCREMENT, payload BLOB)")
        payload = b"x" * 800
        try:
            return compare(
                "observation-to-commit",
                lambda: store.append(anonymise(observation, dated, identity, manifest)),
                lambda: plain.execute("INSERT INTO report (payload) VALUES (?)", (payload,)),
                "bare sqlite3 insert, same durability",
            )
        finally:
            plain.close()
            store.close()
