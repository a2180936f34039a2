"""A network camera: MJPEG over HTTP, which the test silences and stops."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count


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
