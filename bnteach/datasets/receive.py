"""Receive a file from a server, which may be silent, slow or endless.

The bytes come in a thread of their own: a wait for a byte can be cut short by the next
byte, so that a server with one byte a second would never be given up from within.
"""

import queue
import threading
import time
import urllib.request
from collections.abc import Iterator

from bnteach.datasets.catalogue import DownloadError

SLOWEST = 1000  # bytes a second; with less, CIFAR-10 would take more than two days
_BLOCK = 1 << 18


def receive(url: str, timeout: float, limit: int) -> Iterator[tuple[bytes, int | None]]:
    """Yield the bytes of a file on a server, each block with the announced size.

    Args:
        url: of the file.
        timeout: seconds. In each such time the server must begin to answer, or send at
            least `SLOWEST` bytes a second.
        limit: how many bytes the file may have.

    Raises:
        DownloadError: there is no answer, or it is too slow or too long.
    """
    blocks, stop = queue.SimpleQueue(), threading.Event()
    arguments = (url, timeout, blocks, stop)
    threading.Thread(target=_read, args=arguments, daemon=True).start()
    try:
        done = 0
        for block, total in _in_time(blocks, timeout):
            done += len(block)
            if max(done, total or 0) > limit:
                raise ValueError(f"expected at most {limit} bytes. Received: more")
            yield block, total
    except Exception as error:  # http.client raises several kinds
        problem = f"no answer that can be used from {url}: {error}"
        raise DownloadError(problem) from error
    finally:
        stop.set()


def _in_time(blocks, timeout: float) -> Iterator[tuple[bytes, int | None]]:
    """Yield what the thread puts into the queue, while it comes fast enough."""
    ends, received = time.monotonic() + timeout, 0
    while True:
        try:
            found = blocks.get(timeout=max(0.0, ends - time.monotonic()))
        except queue.Empty:
            if received < SLOWEST * timeout:
                slow = f"timed out, with {received} bytes in {timeout:g} s"
                raise TimeoutError(slow) from None
            ends, received = time.monotonic() + timeout, 0
            continue
        if found is None:
            return
        if isinstance(found, Exception):
            raise found
        received += len(found[0])
        if not found[0]:  # the answer has begun
            ends = time.monotonic() + timeout
        yield found


def _read(url: str, timeout: float, blocks, stop: threading.Event) -> None:
    """Put pairs of block and announced size into a queue; at the end None or an error.

    Nothing waits for this thread: it ends with the connection.
    """
    try:
        with urllib.request.urlopen(url, timeout=timeout) as response:
            announced = response.headers.get("Content-Length")
            total = int(announced) if announced else None
            blocks.put((b"", total))
            while not stop.is_set() and (block := response.read1(_BLOCK)):
                blocks.put((block, total))
        blocks.put(None)
    except Exception as error:  # told where the blocks are asked for
        blocks.put(error)
