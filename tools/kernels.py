"""Run one notebook from its first cell to its last in a fresh kernel of this Python."""

import os
import re
import sys
import tempfile

import nbformat
from jupyter_client import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

CELL_TIMEOUT = 300  # seconds, the limit of the site's own execution
KERNEL = "python3"
# What a kernel of the book runs with. A user's own python3 kernelspec must not win
# over the one of this environment, or the notebook meets other packages.
ENVIRONMENT = {
    "BNTEACH_PROFILE": "quick",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "JUPYTER_PREFER_ENV_PATH": "1",
    "PYTHONNOUSERSITE": "1",
}
# Would take the place of the inline pictures, and of the site's interactive figures.
NOT_IN_ENVIRONMENT = ("MPLBACKEND", "JPY_SESSION_NAME")
# Each library sizes its pool of threads by one of these.
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


class NotebookFailed(Exception):
    """A cell of a notebook did not run to its end."""


def set_environment():
    """Give this process and its kernels the environment of the book."""
    os.environ.update(ENVIRONMENT)
    for name in NOT_IN_ENVIRONMENT:
        os.environ.pop(name, None)


def kernel_environment(threads):
    """Return the variables of a kernel that computes with `threads` threads."""
    return {**os.environ, **dict.fromkeys(THREADS, str(threads))}


def failure(path, notebook, number, error):
    """Return the message for a failed cell: notebook, cell, source and traceback."""
    cell = notebook.cells[number - 1]
    errors = [o for o in cell.get("outputs", []) if o.output_type == "error"]
    shown = "\n".join(errors[-1].traceback) if errors else str(error)
    if not sys.stderr.isatty():
        shown = re.sub(r"\x1b\[[\d;]*m", "", shown)
    return (
        f"{path.name}, cell {number} of {len(notebook.cells)} failed "
        f"({type(error).__name__}); the notebook's file is unchanged.\n\n"
        f"{cell.source}\n\n{shown}"
    )


async def run(path, threads, on_cell):
    """Execute the notebook at `path` with `threads` threads.

    Args:
        path: the notebook's file, which is only read.
        threads: how many threads each library in the kernel may use.
        on_cell: called as ``on_cell(number, total)`` before each cell runs; the first
            has number 1.

    Returns:
        The executed notebook.

    Raises:
        NotebookFailed: if a cell raised, ran too long, or the kernel died.
    """
    notebook = nbformat.read(path, as_version=4)
    at = {"number": 1}

    def on_cell_start(cell, cell_index):
        at["number"] = cell_index + 1
        on_cell(cell_index + 1, len(notebook.cells))

    manager = AsyncKernelManager(kernel_name=KERNEL)
    client = NotebookClient(
        notebook,
        km=manager,
        timeout=CELL_TIMEOUT,
        resources={"metadata": {"path": str(path.parent)}},
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        record_timing=False,
        coalesce_streams=True,
        store_widget_state=False,
        on_cell_start=on_cell_start,
    )
    # What libraries write past Python (TensorFlow's start-up lines) is of interest
    # only if the kernel dies of it.
    with tempfile.TemporaryFile() as noise:
        try:
            return await client.async_execute(
                env=kernel_environment(threads), stderr=noise
            )
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            message = failure(path, notebook, at["number"], error)
            if isinstance(error, DeadKernelError):
                noise.seek(0)
                message += "\n\n" + noise.read().decode(errors="replace")[-2000:]
            raise NotebookFailed(message) from error
        finally:
            await _stop(manager, client)


async def _stop(manager, client):
    """End a kernel at once, also one that is still starting."""
    if manager.has_kernel:
        await manager.shutdown_kernel(now=True)
    if client.kc is not None:
        client.kc.stop_channels()
