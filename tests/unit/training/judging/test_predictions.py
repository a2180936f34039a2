"""What a network said of each photograph is kept to the digit, and any other table is refused with a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.unit.training.invented import LABELS, predictions
from training.judging.predictions import Predictions
from training.photographs.dataset import DatasetError, Photograph

HEAD = "path,source,group,label,pothole,graffiti,no_defect\n"


def test_what_was_saved_is_read_again_to_the_last_digit(tmp_path: Path) -> None:
    photographs = [Photograph(tmp_path / f"pothole/a-{i}.jpg", "pothole", "a", group="both") for i in range(50)]
    said = np.random.default_rng(3).dirichlet((0.1, 0.1, 0.1), 50)
    made = Predictions.of(LABELS, said, photographs, tmp_path)
    made.save(tmp_path / "new" / "said.csv")
    read = Predictions.load(tmp_path / "new" / "said.csv")
    assert np.array_equal(read.probabilities, made.probabilities)
    assert (read.labels, read.paths, read.sources, read.groups) == (made.labels, made.paths, made.sources, made.groups)
    assert read.truth.tolist() == made.truth.tolist()
    assert read.groups[0] == "both"
    assert read.paths[0] == "pothole/a-0.jpg"
    assert np.allclose(read.probabilities, said, rtol=1e-3, atol=0)  # also the small ones: their logits count


def test_some_rows_keep_all_that_belongs_to_them() -> None:
    said = predictions(3)
    part = said.only(np.array(said.sources) == "south")
    assert set(part.sources) == set(part.groups) == {"south"}
    assert [LABELS[label] for label in part.truth] == [path.split("/")[0] for path in part.paths]
    assert part.probabilities.tolist() == said.probabilities[9:18].tolist()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "empty"),
        ("a,b\n1,2\n", "first line must be path,source,group,label"),
        (HEAD, "a row is not"),
        (HEAD + "a.jpg,s,s,cat,0.1,0.2,0.7\n", "a row is not"),
        (HEAD + "a.jpg,s,s,pothole,0.1,0.2\n", "a row is not"),
        (HEAD + "a.jpg,s,s,pothole,0.1,0.2,0.7\nb.jpg,s\n", "a row is not"),
        (HEAD + "a.jpg,s,s,pothole,0.9,0.9,0.9\n", "a row is not"),
        (HEAD + "a.jpg,s,s,pothole,nan,0.2,0.7\n", "a row is not"),
        (HEAD + "a.jpg,s,s,pothole,1.5,-0.2,-0.3\n", "a row is not"),
    ],
)
def test_another_table_is_refused(tmp_path: Path, content: str, sentence: str) -> None:
    path = tmp_path / "said.csv"
    path.write_text(content)
    with pytest.raises(DatasetError, match=sentence):
        Predictions.load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"none\.csv.*No such file"):
        Predictions.load(tmp_path / "none.csv")
