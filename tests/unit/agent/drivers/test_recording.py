"""Recorded sources: every frame once, in order, at the time that the recording says."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.domain import Fix, Frame
from agent.drivers.recording import PictureFolder, VideoFile
from agent.errors import ConfigError, RecordingEnded
from agent.interfaces import Camera, Demand, Due, always

START = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
SHARED = Path(os.environ.get("FIDAMIA_SHARED", Path(__file__).parents[5] / "shared"))
PATROL = SHARED / "patrol" / "df251" / "frames"


def jpeg(level: int, taken: str = "") -> bytes:
    """A grey picture; `taken` as EXIF's satellite time, 43.5 degrees north and 5.25 east."""
    data = cv2.imencode(".jpg", np.full((48, 64, 3), level, np.uint8))[1].tobytes()
    if not taken:
        return data
    day, clock = taken.split()
    ratios = [tuple(map(int, clock.split(":"))), (43, 30, 0), (5, 15, 0)]
    values = [b"".join(struct.pack("<II", part, 1) for part in ratio) for ratio in ratios]
    at = 26 + 2 + 6 * 12 + 4
    fields = [
        struct.pack("<HHI4s", 1, 2, 2, b"N"),
        struct.pack("<HHII", 2, 5, 3, at + 24),
        struct.pack("<HHI4s", 3, 2, 2, b"E"),
        struct.pack("<HHII", 4, 5, 3, at + 48),
        struct.pack("<HHII", 7, 5, 3, at),
        struct.pack("<HHII", 29, 2, 11, at + 72),
    ]
    gps = struct.pack("<H", len(fields)) + b"".join(fields) + bytes(4) + b"".join(values) + day.encode() + b"\0"
    body = b"Exif\0\0II*\0" + struct.pack("<IHHHIIi", 8, 1, 0x8825, 4, 1, 26, 0) + gps
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


def play(camera: Camera) -> Iterator[Frame]:
    """Every frame from the beginning to RecordingEnded."""
    camera.open()
    while True:
        try:
            frame = camera.read(timeout=0)
        except RecordingEnded:
            return
        assert frame is not None
        yield frame


def every_second(wanted: float, fixes: list[Fix | None]) -> Due:
    """Wants a frame each so many seconds; notes what was told of the frames."""

    def due(camera: str, monotonic: float, fix: Fix | None) -> Demand:
        assert camera == "recording"
        fixes.append(fix)
        return Demand.NOW if monotonic % wanted < 1e-6 else Demand.NONE if monotonic % 2 else Demand.LATER

    return due


