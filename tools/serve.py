"""Show the built site at http://127.0.0.1:8000 until Ctrl-C.

Usage: python tools/serve.py [PORT]      (another port when that one is taken; 0: any)
"""

import argparse
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SITE = Path(__file__).resolve().parents[1] / "_build" / "html"
PAGES = ("index.html", "index.htm")  # what is sent for a folder


class Handler(SimpleHTTPRequestHandler):
    """Sends the files of the site, and nothing else that can be reached from it."""

    def send_head(self):
        """Send a file's head, or "not found" for what is no file of the site."""
        if not self._is_in_site():
            self.send_error(404)
            return None
        return super().send_head()

    def _is_in_site(self) -> bool:
        try:
            asked = Path(self.translate_path(self.path))
            if asked.is_dir():
                pages = [path for name in PAGES if (path := asked / name).exists()]
                asked = pages[0] if pages else asked
            # What a link leads to; a pipe would be waited for.
            site = Path(self.directory).resolve()
            return asked.resolve().is_relative_to(site) and asked.is_file()
        except (OSError, ValueError, RuntimeError):  # a zero byte, a link to itself
            return False


class Server(ThreadingHTTPServer):
    """Does not complain of browsers that leave a page before it is there."""

    daemon_threads = True

    def handle_error(self, request, client_address):
        """Say what went wrong with a request, unless the other end is gone."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def port_number(text: str) -> int:
    """Return a port, for `argparse`."""
    port = int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else -1
    if not 0 <= port < 65536:
        problem = f"expected a number from 0 to 65535. Received: {text!r:.100}"
        raise argparse.ArgumentTypeError(problem)
    return port


def main():
    parser = argparse.ArgumentParser(description="Show the built site until Ctrl-C.")
    parser.add_argument(
        "port",
        nargs="?",
        default=8000,
        type=port_number,
        metavar="PORT",
        help="default: 8000; 0 for any that is free",
    )
    port = parser.parse_args().port
    if not (SITE / "index.html").is_file():
        sys.exit("The site is not built yet. Build it with: make book")
    try:
        server = Server(("127.0.0.1", port), partial(Handler, directory=str(SITE)))
    except OSError as error:
        other = port + 1 if port < 65535 else 0
        sys.exit(f"Port {port}: {error.strerror}. Try: python tools/serve.py {other}")
    with server:
        address = f"http://127.0.0.1:{server.server_port}/"
        print(f"The book is at {address}  (Ctrl-C ends)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
