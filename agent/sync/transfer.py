"""Sends pictures in pieces: the centre says what it lacks, so that one which was cut off goes on where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from agent.domain import Ranges
from agent.store.evidence import Picture, Pictures

LARGEST_PIECE = 32 * 1024  # bytes
AT_ONCE = 4  # pictures
MOST_RANGES = 100  # of a picture that are missing: more than it has pieces, and nobody knows what the centre says


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a picture that is to be sent; an empty one only asks what is missing."""

    picture: Picture
    start: int  # bytes
    end: int  # bytes

    def is_within(self, ranges: Ranges) -> bool:
        """Whether a byte of it is among these."""
        return any(self.start < end and start < self.end for start, end in ranges)


@dataclass(slots=True)
class _Transfer:
    picture: Picture
    missing: list[tuple[int, int]]  # bytes, from and to: not on their way


class Transfers:
    """The pictures that are on their way."""

    def __init__(self, pictures: Pictures, give_up: Callable[[Picture], object]) -> None:
        """`give_up` is told of each picture whose file is not what was put in."""
        self._pictures = pictures
        self._give_up = give_up
        self._transfers: dict[str, _Transfer] = {}  # by the report's id

    def restart(self) -> None:
        """On a new connection: what was on its way may have arrived or not."""
        self._transfers.clear()

    def pieces(self, budget: int, largest: int) -> Iterator[Piece]:
        """What to send next, while `budget` bytes last, no more than `largest` at once. Raises StoreError."""
        self._begin()
        for transfer in list(self._transfers.values()):
            while transfer.missing and budget > 0:
                start, end = transfer.missing.pop(0)
                cut = min(end, start + min(largest, LARGEST_PIECE))
                if cut < end:
                    transfer.missing.insert(0, (cut, end))
                budget -= cut - start
                yield Piece(transfer.picture, start, cut)

    def missing(self, name: str, ranges: Sequence[tuple[int, int]]) -> None:
        """The centre lacks these of a picture, and none of them is on its way."""
        transfer = self._transfers.get(name)
        if transfer is not None:
            cut = ((start, min(end, transfer.picture.bytes)) for start, end in ranges[:MOST_RANGES])
            transfer.missing = [(start, end) for start, end in cut if start < end]

    def ask(self, name: str) -> None:
        """What was sent of it was not answered: what is missing now?"""
        if name in self._transfers:
            self._transfers[name].missing = [(0, 0)]

    def ended(self, name: str) -> None:
        """The centre has it, or will never take it, or it is no longer kept."""
        if (transfer := self._transfers.pop(name, None)) is not None:
            transfer.missing.clear()

    def _begin(self) -> None:
        if len(self._transfers) >= AT_ONCE:
            return
        for picture in self._pictures.pending(AT_ONCE):
            if picture.id in self._transfers or len(self._transfers) >= AT_ONCE:
                continue
            if not self._pictures.is_whole(picture):
                self._give_up(picture)
            else:
                whole = [(0, 0)] if picture.begun else [(0, picture.bytes)]
                self._transfers[picture.id] = _Transfer(picture, whole)
                if not picture.begun:
                    self._pictures.begin(picture)
