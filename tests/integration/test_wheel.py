"""The wheel, installed into a clean environment as a user would, and tried from another folder."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import msgspec
import pytest

from .conftest import ROOT

pytestmark = pytest.mark.timeout(600)

COMPARE = """
import sys
import cv2, numpy
from agent.drivers.tflite import TfliteClassifier
from agent.manifest import load_manifest

rng = numpy.random.default_rng(1)
pictures = [cv2.GaussianBlur(rng.integers(0, 256, (240, 320, 3), numpy.uint8), (0, 0), s) for s in range(1, 21)]
one, other = (TfliteClassifier(load_manifest(), runtime=name) for name in ("ai-edge-litert", "tflite-runtime"))
assert (one.runtime, other.runtime) == ("ai-edge-litert", "tflite-runtime")
gap = max(abs(one.probabilities(p) - other.probabilities(p)).max() for p in pictures)
print(gap)
sys.exit(int(gap > 0.1))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the tree as it is."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


def run(*command: str | Path, cwd: Path, expected: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder that is not the repository's, where Python would find our sources."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == expected, done.stdout + done.stderr
    return done


def environment(folder: Path, *requirements: str | Path) -> Path:
    """A clean environment with these installed; its folder of programs."""
    run(sys.executable, "-m", "venv", folder, cwd=folder.parent)
    run(folder / "bin" / "pip", "install", "--quiet", *requirements, cwd=folder)
    return folder / "bin"


def test_the_wheel_carries_models_schemas_and_words_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "agent/models/defects/model.tflite",
        "agent/models/defects/manifest.json",
        "agent/models/defects/CARD.md",
        "agent/models/taxonomy.toml",
        "agent/schema/reports.json",
        "agent/locale/fr/LC_MESSAGES/fidamia.mo",
        "central/ingest.py",
    ):
        assert wanted in names
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"agent", "central"}
    assert not [name for name in names if name.endswith((".jpg", ".jpeg", ".toml.bak")) or "test" in name]


def test_the_installed_commands_work_from_any_folder(wheel: Path, tmp_path: Path) -> None:
    programs = environment(tmp_path / "clean", wheel)
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "agent").mkdir(parents=True)  # a folder that is called like the package must not be taken for it
    picture = elsewhere / "picture.png"
    run(
        programs / "python",
        "-c",
        f"import cv2, numpy; cv2.imwrite({str(picture)!r}, numpy.full((300, 400, 3), 90))",
        cwd=elsewhere,
    )
    assert "fidamia" in run(programs / "fidamia", "--version", cwd=elsewhere).stdout
    assert "ingest" in run(programs / "fidamia-central", "--help", cwd=elsewhere).stdout
    answer = msgspec.json.decode(run(programs / "fidamia", "classify", "--json", "picture.png", cwd=elsewhere).stdout)
    assert answer["model"]["name"] == "defects"
    run(programs / "fidamia", "status", "--config", "none.toml", cwd=elsewhere, expected=3)
    answer = msgspec.json.decode(run(programs / "fidamia", "demo", "--seconds", "3", "--json", cwd=elsewhere).stdout)
    assert answer["exactly_once"] is True


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="tflite-runtime ended with Python 3.11")
def test_both_runtimes_load_the_model_and_agree_and_a_wrong_numpy_is_a_sentence(wheel: Path, tmp_path: Path) -> None:
    programs = environment(tmp_path / "old", f"{wheel}[tflite]")
    run(programs / "python", "-c", COMPARE, cwd=tmp_path)
    run(programs / "pip", "install", "--quiet", "numpy>=2", cwd=tmp_path)
    lines = "from agent.drivers.tflite import load_runtime; load_runtime('tflite-runtime')"
    said = run(programs / "python", "-c", lines, cwd=tmp_path, expected=1).stderr
    assert "tflite-runtime needs numpy 1" in said
    assert "SystemError" not in said
