"""How much went over networks that cost something, month by month."""

from __future__ import annotations

from agent.store.database import Database


class Traffic:
    """The counter. Any thread may use it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, month: str, size: int) -> int:
        """`size` bytes more in that month (`2026-11`); how many there are now. Raises StoreError."""
        with self._database.transaction():
            self._database.execute(
                "INSERT INTO traffic VALUES (?, ?) ON CONFLICT (month) DO UPDATE SET bytes = bytes + excluded.bytes",
                (month, size),
            )
            return self.of(month)

    def of(self, month: str) -> int:
        """Bytes in that month. Raises StoreError."""
        with self._database.errors():
            row = self._database.execute("SELECT bytes FROM traffic WHERE month = ?", (month,)).fetchone()
        return row[0] if row else 0
