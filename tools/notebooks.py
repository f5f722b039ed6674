"""Execute notebooks in the quick profile and store what came out.

Usage: python tools/notebooks.py [NOTEBOOK ...]      (all of book/ when none is named)

Each notebook runs from its first cell to its last in a fresh kernel of this Python.
A file is written only when all its cells ran, and in one step, so that a failure or
Ctrl-C leaves the stored notebook as it was. What would differ between two runs of the
same notebook (times, versions, random cell ids, stderr) is not stored.
"""

import argparse
import hashlib
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import (
    CellExecutionError,
    CellTimeoutError,
    DeadKernelError,
)
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

BOOK = Path(__file__).resolve().parents[1] / "book"
CELL_TIMEOUT = 300  # seconds, the limit of the site's own execution
KERNELSPEC = {
    "display_name": "Python 3 (ipykernel)",
    "language": "python",
    "name": "python3",
}
LANGUAGE_INFO = {
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "pygments_lexer": "ipython3",
}
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


class NotebookFailed(Exception):
    """A cell of a notebook did not run to its end."""


def set_environment():
    """Give this process and its kernels the environment of the book."""
    os.environ.update(ENVIRONMENT)
    for name in NOT_IN_ENVIRONMENT:
        os.environ.pop(name, None)


def is_empty(output):
    """Return whether an output shows nothing (progress bars leave such outputs)."""
    if output.output_type == "stream":
        return not output.text
    if output.output_type == "error":
        return False
    shown = "".join(str(value) for value in output.get("data", {}).values())
    return not re.sub(r"<pre[^>]*>\s*</pre>", "", shown).strip()


def clean_outputs(notebook):
    """Drop stderr and empty outputs of `notebook`, in place.

    Returns:
        The numbers (from 1) of the cells whose stderr was dropped.
    """
    noisy = []
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type != "code":
            continue
        kept = [out for out in cell.outputs if out.get("name") != "stderr"]
        if len(kept) < len(cell.outputs):
            noisy.append(number)
        cell.outputs = [out for out in kept if not is_empty(out)]
        for out in cell.outputs:
            out.pop("transient", None)
    return noisy


def normalize(notebook):
    """Keep of the metadata of `notebook` what its author wrote, in place."""
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": KERNELSPEC, "language_info": LANGUAGE_INFO}
    )
    seen = {}
    for cell in notebook.cells:
        kept = {k: v for k, v in cell.metadata.items() if k in ("tags", "mystnb")}
        cell.metadata = nbformat.from_dict(kept)
        digest = hashlib.sha256(f"{cell.cell_type}:{cell.source}".encode()).hexdigest()
        seen[digest] = seen.get(digest, 0) + 1
        cell.id = f"{digest[:10]}-{seen[digest]}"
    # A notebook of an older minor version has no cell ids: bring it to this one.
    notebook.nbformat, notebook.nbformat_minor = 4, 5


def write(notebook, path):
    """Write `notebook` to `path` in one step."""
    nbformat.validate(notebook)
    part = path.with_name(f".{path.name}.part")
    text = nbformat.writes(notebook).rstrip("\n") + "\n"
    try:
        part.write_text(text, encoding="utf-8", newline="\n")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


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


def progress_bar():
    """Return a bar for the cells of each notebook, with the time that passed."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeElapsedColumn(), console=Console(highlight=False))


def run(path, progress):
    """Execute the notebook at `path`, showing each cell on `progress`.

    Returns:
        The executed notebook with clean outputs; nothing is written.

    Raises:
        NotebookFailed: if a cell raised, ran too long, or the kernel died.
    """
    notebook = nbformat.read(path, as_version=4)
    task = progress.add_task(path.name, total=len(notebook.cells))
    at = {"number": 1}

    def on_start(cell, cell_index):
        at["number"] = cell_index + 1
        progress.update(task, completed=cell_index)

    client = NotebookClient(
        notebook,
        kernel_name=KERNELSPEC["name"],
        timeout=CELL_TIMEOUT,
        resources={"metadata": {"path": str(path.parent)}},
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        record_timing=False,
        coalesce_streams=True,
        store_widget_state=False,
        on_cell_start=on_start,
    )
    # What libraries write past Python (TensorFlow's start-up lines) is of interest
    # only if the kernel dies of it.
    with tempfile.TemporaryFile() as noise:
        try:
            client.execute(stderr=noise)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            progress.stop()
            message = failure(path, notebook, at["number"], error)
            if isinstance(error, DeadKernelError):
                noise.seek(0)
                message += "\n\n" + noise.read().decode(errors="replace")[-2000:]
            raise NotebookFailed(message) from error
    progress.update(task, completed=len(notebook.cells))
    noisy = clean_outputs(notebook)
    if noisy:
        cells = ", ".join(map(str, noisy))
        progress.console.print(f"{path.name}: stderr of cell {cells} is not kept")
    return notebook


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("notebooks", nargs="*", type=Path)
    chosen = parser.parse_args(arguments).notebooks or sorted(BOOK.glob("*.ipynb"))
    missing = [str(path) for path in chosen if not path.is_file()]
    if missing:
        parser.error(f"no such notebook: {', '.join(missing)}")
    set_environment()
    with progress_bar() as progress:
        for path in chosen:
            start = time.perf_counter()
            try:
                notebook = run(path.resolve(), progress)
            except NotebookFailed as error:
                sys.exit(str(error))
            normalize(notebook)
            write(notebook, path)
            seconds = time.perf_counter() - start
            progress.console.print(f"{path.name} stored after {seconds:.0f} s")


if __name__ == "__main__":
    main()
