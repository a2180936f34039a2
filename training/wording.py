"""Counts and lists as words, for the sentences that a person reads about an archive."""

from __future__ import annotations

from collections.abc import Iterable

from agent.i18n import shown

NAMED = 5  # before "and 12 more"


def counted(count: int, thing: str) -> str:
    """`1 file`, `2 files`."""
    return f"{count:,} {thing}" + ("" if count == 1 else "s")


def named(things: Iterable[object], most: int = NAMED, count: int | None = None) -> str:
    """The first of the things, in their order, and how many more there are; `count` if there are more than given."""
    names = [shown(thing) for thing in things]
    rest = max(len(names), count or 0) - most
    return ", ".join(names[:most]) + (f" and {rest:,} more" if rest > 0 else "")
