"""Show the built site at http://127.0.0.1:8000 until Ctrl-C.

Usage: python tools/serve.py [PORT]      (another port when that one is taken)
"""

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SITE = Path(__file__).resolve().parents[1] / "_build" / "html"


def main():
    if not (SITE / "index.html").is_file():
        sys.exit("The site is not built yet. Build it with: make book")
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    handler = partial(SimpleHTTPRequestHandler, directory=str(SITE))
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        sys.exit(
            f"Port {port}: {error.strerror}. Try: python tools/serve.py {port + 1}"
        )
    print(f"The book is at http://127.0.0.1:{port}/  (Ctrl-C ends)", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    main()
