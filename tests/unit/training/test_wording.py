"""Counts and lists as words."""

from __future__ import annotations

from training.wording import counted, named


def test_one_is_singular_and_thousands_are_grouped() -> None:
    assert [counted(count, "file") for count in (0, 1, 5590)] == ["0 files", "1 file", "5,590 files"]


def test_a_few_are_named_and_the_rest_counted() -> None:
    assert named("abcde") == "a, b, c, d, e"
    assert named("abcdefg") == "a, b, c, d, e and 2 more"
    assert named("abc", most=2) == "a, b and 1 more"
    assert named("abcde", count=1005) == "a, b, c, d, e and 1,000 more"
