"""A store whose disk can be full, from any of its writes on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.errors import StoreError
from agent.store.database import Database
from agent.store.store import Store


class MoodyDatabase(Database):
    """Takes so many more writes; the one after them fails at its very end, and is undone."""

    left = math.inf

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with super().transaction():
            yield
            if self.left <= 0:
                raise StoreError("the disk is full")
            self.left -= 1


class MoodyStore(Store):
    """A real store on such a database."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._database.__class__ = MoodyDatabase

    def fail(self, after: float = 0) -> None:
        """Take so many more writes, of which one may be a part of another."""
        assert isinstance(self._database, MoodyDatabase)
        self._database.left = after

    def mend(self) -> None:
        """Take any number."""
        self.fail(math.inf)
