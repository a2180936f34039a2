"""What a training run is made of; the defaults made the shipped model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Annotated, get_type_hints

import msgspec
from msgspec import Meta

from agent.manifest import Input

Share = Annotated[float, Meta(ge=0, le=1)]
Part = Annotated[float, Meta(ge=0, lt=1)]  # never all
Seed = Annotated[int, Meta(ge=0, lt=2**32)]
Count = Annotated[int, Meta(ge=0, le=1000)]

NOT_OF_LEARNING = frozenset({"epochs", "drawn_judging", "precision", "clean_accepted", "clean_to_review"})
INPUT = Input(width=224, height=224, mean=127.0, scale=128.0)  # as the pretrained network learnt


@dataclass(frozen=True)
class Settings:
    """Every choice of a run. With the same settings, photographs and packages the run is the same."""

    seed: Seed = 1
    folds: Annotated[int, Meta(ge=2, le=100)] = 4  # at most; each is judged by a network that learnt from the others
    drawn: Part = 0.05  # share of drawn scenes among the samples
    drawn_judging: Count = 40  # drawn scenes of each label that only judge
    views: Count = 2  # of each photograph, to fit the first head on
    epochs: Count = 8  # at most, of all but the frozen blocks; 0 trains the last layer only
    frozen: Annotated[int, Meta(ge=0, le=16)] = 3  # first blocks that stay as pretrained
    batch: Annotated[int, Meta(ge=2, le=1024)] = 32
    learning_rate: Annotated[float, Meta(gt=0, le=1)] = 4e-4
    weight_decay: Share = 0.02
    smoothing: Part = 0.08  # of the labels: bounds the logits, which are quantised
    averaging: Part = 0.997  # decay of the averaged weights, per step, which rises to it; 0: the last ones
    tuned: Share = 0.7  # share of the tuned weights, the rest as pretrained (WiSE-FT, Wortsman et al. 2022)
    varied: bool = True  # views as another camera and another day would have given them; else crops and mirrors alone
    balanced: Share = 0.0  # 0: each photograph as often; 0.5: labels and sources by the root of their counts; 1: evenly
    calibration: Annotated[int, Meta(ge=1, le=10_000)] = 200  # training photographs that fix the quantisation's ranges
    precision: Share = 0.6  # of what is accepted, per label, on held-out photographs
    clean_accepted: Share = 0.015  # share of clean photographs that may be accepted as a defect
    clean_to_review: Share = 0.05  # share of clean photographs that a person may be asked about
    input: Input = INPUT

    @classmethod
    def of(cls, choices: Mapping[str, object]) -> Settings:
        """The defaults but for these, which may be text. Raises ValueError for what is none, or out of its bounds."""
        kinds = get_type_hints(cls, include_extras=True)
        del kinds["input"]
        values = {}
        for name, value in choices.items():
            if name not in kinds:
                raise ValueError(f"{name} is no setting; there are {', '.join(kinds)}")
            try:
                values[name] = msgspec.convert(value, kinds[name], strict=False)
            except msgspec.ValidationError as error:
                raise ValueError(f"{name} = {value}: {error}") from None
        return replace(cls(), **values)

    def as_json(self) -> dict[str, object]:
        """For the manifest."""
        return {name: value for name, value in asdict(self).items() if name != "input"}

    def of_learning(self) -> dict[str, object]:
        """`as_json` without what comes after learning, and without the epochs: a shorter run begins a longer one."""
        return {name: value for name, value in self.as_json().items() if name not in NOT_OF_LEARNING}

    def plain(self) -> Settings:
        """Fine-tuning as in any tutorial, to see what the rest of the choices are worth."""
        return replace(self, averaging=0.0, tuned=1.0, varied=False, balanced=0.0, drawn=0.0)
