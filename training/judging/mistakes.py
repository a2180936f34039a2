"""The worst mistakes as one sheet of photographs, for a person to look at. It shows what the photographs show."""

from __future__ import annotations

import textwrap
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from agent.domain import Pixels
from agent.drivers.pictures import read_picture
from agent.errors import PictureError
from training.judging.judged import Judged
from training.judging.look import GREY, INK, LOOK, ORANGE, TITLE, words

EACH = 6  # of a label
ACROSS = 34  # characters of a name, in a line
SIDE = 240  # pixels, of the longer side of a photograph
QUALITY = 80


def sheet(judged: Judged, photos: Path, path: Path) -> int:
    """Write the surest mistakes of each label as a JPEG, those accepted first; how many photographs it shows.

    Nothing is written where there is none to show.
    """
    chosen = {label: worst(judged, index) for index, label in enumerate(judged.predictions.labels)}
    chosen = {label: rows for label, rows in chosen.items() if rows}
    if not chosen:
        return 0
    with mpl.rc_context({**LOOK, "axes.grid": False, "figure.dpi": 110}):
        figure = Figure(figsize=(1.75 * EACH, 0.5 + 2.05 * len(chosen)))
        figure.suptitle(
            f"The surest {EACH} mistakes of each label; in orange what the device would have accepted", **TITLE
        )
        panels = figure.subplots(len(chosen), EACH, squeeze=False)
        for (label, rows), line in zip(chosen.items(), panels, strict=True):
            for axes in line:
                axes.set(xticks=[], yticks=[])
                axes.spines[:].set_visible(False)
            line[0].set_ylabel(words(label), fontsize=10, fontweight="bold", color=INK)
            for row, axes in zip(rows, line, strict=False):
                _show(axes, judged, row, photos)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="jpeg", pil_kwargs={"quality": QUALITY})
    return sum(map(len, chosen.values()))


def worst(judged: Judged, label: int) -> list[int]:
    """The rows of that label whose first label is wrong: the accepted ones first, then by its probability."""
    said = judged.predictions
    rows = np.flatnonzero((said.truth == label) & ~judged.right)
    order = np.lexsort((-said.probabilities.max(axis=1)[rows], ~judged.accepted[rows]))
    return [int(row) for row in rows[order][:EACH]]


def _show(axes: Axes, judged: Judged, row: int, photos: Path) -> None:
    said = judged.predictions
    try:
        axes.imshow(_small(read_picture(photos / said.paths[row], SIDE).pixels))
    except PictureError as error:
        axes.text(0.5, 0.5, "\n".join(textwrap.wrap(str(error), ACROSS)), fontsize=6, ha="center", va="center")
    first = said.labels[int(judged.top[row])]
    axes.set_title(
        f"{words(first)} {100 * said.probabilities[row].max():.0f} %",
        fontsize=8,
        fontweight="bold",
        color=ORANGE if judged.accepted[row] else INK,
    )
    axes.set_xlabel("\n".join(textwrap.wrap(said.paths[row], ACROSS)), fontsize=6, color=GREY)


def _small(pixels: Pixels) -> Pixels:
    """The whole photograph in RGB, on a white square."""
    height, width = pixels.shape[:2]
    scale = SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    square = np.full((SIDE, SIDE, 3), 255, np.uint8)
    top, left = (SIDE - size[1]) // 2, (SIDE - size[0]) // 2
    small = cv2.cvtColor(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB)
    square[top : top + size[1], left : left + size[0]] = small
    return square
