"""`make faults`: the rig by hand. `python -m tests.system CUTS SEED`; the last line says what came of it."""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import click

from tests.system.rig import Rig

ROUND = 50  # cuts, before everything begins anew


def main(cuts: int, seed: int) -> int:
    """0 where nothing was lost and nothing doubled."""
    lost = doubled = loops = done = committed = waiting = 0
    begun = time.monotonic()
    while done < cuts:
        number = min(ROUND, cuts - done)
        with (
            tempfile.TemporaryDirectory(prefix="fidamia-faults-") as folder,
            closing(Rig(Path(folder), seed + done)) as rig,
        ):
            if not done:
                click.echo(f"cuts: {', '.join(rig.kinds)}")
            verdict = rig.run(number)
        done += number
        lost, doubled = lost + len(verdict.lost), doubled + len(verdict.doubled)
        loops, committed, waiting = loops + verdict.loops, committed + verdict.committed, waiting + verdict.waiting
        click.echo(f"{done} cuts, {committed} committed, {waiting} waiting, {time.monotonic() - begun:.0f} s")
    click.echo(f"lost {lost} doubled {doubled} crash-loops {loops} of {done} cuts")
    return 0 if not (lost or doubled or loops or waiting) else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
