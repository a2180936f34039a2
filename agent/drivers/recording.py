"""Plays recordings as cameras: every frame once and in order, as fast as they are read."""

from __future__ import annotations

import csv
import logging
import math
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np

from agent.domain import Frame
from agent.drivers.capture import redacted
from agent.drivers.pictures import SUFFIXES, capture_time, fix_of, read_picture
from agent.errors import ConfigError, PictureError, RecordingEnded
from agent.i18n import _, shown
from agent.interfaces import Demand, Due, always

log = logging.getLogger(__name__)

INDEX = "frames.csv"
LONGEST = 366 * 86_400.0  # seconds of a recording; more is a fault of its index
SHORTER_SIDE = 720  # pixels that a phone's photograph keeps at least; a camera's frames stay as they are
FRAME_SECONDS = 0.04  # between frames of a video that does not tell its rate


class PictureFolder:
    """The pictures of one folder, without those of its subfolders.

    Their times come from `frames.csv` in the folder or beside it (columns `frame`, a file name, and
    `seconds` since the start of the recording; no other is read), which then also decides which
    pictures belong to the recording; else from EXIF, where every picture has a time; else the
    pictures follow one another at `interval` seconds. `start` (aware) is the time of second 0:
    by default what EXIF makes it to be, else now.

    Pictures that can not be read are logged, kept in `skipped`, and passed over.
    """

    def __init__(
        self, directory: Path, start: datetime | None = None, interval: float = 1.0, name: str = "recording"
    ) -> None:
        """Raises ConfigError where there is no such folder, no picture in it, or a faulty index."""
        self.skipped: list[Path] = []
        self._directory = directory
        self._name = name
        pictures = _list_pictures(directory)
        times = _indexed(directory, pictures) or _captured(pictures)
        if times is None:
            times = {picture: place * interval for place, picture in enumerate(pictures)}
        self._times = dict(sorted(times.items(), key=lambda item: (item[1], item[0])))
        self._start = start or _start(self._times)
        self._rest: Iterator[Path] = iter(())

    def open(self) -> None:
        """Begin at the first picture, also after a `close`."""
        self.skipped = []
        self._rest = iter(self._times)

    def read(self, timeout: float, due: Due = always) -> Frame | None:
        """The next frame that `due` wants, or None after `timeout` seconds; of the others EXIF's fix is read at most.

        Raises RecordingEnded after the last.
        """
        deadline = time.monotonic() + timeout
        for picture in self._rest:
            seconds = self._times[picture]
            try:
                fix = fix_of(picture)
                if due(self._name, seconds, replace(fix, monotonic=seconds) if fix else None) is Demand.NOW:
                    return self._read(picture, seconds)
            except PictureError as error:
                self.skipped.append(picture)
                log.warning("left out of the recording: %s", error)
                continue
            if time.monotonic() >= deadline:
                return None
        raise _ended(self._directory)

    def close(self) -> None:
        """Leave the pictures that were not read."""
        self._rest = iter(())

    def _read(self, picture: Path, seconds: float) -> Frame:
        read = read_picture(picture, SHORTER_SIDE)
        fix = replace(read.fix, monotonic=seconds) if read.fix else None
        return Frame(read.pixels, self._start + timedelta(seconds=seconds), seconds, self._name, fix)


