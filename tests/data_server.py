"""A server of data files on this machine, which plays the usual and the broken ones."""

import contextlib
import http.server
import io
import tarfile
import threading
from pathlib import Path

from bnteach.datasets.catalogue import SPECS


class Server:
    """Serves {file: bytes} from this machine, in a good or in a broken way."""

    def __init__(self, files):
        self.files, self.requests = files, []
        self.manner = "good"
        self.half_sent, self.stop = threading.Event(), threading.Event()
        self.both = threading.Barrier(2, timeout=60)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def handle_one_request(self):
                with contextlib.suppress(ConnectionError):  # the other end gave up
                    super().handle_one_request()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}/data/"
        threading.Thread(target=self.server.serve_forever, args=(0.02,)).start()

    def answer(self, handler):
        self.requests.append(handler.path)
        if self.manner == "silent":
            self.stop.wait(60)
            return
        if self.manner == "together":
            self.both.wait()
        if self.manner == "slow to begin":
            self.drip(handler, b"HTTP/1.0 200 OK\r\nX-Slow: " + bytes(1000))
            return
        content = self.files.get(handler.path.removeprefix("/data/"))
        if content is None:
            handler.send_error(404)
            return
        handler.send_response(200)
        if self.manner == "announces too much":
            handler.send_header("Content-Length", str(10**15))
        elif self.manner != "endless":
            handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        if self.manner == "slow":
            self.drip(handler, content)
            return
        while self.manner == "endless" and not self.stop.is_set():
            handler.wfile.write(bytes(1 << 16))
        if self.manner in ("truncated", "stalled"):
            handler.wfile.write(content[: len(content) // 2])
            handler.wfile.flush()
            self.half_sent.set()
            if self.manner == "stalled":
                self.stop.wait(60)
            return
        handler.wfile.write(content)

    def drip(self, handler, content):
        """Send a byte every 20 ms; the one who asks waits far longer for a byte."""
        for at in range(len(content)):
            if self.stop.wait(0.02):
                return
            handler.wfile.write(content[at : at + 1])

    def close(self):
        self.stop.set()
        self.server.shutdown()
        self.server.server_close()


def archive(name, files):
    buffer = io.BytesIO()
    inner = Path(SPECS[name].keras_folders[0]).name
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for file, content in (files | {"readme.html": b"x"}).items():
            member = tarfile.TarInfo(f"{inner}/{file}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
