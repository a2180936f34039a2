"""Pictures as phones, cameras and bad cables leave them on a disk."""

from __future__ import annotations

import os
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.drivers.pictures import Picture, capture_time, find_pictures, read_picture
from agent.errors import PictureError
from tests.unit.agent.drivers.picture_files import (
    ANIMATED_GIF,
    CMYK,
    Image,
    chunk,
    encoded,
    exif,
    jpeg_with,
    png_with,
    quarters,
    webp_with,
)
from tests.unit.somebody_else import somebody_else


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "picture"


def read(file: Path, data: bytes, shorter_side: int = 48) -> Picture:
    file.write_bytes(data)
    return read_picture(file, shorter_side)


def refusal(file: Path, data: bytes) -> str:
    with pytest.raises(PictureError) as refused:
        read(file, data)
    sentence = str(refused.value)
    assert sentence.startswith(f"{file}: ")
    assert "\n" not in sentence
    return sentence.removeprefix(f"{file}: ")


# Finding


def test_a_folder_is_walked_in_sorted_order_and_hidden_files_are_skipped(tmp_path: Path) -> None:
    names = ["b.JPG", "a/2.png", "a/1.jpeg", "a/.1.jpg", ".git/3.jpg", "notes.txt", "c.TIFF"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "again").symlink_to(tmp_path)
    found = [str(path.relative_to(tmp_path)) for path in find_pictures([tmp_path])]
    assert found == ["a/1.jpeg", "a/2.png", "b.JPG", "c.TIFF"]


def test_files_come_as_given_whatever_they_are(tmp_path: Path) -> None:
    given = [tmp_path / "z.txt", tmp_path / "absent.jpg", tmp_path / ".hidden"]
    given[0].touch()
    assert list(find_pictures(given)) == given


