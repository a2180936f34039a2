"""Network cameras, MJPEG over HTTP and RTSP, which the test silences, freezes and stops."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

import cv2
import numpy as np
import pytest

from agent.simulation.scenery import draw

PYTHON_WITH_GI = "/usr/bin/python3"
RTSP_SERVER = """
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
factory = GstRtspServer.RTSPMediaFactory()
source = "videotestsrc is-live=true pattern=%(pattern)s"
source += " ! video/x-raw,format=I420,width=%(width)d,height=%(height)d,framerate=25/1"
factory.set_launch(f"( {source} ! %(encoder)s name=pay0 pt=96 )")
server = GstRtspServer.RTSPServer(address="127.0.0.1", service="%(port)d")
server.get_mount_points().add_factory("/stream1", factory)
def greet(server, client):
    print("+", flush=True)
    client.connect("closed", lambda client: print("-", flush=True))
server.connect("client-connected", greet)
server.attach(None)
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
"""
JPEG = "jpegenc ! rtpjpegpay"
VP8 = "vp8enc deadline=1 keyframe-max-dist=25 ! rtpvp8pay"


class RtspServer:
    """GStreamer's server, in the interpreter that Debian installs its bindings for."""

    def __init__(
        self, port: int = 0, encoder: str = JPEG, width: int = 320, height: int = 240, pattern: str = "smpte"
    ) -> None:
        """25 frames a second of one of videotestsrc's pictures; of "smpte" a part is noise, of "snow" all of it."""
        program = RTSP_SERVER % {
            "port": port,
            "encoder": encoder,
            "width": width,
            "height": height,
            "pattern": pattern,
        }
        command = [PYTHON_WITH_GI, "-c", program]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.clients = 0
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.stop()
            pytest.skip("no GStreamer RTSP server: apt-get install python3-gi gir1.2-gst-rtsp-server-1.0")
        self.port = int(line)
        threading.Thread(target=self._count, daemon=True).start()

    @property
    def address(self) -> str:
        """Where the frames are, for a user with a password."""
        return f"rtsp://me:secret@127.0.0.1:{self.port}/stream1"

    def freeze(self) -> None:
        """Hang with the sockets open."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Die."""
        self._process.kill()
        self._process.wait()

    def _count(self) -> None:
        for line in self._process.stdout or ():
            self.clients += 1 if line.startswith("+") else -1


class MjpegServer:
    """Sends frames to whoever asks for /video; answers /page with text."""

    def __init__(self, picture: Callable[[int], bytes], port: int = 0, rate: float = 50.0) -> None:
        """`picture` gives the JPEG of each number from 1 on, `rate` times a second."""
        outer = self
        self._picture, self._rate = picture, rate
        self.sent = 0
        self.silent = False
        self._stopped = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                if not self.path.startswith("/video"):
                    self.send_header("Content-Type", "text/plain")
                    self.end_headers()
                    self.wfile.write(b"What a nice day.\n" * 99)
                    return
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                outer.send(self)

            def log_message(self, *_arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def address(self) -> str:
        """Where the frames are."""
        return f"http://127.0.0.1:{self.port}/video"

    def send(self, connection: BaseHTTPRequestHandler) -> None:
        """Send frames to one who asked, until stopped or hung up on."""
        for sent in count(1):
            if self._stopped.wait(1 / self._rate):
                return
            if self.silent:
                continue
            head = b"--frame\r\nContent-Type: image/jpeg\r\n\r\n"
            try:
                connection.wfile.write(head + self._picture(sent) + b"\r\n")
            except OSError:
                return
            self.sent = sent

    def stop(self) -> None:
        """Hang up on everybody and listen no more."""
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()


def street() -> Callable[[int], bytes]:
    """Pictures that show defects and a clean street in turn."""
    scenes = [
        cv2.imencode(".jpg", draw(label, np.random.default_rng(seed), 640, 360))[1].tobytes()
        for label, seed in (("pothole", 1), ("no_defect", 2), ("road_crack", 3), ("graffiti", 4))
    ]
    return lambda number: scenes[number // 10 % len(scenes)]
