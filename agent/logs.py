"""Where log lines go and how they look; journald adds time and unit."""

from __future__ import annotations

import logging
import sys


def configure(level: str) -> None:
    """Log our own lines from `level` on to standard error.

    Libraries stay at WARNING: peewee logs each statement at DEBUG, and with it exact positions.
    """
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    for package in ("agent", "central"):
        logging.getLogger(package).setLevel(level)