def test_a_folder_may_be_as_deep_as_it_likes(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(sys.getrecursionlimit() + 100):
        deep /= "a"
        deep.mkdir()
    (deep / "1.jpg").touch()
    found = [path.name for path in find_pictures([tmp_path])]
    (deep / "1.jpg").unlink()
    while deep != tmp_path:  # shutil would not get as deep
        deep.rmdir()
        deep = deep.parent
    assert found == ["1.jpg"]


# Decoding


@pytest.mark.parametrize(("shorter_side", "height", "width"), [(224, 270, 480), (271, 540, 960), (541, 1080, 1920)])
def test_a_jpeg_is_reduced_while_it_is_decoded(file: Path, shorter_side: int, height: int, width: int) -> None:
    picture = read(file, encoded(quarters(1080, 1920)), shorter_side)
    assert picture.pixels.shape == (height, width, 3)
    assert (picture.width, picture.height) == (1920, 1080)


def test_a_40_megapixel_jpeg_is_read(file: Path) -> None:
    picture = read(file, encoded(quarters(5464, 7300)), 224)
    assert picture.pixels.shape == (683, 913, 3)
    assert (picture.width, picture.height) == (7300, 5464)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp", ".tif"])
def test_every_format_shows_what_was_drawn(file: Path, suffix: str) -> None:
    picture = read(file, encoded(quarters(), suffix))
    assert picture.pixels.dtype == np.uint8
    assert np.abs(picture.pixels[12::24, 16::32].astype(int) - quarters()[12::24, 16::32]).max() < 5
    assert (picture.width, picture.height, picture.fix, picture.captured_at) == (64, 48, None, None)


TURNED: dict[int, Callable[[Image], Image]] = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_a_picture_is_turned_as_its_exif_says(file: Path, suffix: str, orientation: int) -> None:
    data, tiff = (
        encoded(quarters(), suffix, *([cv2.IMWRITE_WEBP_QUALITY, 101] if suffix == ".webp" else [])),
        exif(orientation),
    )
    if suffix == ".jpg":
        data = jpeg_with(tiff, data)
    else:
        data = png_with(chunk(b"eXIf", tiff), data) if suffix == ".png" else webp_with(tiff, data, 64, 48)
    picture = read(file, data)
    expected = TURNED[orientation](quarters())
    assert picture.pixels.shape == expected.shape
    assert np.abs(picture.pixels.astype(int) - expected).mean() < 3
    assert (picture.height, picture.width) == expected.shape[:2]


def test_a_cmyk_jpeg_has_its_colours(file: Path) -> None:
    blue, green, red = read(file, CMYK).pixels[4, 8]
    assert red > 200
    assert blue < 60
    assert green < 60


def test_grey_becomes_three_channels(file: Path) -> None:
    grey = np.full((48, 64), 90, np.uint8)
    for suffix in (".jpg", ".png", ".tif"):
        assert read(file, encoded(grey, suffix)).pixels[24, 32].tolist() == [90, 90, 90]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_become_eight(file: Path, suffix: str) -> None:
    deep = np.full((48, 64, 3), 200 * 257, np.uint16)
    assert read(file, encoded(deep, suffix)).pixels[24, 32].tolist() == [200, 200, 200]


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_what_was_erased_is_white_and_does_not_come_back(file: Path, suffix: str) -> None:
    pixels = np.full((48, 64, 4), (10, 20, 30, 255), np.uint8)
    pixels[:16, :, 3] = 0
    pixels[16:32, :, 3] = 128
    seen = read(file, encoded(pixels, suffix, cv2.IMWRITE_WEBP_QUALITY, 101)).pixels
    assert seen[8, 8].tolist() == [255, 255, 255]
    assert np.abs(seen[24, 8].astype(int) - [132, 137, 142]).max() <= 1
    assert seen[40, 8].tolist() == [10, 20, 30]


@pytest.mark.parametrize("suffix", [".png", ".webp", ".gif"])
def test_an_animation_shows_its_first_frame(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"animation{suffix}"
    if suffix == ".gif":
        path.write_bytes(ANIMATED_GIF)
    else:
        animation = cv2.Animation()
        animation.frames = [np.full((6, 8, 3), colour, np.uint8) for colour in ((0, 0, 255), (0, 255, 0))]
        animation.durations = [100, 100]
        cv2.imwriteanimation(str(path), animation)
    blue, green, red = read_picture(path, 4).pixels[3, 4]
    assert red > 250
    assert max(blue, green) < 5


@pytest.mark.parametrize("name", ["été à l'Estaque.jpg", "two\nlines.jpg", "日本.gif", os.fsdecode(b"latin-\xe9.gif")])
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    data = ANIMATED_GIF if name.endswith(".gif") else encoded(quarters())
    assert read(tmp_path / name, data).pixels.size


# Refusing


def test_what_is_not_a_readable_file_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, reason in ((tmp_path / "absent", "not there"), (tmp_path, "a folder"), (pipe, "not an ordinary file")):
        with pytest.raises(PictureError, match=reason):
            read_picture(path, 224)
        with pytest.raises(PictureError, match=reason):
            capture_time(path)


def test_a_file_without_permission_is_refused(public: Path) -> None:
    file = public / "picture"
    file.write_bytes(encoded(quarters()))
    file.chmod(0)
    with somebody_else(), pytest.raises(PictureError, match="this user may not read it; change its permissions"):
        read_picture(file, 16)


def test_a_name_with_line_breaks_stays_on_one_line(tmp_path: Path) -> None:
    with pytest.raises(PictureError) as refused:
        read_picture(tmp_path / "two\nlines", 16)
    assert "\n" not in str(refused.value)
    assert r"two\nlines" in str(refused.value)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"What a nice day.\n" * 9, "not a picture"),
        (b"<svg width='9' height='9'/>", "not a picture"),
        (bytes(range(256)), "not a picture"),
        (b"\x89PNG\r\n\x1a\n", "not a picture"),
        (b"\xff\xd8", "incomplete"),
        (b"\xff\xd8\xff\xd9", "incomplete"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
    ],
)
def test_what_is_not_a_picture_is_refused(file: Path, data: bytes, reason: str) -> None:
    assert reason in refusal(file, data)


