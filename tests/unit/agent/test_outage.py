"""Outages as people write them."""

from __future__ import annotations

import pytest

from agent.outage import KINDS, Outage, fails, parse


@pytest.mark.parametrize("kind", KINDS)
def test_an_outage_is_read_as_it_is_written(kind: str) -> None:
    assert parse(f"{kind} 30-45") == Outage(kind, 30.0, 45.0)
    assert str(parse(f"{kind} 30.5-45")) == f"{kind} 30.5-45"
    assert parse(f"  {kind}  0.5 - 4 ") == Outage(kind, 0.5, 4.0)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "'' is not an outage; write what fails and the seconds, for instance camera 30-45"),
        ("camera", "'camera' is not an outage"),
        ("camera 30", "is not an outage"),
        ("camera 30-", "is not an outage"),
        ("camera -5-10", "is not an outage"),
        ("camera 30-45 50-60", "is not an outage"),
        ("brakes 30-45", "'brakes 30-45': brakes can not fail; what can is camera, camera-hang"),
        ("camera 45-30", "'camera 45-30': an outage ends after it begins"),
        ("camera 30-30", "an outage ends after it begins"),
        ("camera 30-999999", "at second 100000 at the latest"),
    ],
)
def test_what_is_no_outage_is_told_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=r"outage|fail") as refused:
        parse(text)
    assert sentence in str(refused.value)


def test_an_outage_is_in_force_from_its_first_second_until_its_last() -> None:
    outages = (parse("camera 3-5"), parse("gps 4-6"))

    assert [second for second in range(8) if fails(outages, "camera", second)] == [3, 4]
    assert [second for second in range(8) if fails(outages, "gps", second)] == [4, 5]
