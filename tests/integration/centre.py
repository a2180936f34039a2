"""`fidamia-central ingest` in a process of its own, and what it has stored."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from central.store import EmbeddedStore

from .process import Process


class Centre(Process):
    """One centre, in the folder `central`."""

    def __init__(self, directory: Path, port: int, inside: Sequence[str] = ()) -> None:
        """`port` is the broker's; `inside` is what to put before its command."""
        self.directory = directory / "central"
        config = directory / "central.toml"
        config.write_text(
            f'[store]\ndirectory = "{self.directory}"\n'
            f'[broker]\nhost = "127.0.0.1"\nport = {port}\ntls = false\nkeepalive_s = 5\n'
        )
        super().__init__(
            [*inside, sys.executable, "-P", "-m", "central", "ingest", "--config", str(config)],
            directory / "central.log",
        )

    @contextmanager
    def store(self) -> Iterator[EmbeddedStore]:
        """What it has stored, beside it while it runs."""
        opened = EmbeddedStore(self.directory, read_only=True)
        try:
            yield opened
        finally:
            opened.close()

    def reports(self) -> list[dict[str, Any]]:
        """Every report that it has."""
        with self.store() as store:
            return store.features()
