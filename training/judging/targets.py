"""What the model is asked to reach, beside what it was measured to reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MET, NOT_MET = "met", "not met"
NOT_MEASURED = "not measured"  # no photograph to measure it on
NARROWLY = "met, not surely"  # the interval reaches beyond the bound


@dataclass(frozen=True, slots=True)
class Target:
    """One figure that must be at least (or at most) a bound."""

    figure: str  # its name among the figures
    what: str
    bound: float
    at_least: bool = True

    @property
    def asked(self) -> str:
        """The bound, for people."""
        return f"{'≥' if self.at_least else '≤'} {self.bound:.2f}"

    def verdict(self, found: Mapping[str, Any]) -> str:
        """What `{value, low, high}` makes of it."""
        value, worst = found["value"], found["low" if self.at_least else "high"]
        if value is None:
            return NOT_MEASURED
        if not self._holds(value):
            return NOT_MET
        return MET if self._holds(worst) else NARROWLY

    def _holds(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound


TARGETS = (
    Target("top1", "top-1", 0.90),
    Target("macro_recall", "macro recall", 0.90),
    Target("top3", "top-3", 0.99),
    Target("calibration_error", "ECE", 0.05, at_least=False),
    Target("clean_accepted", "clean photographs accepted as a defect", 0.02, at_least=False),
    Target("defects_accepted_rightly", "and defects accepted with the right label", 0.75),
)


def verdicts(figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each target with what was measured, ready for JSON."""
    return [
        {
            "figure": target.figure,
            "what": target.what,
            "asked": target.asked,
            **figures[target.figure],
            "verdict": target.verdict(figures[target.figure]),
        }
        for target in TARGETS
    ]
