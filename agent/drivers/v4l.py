"""Finds a V4L2 camera again, whatever number it was given this time."""

from __future__ import annotations

import os
import re
from pathlib import Path

from agent.errors import DeviceError
from agent.i18n import _

SYSFS = Path("/sys/class/video4linux")
DEVICES = Path("/dev")
MEMORY = "/dev/shm/"  # holds files as any folder does
# Vendor and product as lsusb shows them, and the serial number where two of a kind are on board.
USB = re.compile(r"usb:([0-9a-f]{4}):([0-9a-f]{4})(?::(.+))?", re.IGNORECASE)


def is_local(source: str) -> bool:
    """Whether the source is a camera of this machine: a path under /dev, or an id on the USB."""
    is_device = source.startswith("/dev/") and not source.startswith(MEMORY)
    return is_device or USB.fullmatch(source) is not None


def find_device(source: str, name: str, sysfs: Path = SYSFS, devices: Path = DEVICES) -> str:
    """The device file that `source` stands for now: a path under /dev, or `usb:VVVV:PPPP[:serial]`.

    `name` is the camera's. Raises DeviceError where it is not there, or this user may not use it.
    """
    device = _find_usb(source, sysfs, devices) if USB.fullmatch(source) else os.path.realpath(source)
    if device is None or not os.path.exists(device):
        sentence = _("camera {name}: {source} is not there; check the cable")
    elif not os.access(device, os.R_OK | os.W_OK):
        sentence = _("camera {name}: this user may not use {source}; add it to the group video")
    else:
        return device
    raise DeviceError(sentence.format(name=name, source=source))


def _find_usb(source: str, sysfs: Path, devices: Path) -> str | None:
    """The first of the device's nodes that gives pictures; the others give their metadata."""
    asked = USB.fullmatch(source)
    assert asked is not None
    vendor, product, serial = asked.groups()
    for node in sorted(sysfs.glob("video*"), key=lambda node: (len(node.name), node.name)):
        if _read(node / "index") != "0":
            continue
        # The node hangs on an interface of the device; the device itself is above it.
        interface = (node / "device").resolve()
        usb = next((place for place in (interface, *interface.parents) if (place / "idVendor").is_file()), None)
        if usb is None or (_read(usb / "idVendor"), _read(usb / "idProduct")) != (vendor.lower(), product.lower()):
            continue
        if serial is None or _read(usb / "serial") == serial:
            return str(devices / node.name)
    return None


def _read(path: Path) -> str | None:
    """An attribute's value; None where it is not there, or no longer."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None
