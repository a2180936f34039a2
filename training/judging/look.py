"""How every plot looks: one style, colours that the colour-blind tell apart (Okabe & Ito 2008), small files."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from PIL import Image

from training.judging.curves import Curve

INK, GREY, FAINT = "#222222", "#555555", "#bbbbbb"
BLUE, LIGHT, ORANGE, PALE = "#0072B2", "#9ecae9", "#D55E00", "#dddddd"
COLOURS = (BLUE, ORANGE, "#009E73", "#CC79A7", "#B8860B", "#3A9BD9", "#7f7f7f", "#000000")
SHARE = PercentFormatter(1, decimals=0)
TITLE: dict[str, Any] = {"x": 0.01, "ha": "left", "fontsize": 10, "fontweight": "bold"}
PALETTE = 256  # colours of a file: half of the bytes, and with 64 one colour was taken for another
LOOK: dict[Any, Any] = {
    "font.size": 9,
    "text.parse_math": False,  # a file's name is no formula
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e8e8e8",
    "legend.frameon": False,
    "text.color": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "figure.dpi": 150,
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
}


def write(make: Callable[[], Figure], path: Path) -> None:
    """Draw in the common look and write a PNG. The same figure gives the same bytes."""
    drawn = io.BytesIO()
    with mpl.rc_context(LOOK):
        make().savefig(drawn, format="png")
    Image.open(drawn).convert("RGB").quantize(PALETTE).save(path, optimize=True)


def canvas(width: float, height: float, title: str) -> tuple[Figure, Axes]:
    """A figure of one plot, in inches, with its title at the left."""
    figure = Figure(figsize=(width, height))
    figure.suptitle(title, **TITLE)
    return figure, figure.subplots()


def band(axes: Axes, curve: Curve, colour: str) -> None:
    """A curve with its interval."""
    axes.fill_between(curve.x, curve.low, curve.high, color=colour, alpha=0.18, linewidth=0)
    axes.plot(curve.x, curve.y, color=colour, linewidth=1.6)


def dots(axes: Axes, x: Sequence[Any], y: Sequence[Any], colour: str, **style: Any) -> None:
    """Points, each side a number or a figure with its interval."""
    (xs, x_errors), (ys, y_errors) = _errors(x), _errors(y)
    style = {"marker": "o", "markersize": 5, "elinewidth": 1.1, "clip_on": False, **style}
    axes.errorbar(xs, ys, y_errors, x_errors, linestyle="none", color=colour, **style)


def words(label: str, gap: str = " ") -> str:
    """A label for people."""
    return label.replace("_", gap)


def _errors(values: Sequence[Any]) -> tuple[list[float], list[list[float]] | None]:
    if not values or not isinstance(values[0], Mapping):
        return list(values), None
    found = [value["value"] for value in values]
    # A bootstrap's interval need not hold the figure itself.
    lows = [max(0.0, value["value"] - value["low"]) for value in values]
    highs = [max(0.0, value["high"] - value["value"]) for value in values]
    return found, [lows, highs]
