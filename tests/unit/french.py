"""Lets the program speak French for a moment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from agent import i18n


@contextmanager
def in_french() -> Iterator[None]:
    """What is said in the block is French."""
    before = os.environ["LANGUAGE"]
    os.environ["LANGUAGE"] = "fr"
    i18n._catalogue.cache_clear()
    try:
        yield
    finally:
        os.environ["LANGUAGE"] = before
        i18n._catalogue.cache_clear()