@pytest.mark.parametrize("suffix", [".jpg", "progressive", ".png", ".webp", ".bmp", ".tif", ".gif"])
def test_a_truncated_picture_is_refused_and_nothing_is_printed(
    file: Path, suffix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (48, 64, 3), np.uint8)
    options = (cv2.IMWRITE_JPEG_PROGRESSIVE, 1) if suffix == "progressive" else ()
    data = ANIMATED_GIF if suffix == ".gif" else encoded(noise, suffix.replace("progressive", ".jpg"), *options)
    data = jpeg_with(exif(), data) if data.startswith(b"\xff\xd8") else data
    read(file, data)
    for length in sorted({len(data) * part // 20 for part in range(1, 20)} | {len(data) - 1}):
        refusal(file, data[:length])
    assert capfd.readouterr() == ("", "")


def test_what_phones_write_behind_a_jpeg_is_accepted(file: Path) -> None:
    other = encoded(np.zeros((9, 9, 3), np.uint8))
    for tail in (b"\0" * 9, other, other[:-9], b"ftypmp42 \xff\xda and on"):
        assert read(file, encoded(quarters()) + tail).pixels[0, 0, 0] > 200


def test_a_thumbnail_does_not_pass_for_the_end_of_a_truncated_jpeg(file: Path) -> None:
    jpeg = encoded(quarters(480, 640))
    assert "incomplete" in refusal(file, jpeg_with(exif() + encoded(quarters()), jpeg)[:-2])


def test_a_png_with_a_flipped_bit_is_refused(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    png = bytearray(encoded(quarters(), ".png"))
    png[len(png) // 2] ^= 1
    assert "can not be decoded" in refusal(file, bytes(png))
    assert capfd.readouterr() == ("", "")


def test_what_libpng_thinks_of_a_colour_profile_is_not_printed(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    profile = chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(b"short"))
    read(file, png_with(profile, encoded(quarters(), ".png")))
    assert capfd.readouterr() == ("", "")


def huge(suffix: str) -> bytes:
    """A small file whose header promises some 3600 megapixels, or as many as the format can."""
    data = bytearray(encoded(quarters(), suffix))
    if suffix == ".jpg":
        at = data.index(b"\xff\xc0")
        data[at + 5 : at + 9] = struct.pack(">HH", 60000, 60000)
    elif suffix == ".png":
        return bytes(data[:8]) + chunk(b"IHDR", struct.pack(">II", 60000, 60000) + data[24:29]) + bytes(data[33:])
    elif suffix == ".bmp":
        data[18:26] = struct.pack("<ii", 60000, -60000)
    elif suffix == ".webp":
        data = bytearray(webp_with(exif(), bytes(data), 16384, 16384))
    elif suffix == ".tif":
        for tag in (256, 257):
            at = data.index(struct.pack("<HH", tag, 3))
            data[at : at + 12] = struct.pack("<HHII", tag, 4, 1, 60000)
    return bytes(data)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tif"])
def test_a_pixel_bomb_is_refused_from_its_header(file: Path, suffix: str) -> None:
    assert "megapixels where" in refusal(file, huge(suffix))


def test_a_gif_bomb_is_refused_from_its_header(file: Path) -> None:
    for width, height in ((20000, 20000), (40000, 40000), (65535, 65535)):
        refusal(file, ANIMATED_GIF[:6] + struct.pack("<HH", width, height) + ANIMATED_GIF[10:])


def test_only_a_jpeg_that_is_reduced_line_by_line_has_the_higher_limit(file: Path) -> None:
    size = struct.pack(">HH", 9000, 9000)
    for progressive, frame in ((0, b"\xff\xc0"), (1, b"\xff\xc2")):
        jpeg = bytearray(encoded(quarters(), ".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, progressive))
        at = jpeg.index(frame)
        jpeg[at + 5 : at + 9] = size
        if progressive:
            assert "81 megapixels where 50 is the limit" in refusal(file, bytes(jpeg))
        else:
            assert read(file, bytes(jpeg), 900).width == 9000


def test_a_jpeg_of_endless_scans_is_refused(file: Path) -> None:
    jpeg = encoded(quarters(), ".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    last = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    assert "can not be decoded" in refusal(file, jpeg[:-2] + last * 200 + jpeg[-2:])


def test_a_file_larger_than_64_megabytes_is_refused(file: Path) -> None:
    with file.open("wb") as sparse:
        sparse.truncate(64_000_001)
    with pytest.raises(PictureError, match="65 MB where 64 is the limit"):
        read_picture(file, 224)
