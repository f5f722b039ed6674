"""What the checks of the built site share: a Chromium, a server, a tab."""

import os
import shutil
import sys
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
)
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)
FLAGS = [
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    # Nothing but this machine has a name: a foreign request fails at once.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
# Goes to each interactive figure and waits until it is live, 10 seconds at most.
SETTLE = """async () => {
  const late = performance.now() + 10000;
  const wait = async (done) => {
    while (!done() && performance.now() < late)
      await new Promise((r) => setTimeout(r, 20));
  };
  for (const figure of document.querySelectorAll(".bn-interactive")) {
    figure.scrollIntoView();  // it is drawn when it comes near the view
    await wait(() => figure.querySelector(".bn-live svg"));
  }
  window.scrollTo(0, 0);
}"""


def require(thing, what, remedy):
    """Return `thing`; without it skip on a reader's machine and fail in CI."""
    if thing:
        return thing
    message = f"the checks of the site need {what}; {remedy}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def find_chromium():
    """Return the path of a Chromium, Chrome or Edge of this machine, or None."""
    found = [os.environ.get("BNTEACH_CHROMIUM"), *map(shutil.which, NAMES)]
    found += [place for place in PLACES if Path(place).is_file()]
    return next((path for path in found if path), None)


@contextmanager
def chromium(playwright):
    """Open the machine's own Chromium without a window."""
    remedy = "install Chromium or Chrome, or name it in BNTEACH_CHROMIUM"
    path = require(find_chromium(), "a Chromium", remedy)
    # The sandbox does not start for root, which is who runs in a container.
    root = sys.platform == "linux" and os.geteuid() == 0
    flags = [*FLAGS, *(["--no-sandbox"] if root else [])]
    browser = playwright.chromium.launch(executable_path=path, args=flags)
    yield browser
    browser.close()


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a line for each on the screen."""

    def log_message(self, *args):
        pass


@contextmanager
def served(folder):
    """Serve `folder` on a free port of this machine; gives the address."""
    handler = partial(QuietHandler, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


class Visitor:
    """One tab that remembers the requests and complaints of the page it is on."""

    def __init__(self, browser, base, **context):
        self.base = base
        self.context = browser.new_context(reduced_motion="reduce", **context)
        self.page = self.context.new_page()
        self.requests, self.complaints = [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda e: self.complaints.append(f"error: {e}"))
        self.page.on("requestfailed", self._failed)

    def _failed(self, request):
        # Aborted: the browser gave it up itself, because the page was left meanwhile.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"failed: {request.url}")

    def _console(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def go(self, path):
        """Open the page at `path` under the base, and wait until all is drawn."""
        self.requests.clear()
        self.complaints.clear()
        self.page.goto(self.base + path, wait_until="load")
        self.page.evaluate(SETTLE)
        return self.page

    def foreign(self):
        """Return the requests that went to another host."""
        own = (self.base, "data:", "blob:")
        return [url for url in self.requests if not url.startswith(own)]