def level(frame: Frame) -> int:
    return round(float(frame.pixels.mean()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures, of grey 10, 20 and 30."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in (1, 2, 3):
        (pictures / f"{number}.jpg").write_bytes(jpeg(number * 10))
    return pictures


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Six frames at 5 a second, of grey 0, 40, 80 and so on."""
    path = tmp_path / "patrol.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 5, (320, 240))
    for number in range(6):
        writer.write(np.full((240, 320, 3), number * 40, np.uint8))
    writer.release()
    return path


def test_pictures_come_once_in_order_and_at_the_interval(folder: Path) -> None:
    (folder / "notes.txt").touch()
    (folder / ".4.jpg").write_bytes(jpeg(40))
    frames = list(play(PictureFolder(folder, START, interval=0.5, name="front")))
    assert [level(frame) for frame in frames] == [10, 20, 30]
    assert [frame.monotonic for frame in frames] == [0, 0.5, 1]
    assert [frame.captured_at - START for frame in frames] == [timedelta(seconds=s) for s in (0, 0.5, 1)]
    assert {frame.camera for frame in frames} == {"front"}
    assert {frame.fix for frame in frames} == {None}


def test_a_recording_begins_anew_when_it_is_opened_again(folder: Path, video: Path) -> None:
    for camera, count in ((PictureFolder(folder), 3), (VideoFile(video), 6)):
        camera.open()
        camera.read(timeout=0)
        camera.close()
        camera.close()
        with pytest.raises(RecordingEnded):
            camera.read(timeout=0)
        assert len(list(play(camera))) == count


def test_pictures_that_are_not_wanted_are_not_decoded_though_their_fix_is_told(folder: Path) -> None:
    for number in (1, 2, 3):
        (folder / f"{number}.jpg").write_bytes(jpeg(number * 10, f"2026:11:01 09:30:1{number}"))
    whole = (folder / "2.jpg").read_bytes()
    (folder / "2.jpg").write_bytes(whole[:-40])
    camera, fixes = PictureFolder(folder), list[Fix | None]()
    camera.open()
    seen = [camera.read(1.0, every_second(2.0, fixes)) for _ in range(2)]
    assert [frame and level(frame) for frame in seen] == [10, 30]
    assert [fix and (fix.lat, fix.monotonic) for fix in fixes] == [(43.5, 0), (43.5, 1), (43.5, 2)]
    assert camera.skipped == [], "decoded, though it was not wanted"
    with pytest.raises(RecordingEnded):
        camera.read(1.0, always)


def test_frames_of_a_video_that_are_not_wanted_are_passed_over(video: Path) -> None:
    camera, fixes = VideoFile(video, START), list[Fix | None]()
    camera.open()
    seen = [camera.read(1.0, every_second(0.4, fixes)) for _ in range(3)]
    assert [frame and (round(level(frame) / 40), round(frame.monotonic, 1)) for frame in seen] == [
        (0, 0.0),
        (2, 0.4),
        (4, 0.8),
    ]
    assert fixes == [None] * 5
    with pytest.raises(RecordingEnded):
        camera.read(1.0, every_second(3.0, fixes))


def test_who_wants_nothing_of_a_recording_is_not_kept_waiting(folder: Path, video: Path) -> None:
    for camera in (PictureFolder(folder), VideoFile(video)):
        camera.open()
        assert camera.read(0.0, lambda *_told: Demand.LATER) is None
        assert camera.read(0.0) is not None


def test_without_a_start_or_exif_a_recording_starts_now(folder: Path, video: Path) -> None:
    before = datetime.now(UTC)
    for camera in (PictureFolder(folder), VideoFile(video)):
        assert before <= next(play(camera)).captured_at <= datetime.now(UTC)


@pytest.mark.parametrize("place", [".", ".."])
def test_an_index_in_the_folder_or_beside_it_gives_the_times(folder: Path, place: str) -> None:
    (folder / place / "frames.csv").write_text("lat,frame,seconds\n43,2.jpg,7.5\nx,1.jpg,9\n,3.jpg,0.25\n")
    frames = list(play(PictureFolder(folder, START)))
    assert [(level(frame), frame.monotonic) for frame in frames] == [(30, 0.25), (20, 7.5), (10, 9)]
    assert frames[1].captured_at == START + timedelta(seconds=7.5)


def test_an_index_is_found_beside_a_folder_named_from_within(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder.parent / "frames.csv").write_text("frame,seconds\n1.jpg,4\n")
    monkeypatch.chdir(folder)
    assert [frame.monotonic for frame in play(PictureFolder(Path()))] == [4]


def test_pictures_that_the_index_does_not_name_are_left_out_and_told(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "frames.csv").write_text("\ufeffframe,seconds\r\n2.jpg,1\r\nabsent.jpg,2\r\n", encoding="utf-8")
    assert [level(frame) for frame in play(PictureFolder(folder, START))] == [20]
    assert "2 frames for 3 pictures" in caplog.text


@pytest.mark.parametrize(
    ("index", "sentence"),
    [
        ("frame,seconds\nother.jpg,1\n", "names none of the pictures"),
        ("frame,seconds\n", "names none of the pictures"),
        ("", "names none of the pictures"),
        ("file,seconds\n1.jpg,1\n", "line 2: not an index"),
        ("frame,seconds\n1.jpg,1\n2.jpg,soon\n", "line 3: not an index"),
        ("frame,seconds\n1.jpg\n", "line 2: not an index"),
        ("frame;seconds\n1.jpg;1\n", "line 2: not an index"),
        ("frame,seconds\n1.jpg,1\n1.jpg,2\n", "line 3: not an index"),
        ("frame,seconds\n1.jpg,-1\n", "line 2: not an index"),
        ("frame,seconds\n1.jpg,nan\n", "line 2: not an index"),
        ("frame,seconds\n1.jpg,1e12\n", "line 2: not an index"),
        ("frame,seconds\n\udcff\udc00,1\n", "not an index"),
    ],
)
def test_a_faulty_index_is_refused(folder: Path, index: str, sentence: str) -> None:
    (folder / "frames.csv").write_bytes(index.encode("utf-8", "surrogatepass"))
    with pytest.raises(ConfigError, match=sentence):
        PictureFolder(folder)


def test_a_folder_without_pictures_or_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "notes.txt").touch()
    for path, sentence in ((tmp_path, "no pictures"), (tmp_path / "no", "No such"), (tmp_path / "notes.txt", "Not a")):
        with pytest.raises(ConfigError, match=sentence):
            PictureFolder(path)


def test_exif_gives_the_times_where_every_picture_has_one(folder: Path) -> None:
    for number, second in ((1, 30), (2, 10), (3, 20)):
        (folder / f"{number}.jpg").write_bytes(jpeg(number * 10, f"2026:11:01 09:30:{second}"))
    frames = list(play(PictureFolder(folder)))
    assert [(level(frame), frame.monotonic) for frame in frames] == [(20, 0), (30, 10), (10, 20)]
    assert frames[1].captured_at == datetime(2026, 11, 1, 9, 30, 20, tzinfo=UTC)
    assert frames[1].fix is not None
    assert (frames[1].fix.lat, frames[1].fix.lon, frames[1].fix.monotonic) == (43.5, 5.25, 10)
    assert next(play(PictureFolder(folder, START))).captured_at == START


def test_exif_of_some_pictures_only_does_not_order_them(folder: Path) -> None:
    (folder / "1.jpg").write_bytes(jpeg(10, "2026:11:01 09:30:30"))
    (folder / "3.jpg").write_bytes(jpeg(30, "2026:11:01 09:30:10"))
    frames = list(play(PictureFolder(folder)))
    assert [(level(frame), frame.monotonic) for frame in frames] == [(10, 0), (20, 1), (30, 2)]
    assert frames[0].captured_at == datetime(2026, 11, 1, 9, 30, 30, tzinfo=UTC)


def test_an_index_comes_before_exif_which_still_gives_the_start(folder: Path) -> None:
    (folder / "1.jpg").write_bytes(jpeg(10, "2026:11:01 09:30:30"))
    (folder / "frames.csv").write_text("frame,seconds\n1.jpg,30\n2.jpg,31\n")
    frames = list(play(PictureFolder(folder)))
    assert [frame.monotonic for frame in frames] == [30, 31]
    assert frames[1].captured_at == datetime(2026, 11, 1, 9, 30, 31, tzinfo=UTC)


@pytest.mark.parametrize("damage", [b"", b"no picture", jpeg(20, "2026:11:01 09:30:20")[:-40]])
@pytest.mark.parametrize("taken", ["", "2026:11:01 09:30:30"])
def test_a_picture_that_can_not_be_read_is_told_and_the_rest_goes_on(
    folder: Path, damage: bytes, taken: str, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (1, 3):
        (folder / f"{number}.jpg").write_bytes(jpeg(number * 10, taken))
    (folder / "2.jpg").write_bytes(damage)
    camera = PictureFolder(folder)
    assert [level(frame) for frame in play(camera)] == [10, 30]
    assert camera.skipped == [folder / "2.jpg"]
    assert "2.jpg" in caplog.text
    assert [level(frame) for frame in play(camera)] == [10, 30]
    assert camera.skipped == [folder / "2.jpg"]


def test_the_frames_of_a_video_come_once_and_in_order(video: Path) -> None:
    frames = list(play(VideoFile(video, START, "front")))
    assert [round(level(frame) / 40) for frame in frames] == [0, 1, 2, 3, 4, 5]
    assert [frame.monotonic for frame in frames] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert frames[5].captured_at - START == timedelta(seconds=1)
    assert frames[0].pixels.shape == (240, 320, 3)
    assert frames[0].camera == "front"


def test_a_video_that_breaks_off_ends(video: Path) -> None:
    video.write_bytes(video.read_bytes()[:-3000])
    times = [frame.monotonic for frame in play(VideoFile(video))]
    assert times == sorted(set(times))
    assert 0 < len(times) <= 6


@pytest.mark.parametrize("name", ["http:x.avi", "été\n%d.avi", os.fsdecode(b"latin-\xe9.avi")])
def test_a_video_may_have_any_name(video: Path, name: str) -> None:
    assert len(list(play(VideoFile(video.rename(video.with_name(name)))))) == 6


def test_what_is_not_a_video_is_refused_and_nothing_is_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, content in (
        ("notes.mp4", b"What a nice day.\n" * 99),
        ("empty.avi", b""),
        ("noise.mkv", bytes(range(256))),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ConfigError, match="not a video"):
            VideoFile(tmp_path / name)
    for path in (tmp_path, tmp_path / "absent.avi"):
        with pytest.raises(ConfigError, match="no such file"):
            VideoFile(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not PATROL.is_dir(), reason=f"no recorded patrol in {SHARED}; FIDAMIA_SHARED names its folder")
def test_the_recorded_patrol_is_played_whole() -> None:
    frames = list(play(PictureFolder(PATROL, START)))
    assert len(frames) == 137
    assert [frames[0].monotonic, frames[1].monotonic] == [0, 0.2]
    assert {frame.pixels.shape for frame in frames} == {(630, 1024, 3)}