class VideoFile:
    """The frames of a video file. `start` (aware) is the time of its first frame, by default now."""

    def __init__(self, path: Path, start: datetime | None = None, name: str = "recording") -> None:
        """Raises ConfigError where the file is not there or is not a video."""
        self._path = path
        self._start = start or datetime.now(UTC)
        self._name = name
        self._capture: cv2.VideoCapture | None = None
        # So that a wrong name is told before anything runs.
        self.open()
        self.close()

    def open(self) -> None:
        """Begin at the first frame, also after a `close`. Raises ConfigError as above."""
        self.close()
        if not os.path.isfile(self._path):
            # It may have been meant as an address.
            path = shown(redacted(str(self._path)))
            raise ConfigError(_("{path}: no such file or folder; check [camera] source").format(path=path))
        try:
            with self._path.open("rb") as file:
                # By its descriptor, because OpenCV crashes on a name that is not UTF-8, and FFmpeg takes one with a
                # colon for an address. Any other backend takes a picture for the first of a numbered series.
                capture = cv2.VideoCapture(f"/dev/fd/{file.fileno()}", cv2.CAP_FFMPEG)
        except OSError as error:
            raise ConfigError(
                _("{path}: can not be read ({reason}); change its permissions").format(
                    path=shown(self._path), reason=error.strerror
                )
            ) from None
        if not capture.isOpened():
            raise ConfigError(
                _("{path}: not a video that can be read; convert it to MP4, or check [camera] source").format(
                    path=shown(self._path)
                )
            )
        rate = capture.get(cv2.CAP_PROP_FPS)
        self._period = 1 / rate if 1 <= rate < math.inf else FRAME_SECONDS
        self._previous = -self._period
        self._capture = capture

    def read(self, timeout: float, due: Due = always) -> Frame | None:
        """The next frame that `due` wants, or None after `timeout` seconds. Raises RecordingEnded after the last."""
        deadline = time.monotonic() + timeout
        while self._capture is not None and self._capture.grab():
            seconds = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            # Some containers have no times, or some that go back.
            if not self._previous < seconds < LONGEST:
                seconds = self._previous + self._period
            self._previous = seconds
            if due(self._name, seconds, None) is Demand.NOW:
                found, pixels = self._capture.retrieve()
                if not found:
                    break
                at = self._start + timedelta(seconds=seconds)
                return Frame(np.asarray(pixels, np.uint8), at, seconds, self._name)
            if time.monotonic() >= deadline:
                return None
        raise _ended(self._path)

    def close(self) -> None:
        """Release the file. Safe to call twice."""
        if self._capture:
            self._capture.release()
        self._capture = None


def _ended(path: Path) -> RecordingEnded:
    return RecordingEnded(_("{path}: the recording is at its end").format(path=shown(path)))


def _list_pictures(directory: Path) -> list[Path]:
    try:
        entries = sorted(directory.iterdir())
    except OSError as error:
        raise ConfigError(
            _("{path}: the folder can not be read ({reason}); check [camera] source").format(
                path=shown(directory), reason=error.strerror
            )
        ) from None
    pictures = [e for e in entries if e.suffix.lower() in SUFFIXES and not e.name.startswith(".")]
    if not pictures:
        raise ConfigError(
            _("{path}: no pictures in this folder; name the folder that holds them itself").format(
                path=shown(directory)
            )
        )
    return pictures


def _indexed(directory: Path, pictures: list[Path]) -> dict[Path, float]:
    """Seconds of the pictures that the index names; nothing where there is no index."""
    beside = Path(os.path.abspath(directory)).parent
    index = next((folder / INDEX for folder in (directory, beside) if (folder / INDEX).is_file()), None)
    if index is None:
        return {}
    seconds = _read_index(index)
    times = {picture: seconds[picture.name] for picture in pictures if picture.name in seconds}
    if not times:
        raise ConfigError(
            _("{index}: names none of the pictures in {path}; put the right index there, or remove it").format(
                index=shown(index), path=shown(directory)
            )
        )
    if len(times) < max(len(pictures), len(seconds)):
        log.warning("%s: %d frames for %d pictures; the rest is left out", shown(index), len(seconds), len(pictures))
    return times


def _read_index(index: Path) -> dict[str, float]:
    times: dict[str, float] = {}
    line = 1
    try:
        with index.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            for row in reader:
                line = reader.line_num
                name, seconds = row["frame"], float(row["seconds"])
                if name in times or not 0 <= seconds <= LONGEST:
                    raise ValueError
                times[name] = seconds
    except OSError as error:
        raise ConfigError(
            _("{index}: can not be read ({reason}); change its permissions, or remove it").format(
                index=shown(index), reason=error.strerror
            )
        ) from None
    except (KeyError, TypeError, ValueError, csv.Error):
        raise ConfigError(
            _(
                "{index}, line {line}: not an index; it needs the columns frame and seconds,"
                " separated by commas, and each file named once"
            ).format(index=shown(index), line=line)
        ) from None
    return times


def _captured(pictures: list[Path]) -> dict[Path, float] | None:
    """Seconds since the first picture, by EXIF; None where a picture has no time."""
    captured: dict[Path, datetime] = {}
    for picture in pictures:
        try:
            at = capture_time(picture)
        except PictureError:
            continue
        if at is None:
            return None
        captured[picture] = at
    # One that can not be read keeps a place, so that playing tells of it.
    first = min(captured.values(), default=datetime.now(UTC))
    return {picture: (captured.get(picture, first) - first).total_seconds() for picture in pictures}


def _start(times: dict[Path, float]) -> datetime:
    """When second 0 was, by the EXIF of the first picture that can be read; else now."""
    for picture, seconds in times.items():
        try:
            at = capture_time(picture)
        except PictureError:
            continue
        return at - timedelta(seconds=seconds) if at else datetime.now(UTC)
    return datetime.now(UTC)
