"""Tells systemd how the service is (sd_notify(3)); does nothing where the program runs by hand."""

from __future__ import annotations

import os
import socket


class Notifier:
    """The socket that systemd gave this process, if it did."""

    def __init__(self) -> None:
        """Read NOTIFY_SOCKET, and keep it from child processes."""
        self._address = os.environ.pop("NOTIFY_SOCKET", "")

    def ready(self) -> None:
        """The service does its work now."""
        self._send("READY=1")

    def stopping(self) -> None:
        """The service ends."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """Feed the watchdog."""
        self._send("WATCHDOG=1")

    def _send(self, state: str) -> None:
        if not self._address:
            return
        # A leading @ stands for Linux's abstract socket names.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notify:
            notify.sendto(state.encode(), address)
