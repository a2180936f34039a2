"""The model in the runtimes and readers that are no part of the project."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

import msgspec
import pytest

from agent.manifest import load_manifest
from training.golden import write
from training.metadata import embed

from .conftest import ROOT
from .test_wheel import environment, run

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.version_info >= (3, 12), reason="tflite-runtime and tflite-support ended with Python 3.11"),
]

READ = """
import json, sys
from tflite_support import metadata

shown = metadata.MetadataDisplayer.with_model_file(sys.argv[1])
files = {name: shown.get_associated_file_buffer(name).decode() for name in shown.get_packed_associated_file_list()}
print(json.dumps({"metadata": json.loads(shown.get_metadata_json()), "files": files}))
"""

COMPARE = """
import sys
import numpy
from tflite_runtime.interpreter import Interpreter

def answers(path):
    model = Interpreter(path)
    model.allocate_tensors()
    (entry,), (leaving,) = model.get_input_details(), model.get_output_details()
    for seed in range(5):
        model.set_tensor(entry["index"], numpy.random.default_rng(seed).integers(0, 256, entry["shape"]).astype("int8"))
        model.invoke()
        yield model.get_tensor(leaving["index"]).tolist()

sys.exit(list(answers(sys.argv[1])) != list(answers(sys.argv[2])))
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """TensorFlow Lite's last runtime and metadata reader under their old names, and what the agent needs beside."""
    return environment(
        tmp_path_factory.mktemp("old") / "environment",
        *("tflite-runtime==2.14.0", "tflite-support==0.4.4", "numpy<2", "opencv-python-headless<4.12"),
        *("click", "exifread", "imagesize", "msgspec"),
    )


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the shipped model with metadata and golden pictures, as training makes it."""
    folder = tmp_path_factory.mktemp("model") / "defects"
    shipped = load_manifest()
    shutil.copytree(shipped.directory, folder)
    path = folder / shipped.file
    if b"TFLITE_METADATA" not in path.read_bytes():
        labels = {label.id: {"en": label.en, "fr": label.fr} for label in shipped.labels}
        embed(path, labels, shipped.input, shipped.name, shipped.version)
        manifest = (folder / "manifest.json").read_text(encoding="utf-8")
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        (folder / "manifest.json").write_text(manifest.replace(shipped.sha256, found), encoding="utf-8")
        write(folder, range(2))
    return folder


def test_another_programs_reader_finds_names_normalisation_and_labels(programs: Path, described: Path) -> None:
    manifest = load_manifest(str(described))
    read = msgspec.json.decode(run(programs / "python", "-c", READ, manifest.path, cwd=described).stdout)
    metadata = read["metadata"]
    assert (metadata["name"], metadata["version"]) == (manifest.name, manifest.version)
    assert (metadata["author"], metadata["license"]) == ("fidamia-agent", "Apache-2.0")
    (graph,) = metadata["subgraph_metadata"]
    ((entry,), (leaving,)) = graph["input_tensor_metadata"], graph["output_tensor_metadata"]
    assert entry["content"]["content_properties"] == {"color_space": "RGB"}
    assert entry["process_units"] == [
        {
            "options_type": "NormalizationOptions",
            "options": {"mean": [manifest.input.mean], "std": [manifest.input.scale]},
        }
    ]
    assert [(file["name"], file["type"], file.get("locale")) for file in leaving["associated_files"]] == [
        ("labels.txt", "TENSOR_AXIS_LABELS", None),
        ("labels_en.txt", "TENSOR_AXIS_LABELS", "en"),
        ("labels_fr.txt", "TENSOR_AXIS_LABELS", "fr"),
    ]
    lists = {name: text.splitlines() for name, text in read["files"].items()}
    assert lists == {
        "labels.txt": [label.id for label in manifest.labels],
        "labels_en.txt": [label.en for label in manifest.labels],
        "labels_fr.txt": [label.fr for label in manifest.labels],
    }


def test_the_old_runtime_answers_the_same_with_and_without_metadata(programs: Path, described: Path) -> None:
    run(programs / "python", "-c", COMPARE, load_manifest().path, described / "model.tflite", cwd=described)


def test_the_golden_pictures_are_right_in_the_old_runtime_too(programs: Path, described: Path) -> None:
    command = "import sys; sys.path.insert(0, sys.argv.pop(1)); from agent.cli.main import main; main()"
    options = ("--runtime", "tflite-runtime", "--json")
    done = run(programs / "python", "-c", command, ROOT, "model", "verify", described, *options, cwd=described)
    verdict = msgspec.json.decode(done.stdout)
    assert (verdict["right"], verdict["runtime"]) == (True, "tflite-runtime")
    assert max(picture["gap"] for picture in verdict["pictures"]) < verdict["tolerance"] / 2
