"""Shows how far long work has come, on standard error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import track

T = TypeVar("T")


def shown(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """The items themselves, with a bar named `what` while they are taken."""
    yield from track(items, what, total, console=Console(stderr=True), transient=True)
