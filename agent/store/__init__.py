"""The SQLite file: what was found, and what became of it."""
