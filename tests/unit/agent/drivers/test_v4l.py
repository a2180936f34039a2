"""Finding a USB camera whatever number it has, in a tree like the kernel's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.drivers.v4l import find_device, is_local
from agent.errors import DeviceError


class Kernel:
    """Its /sys and /dev: USB devices, and the video nodes on their interfaces."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.nodes = root / "class" / "video4linux"
        self.nodes.mkdir(parents=True)
        self.devices = root / "dev"
        self.devices.mkdir()

    def find(self, source: str) -> str:
        """The name of the device that the source stands for."""
        return Path(find_device(source, "front", self.nodes, self.devices)).name

    def plug(self, port: str, vendor: str, product: str, serial: str | None, *nodes: int) -> None:
        """A camera: its first node gives pictures, the others metadata."""
        device = self._root / "devices" / "usb1" / port
        interface = device / f"{port}:1.0"
        interface.mkdir(parents=True)
        (device / "idVendor").write_text(f"{vendor}\n")
        (device / "idProduct").write_text(f"{product}\n")
        if serial is not None:
            (device / "serial").write_text(f"{serial}\n")
        for index, number in enumerate(nodes):
            node = interface / "video4linux" / f"video{number}"
            node.mkdir(parents=True)
            (node / "index").write_text(f"{index}\n")
            (node / "device").symlink_to(interface)
            (self.nodes / node.name).symlink_to(node)
            (self.devices / node.name).touch()


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    """A board with a camera of its own, which is on no USB, and two alike on the USB."""
    made = Kernel(tmp_path / "sys")
    own = made.nodes / "video0"
    own.mkdir()
    (own / "index").write_text("0\n")
    made.plug("1-1", "046d", "0825", "A1", 10, 11)
    made.plug("1-2", "046d", "0825", "B2", 2, 3)
    made.plug("1-3", "32e4", "9230", None, 5, 6)
    return made


@pytest.mark.parametrize(
    ("source", "device"),
    [
        ("usb:046d:0825", "video2"),
        ("usb:046D:0825", "video2"),
        ("usb:046d:0825:A1", "video10"),
        ("usb:046d:0825:B2", "video2"),
        ("usb:32e4:9230", "video5"),
    ],
)
def test_the_node_that_gives_pictures_is_found(kernel: Kernel, source: str, device: str) -> None:
    assert kernel.find(source) == device


@pytest.mark.parametrize("source", ["usb:046d:0826", "usb:046e:0825", "usb:046d:0825:C3", "usb:32e4:9230:X"])
def test_another_camera_is_not_taken_for_it(kernel: Kernel, source: str) -> None:
    with pytest.raises(DeviceError, match=f"camera front: {source} is not there"):
        kernel.find(source)


def test_a_camera_that_was_given_another_number_is_found_again(kernel: Kernel) -> None:
    assert kernel.find("usb:32e4:9230") == "video5"
    for node in (5, 6):
        (kernel.nodes / f"video{node}").unlink()
    kernel.plug("1-4", "32e4", "9230", None, 8, 9)
    assert kernel.find("usb:32e4:9230") == "video8"


def test_a_path_by_id_is_followed_to_where_it_leads_now(tmp_path: Path) -> None:
    link = tmp_path / "by-id"
    link.symlink_to("/dev/null")
    assert find_device(str(link), "front") == "/dev/null"
    link.unlink()
    link.symlink_to("/dev/zero")
    assert find_device(str(link), "front") == "/dev/zero"


def test_a_device_that_may_not_be_used_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda _path, mode: mode == os.R_OK)
    with pytest.raises(DeviceError, match="this user may not use /dev/null; add it to the group video"):
        find_device("/dev/null", "front")


@pytest.mark.parametrize(
    ("source", "expected"), [("/dev/video0", True), ("usb:046d:0825:A1", True), ("usb:46d:825", False), ("x", False)]
)
def test_what_is_a_camera_of_this_machine_is_told_by_its_source(source: str, expected: bool) -> None:
    assert is_local(source) is expected
