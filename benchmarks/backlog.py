"""What the store costs: memory, start and rescue with a backlog, bytes written for a report."""

from __future__ import annotations

import atexit
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path

import msgspec
import uuid6

from agent.store.damage import MARK
from agent.store.quota import Limits
from agent.store.store import FILE_NAME, Store, open_whole
from agent.store.wal import PAGE
from benchmarks.measure import Figure
from benchmarks.reports import report

MANY = 1_000_000
WRITTEN = 2000  # reports
LARGEST = 10_000_000_000  # bytes: nothing is shed here

# A daemon's store and delivery, without a broker: opened, repaired, counted, and asked for what goes first.
OPENING = f"""
import sys, time
from pathlib import Path
from agent.store.quota import Limits
from agent.store.store import open_whole
begun = time.perf_counter()
store = open_whole(Path(sys.argv[1]), Limits({LARGEST}, 0))
took = time.perf_counter() - begun
store.outbox.counts(0)
store.outbox.pending(0, 500)
status = Path("/proc/self/status").read_text()
print(took, next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))
"""


def memory() -> Figure:
    """Resident memory with a million pending reports, against an empty store."""
    (_, ours), (_, peer) = _openings()
    return Figure("backlog-memory", ours, peer, "the same of an empty store", ours / peer, "MB")


def start() -> Figure:
    """From nothing to a store that can be written and sent from, with a million pending reports."""
    (ours, _), (peer, _) = _openings()
    return Figure("backlog-start", ours, peer, "the same of an empty store", ours / peer, "s")


def written() -> Figure:
    """Bytes that reach the disk for each report, from its append to the centre's answer, over the bytes it has."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        store = Store(Path(folder) / "store")
        before, size, ids = _written(), 0, []
        for _ in range(WRITTEN):
            one = report()
            size += len(msgspec.json.encode(one))
            store.append(one)
            ids.append(one.id)
        for first in range(0, WRITTEN, 50):
            store.outbox.sent(store.outbox.pending(first, 50))
            store.outbox.settle(ids[first : first + 50])
        store.close()
        ours = (_written() - before) / size
        with closing(sqlite3.connect(Path(folder) / "plain.sqlite", isolation_level=None)) as plain:
            plain.execute("PRAGMA journal_mode = wal")
            plain.execute("PRAGMA synchronous = full")
            plain.execute("CREATE TABLE report (sequence INTEGER PRIMARY KEY AUTOINCREMENT, payload BLOB)")
            before = _written()
            for _ in range(WRITTEN):
                plain.execute("INSERT INTO report (payload) VALUES (?)", (msgspec.json.encode(report()),))
        peer = (_written() - before) / size
    return Figure("write-amplification", ours, peer, "bare sqlite3, only inserted", ours / peer, "bytes a byte")


def salvage() -> Figure:
    """A store with a million reports and damage in three places, until what can be read of it is in a new one."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        damaged = Path(folder) / "damaged"
        shutil.copytree(_full(), damaged)
        with (damaged / FILE_NAME).open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            for place in (0.2, 0.5, 0.8):
                file.seek(int(size * place))
                file.write(os.urandom(PAGE))
        (damaged / MARK).touch()
        os.sync()
        began = time.perf_counter()
        store = open_whole(damaged, Limits(LARGEST, 0))
        ours = time.perf_counter() - began
        kept = store.outbox.counts(0).pending
        store.close()
        began = time.perf_counter()
        with closing(sqlite3.connect(_full() / FILE_NAME)) as plain:
            plain.execute("VACUUM INTO ?", (str(Path(folder) / "copy"),))
        peer = time.perf_counter() - began
    note = f"{size / 1e9:.2f} GB; {kept} of {MANY} saved"
    return Figure("salvage", ours, peer, "VACUUM INTO of the same, undamaged", ours / peer, "s", note=note)


@cache  # filling takes longer than opening
def _openings() -> tuple[tuple[float, float], tuple[float, float]]:
    """Seconds and megabytes of opening a store with a million reports, and an empty one."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        empty = Path(folder)
        Store(empty).close()
        for path in (empty, _full()):  # what is read once is in the machine's memory; a board reads the same few pages
            _open(path)
        return _open(_full()), _open(empty)


@cache
def _full() -> Path:
    """A folder, until this process ends, with a store of a million pending reports."""
    directory = Path(tempfile.mkdtemp(dir=Path.cwd()))
    atexit.register(shutil.rmtree, directory)
    like = report()
    Store(directory).close()
    with closing(sqlite3.connect(directory / FILE_NAME)) as database:
        database.execute("PRAGMA synchronous = off")
        database.executemany(
            "INSERT INTO report (id, label, severity, created_at, payload) VALUES (?, 'pothole', ?, 0, ?)",
            (
                (one.id, ("low", "normal", "urgent")[number % 3], msgspec.json.encode(one))
                for number in range(MANY)
                for one in (replace(like, id=str(uuid6.uuid7())),)
            ),
        )
        database.commit()
    return directory


def _open(directory: Path) -> tuple[float, float]:
    command = [sys.executable, "-c", OPENING, str(directory)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return float(said[0]), int(said[1]) * 1024 / 1e6


def _written() -> int:
    """Bytes that this process has had written to a disk."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))
