"""Builds the things of the domain, each with everything it needs, so that a test names only what it is about."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from agent.domain import (
    WHOLE_FRAME,
    Candidate,
    Classification,
    Fix,
    Frame,
    ModelIdentity,
    Position,
    Report,
)
from agent.manifest import Input, Label, Manifest

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
BOOT = "5ab4a44d-6d8d-4e6d-9d5c-0d8f8a8f8b01"
DEVICE = "veh-042"
PREFIX = "fidamia/v1"
MARSEILLE = (43.29648, 5.36978)  # degrees
LABELS = ("pothole", "graffiti", "no_defect")


def identifier(number: int) -> str:
    """The same UUIDv7 for the same number, in the order of the numbers."""
    return f"01930000-0000-7000-8000-{number:012x}"


def frame(seconds: float = 0.0, fix: Fix | None = None, shade: int = 0) -> Frame:
    """A frame of `seconds` after noon; `shade` is the value of all its pixels."""
    pixels = np.full((8, 12, 3), shade, np.uint8)
    return Frame(pixels, NOON + timedelta(seconds=seconds), seconds, "front", fix)


def fix(seconds: float = 0.0, **changes: Any) -> Fix:
    """A fix of `seconds` after noon, in Marseille, driving east at 10 m/s."""
    lat, lon = MARSEILLE
    whole = Fix(lat, lon, NOON + timedelta(seconds=seconds), seconds, eph=3.0, speed=10.0, track=90.0)
    return replace(whole, **changes)


def position(north: float = 0.0) -> Position:
    """A position so many metres north of Marseille."""
    lat, lon = MARSEILLE
    return Position("gnss", lat + north / 111_195.0, lon, 0.0, 3.0, 10.0, 0.0)


def classification(label: str = "pothole", probability: float = 0.9, decision: str = "accepted") -> Classification:
    """What a model says that sees `label`; what is left is shared out to the others."""
    rest = (1.0 - probability) / (len(LABELS) - 1)
    others = (Candidate(name, rest) for name in LABELS if name != label)
    return Classification(decision, (Candidate(label, probability), *others), WHOLE_FRAME)


def report(number: int = 1, **changes: Any) -> Report:
    """A report; each number has an id of its own."""
    lat, lon = MARSEILLE
    whole = Report(
        id=identifier(number),
        device=DEVICE,
        boot=BOOT,
        observed_at=NOON,
        clock="gps",
        clock_error=0.1,
        label="pothole",
        probability=0.93,
        decision="accepted",
        candidates=(Candidate("pothole", 0.93), Candidate("graffiti", 0.05), Candidate("no_defect", 0.02)),
        severity="normal",
        frames=4,
        region=(0.1, 0.5, 0.4, 0.8),
        position=Position("gnss", lat, lon, 0.2, 3.1, 8.2, 123.0),
        commune=None,
        team="voirie",
        model=ModelIdentity("defects", "1.0.0", "0" * 64),
        evidence_withheld="no_anonymiser",
    )
    return replace(whole, **changes)


def manifest() -> Manifest:
    """A model of two defects: a pothole is believed from 0.6 on, graffiti from 0.8."""
    return Manifest(
        name="toy",
        version="1.0.0",
        file="model.tflite",
        sha256="0" * 64,
        input=Input(width=4, height=4, mean=127.5, scale=127.5),
        temperature=1.0,
        review=0.4,
        labels=[
            Label("pothole", "pothole", "nid-de-poule", "normal", "voirie", 0.6),
            Label("graffiti", "graffiti", "tag", "low", "propreté", 0.8),
            Label("no_defect", "no defect", "aucun défaut", None, None, None),
        ],
    )


def write_model(directory: Path, **changes: Any) -> Path:
    """A model's folder whose file is no model; `changes` are made to its manifest."""
    content = b"not a model, but with the right hash"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "model.tflite").write_bytes(content)
    document = msgspec.to_builtins(manifest(), enc_hook=str)
    document.pop("directory", None)
    document["sha256"] = hashlib.sha256(content).hexdigest()
    (directory / "manifest.json").write_bytes(msgspec.json.encode({**document, **changes}))
    return directory


def write_config(directory: Path, **sections: str) -> Path:
    """A right configuration whose store is beside it; a section given replaces the one that stands here."""
    texts = {
        "agent": f'device = "{DEVICE}"',
        "store": f'directory = "{directory / "store"}"',
        "broker": 'host = "broker.example.org"',
        **sections,
    }
    path = directory / "agent.toml"
    path.write_text("".join(f"[{name}]\n{text}\n" for name, text in texts.items()), encoding="utf-8")
    return path
