"""What may be chosen of a training run."""

from __future__ import annotations

import pytest

from training.settings import Settings


def test_choices_may_be_text() -> None:
    chosen = Settings.of({"tuned": "0.5", "epochs": 3, "varied": "false"})
    assert (chosen.tuned, chosen.epochs, chosen.varied) == (0.5, 3, False)
    assert chosen.learning_rate == Settings().learning_rate


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("tuned", "2", "<= 1"),
        ("epochs", -1, ">= 0"),
        ("folds", "1", ">= 2"),
        ("batch", "1e9", "`int`"),
        ("batch", "1000000000", "<= 1024"),
        ("learning_rate", "nan", "> 0"),
        ("seed", "x", "`int`"),
        ("momentum", "1", "is no setting"),
        ("input", "3", "is no setting"),
    ],
)
def test_what_can_not_be_is_named(name: str, value: object, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} .*{said}"):
        Settings.of({name: value})


def test_the_defaults_are_within_their_own_bounds() -> None:
    assert Settings.of(Settings().as_json()) == Settings()
