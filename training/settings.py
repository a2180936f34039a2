"""What a training run is made of; the defaults made the shipped model."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from agent.manifest import Input

INPUT = Input(width=224, height=224, mean=127.0, scale=128.0)  # as the pretrained network learnt


@dataclass(frozen=True)
class Settings:
    """Every choice of a run. With the same settings, photographs and packages the run is the same."""

    seed: int = 1
    held_out: float = 0.2  # share of each source's names that only judges
    drawn: float = 0.15  # share of drawn scenes among the samples
    drawn_judging: int = 40  # drawn scenes of each label that only judge
    views: int = 2  # of each photograph, to fit the first head on
    epochs: int = 6  # of all but the frozen blocks; 0 trains the last layer only
    frozen: int = 5  # first blocks that stay as pretrained: edges and colours are the same everywhere
    batch: int = 32
    learning_rate: float = 7e-4  # the highest of the one-cycle schedule
    weight_decay: float = 0.02
    smoothing: float = 0.08  # of the labels: bounds the logits, which are quantised
    averaging: float = 0.995  # decay of the averaged weights, per step
    calibration: int = 200  # training photographs that fix the quantisation's ranges
    precision: float = 0.95  # of what is accepted, per label, on held-out photographs
    clean_to_review: float = 0.05  # share of clean photographs that a person may be asked about
    input: Input = INPUT

    def as_json(self) -> dict[str, object]:
        """For the manifest, and as part of a cache's key."""
        return {name: value for name, value in asdict(self).items() if name != "input"}
