"""Execute notebooks in the quick profile and store what came out.

Usage: python tools/notebooks.py [NOTEBOOK ...]      (all of book/ when none is named)

Each notebook runs from its first cell to its last in a fresh kernel of this Python, as
many at once as there are cores, four at most. A file is written only when all its cells
ran, and in one step, so that a failure or Ctrl-C leaves the stored notebook as it was.
What would differ between two runs of the same notebook (times, versions, random cell
ids, stderr) is not stored.
"""

import argparse
import hashlib
import re
from pathlib import Path

import nbformat
from kernels import set_environment
from side_by_side import run_all

from bnteach.files import atomic_path

BOOK = Path(__file__).resolve().parents[1] / "book"
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
    text = nbformat.writes(notebook).rstrip("\n") + "\n"
    with atomic_path(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def without_noise(notebook):
    """Clean the outputs of `notebook`; return what to say of what was dropped."""
    noisy = clean_outputs(notebook)
    cells = ", ".join(map(str, noisy))
    return f" (stderr of cell {cells} is not kept)" if noisy else ""


def store(path, notebook, seconds):
    """Store the executed `notebook` at `path`; return the line that says so."""
    dropped = without_noise(notebook)
    normalize(notebook)
    write(notebook, path)
    return f"stored after {seconds:.0f} s{dropped}"


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("notebooks", nargs="*", type=Path)
    chosen = parser.parse_args(arguments).notebooks or sorted(BOOK.glob("*.ipynb"))
    missing = [str(path) for path in chosen if not path.is_file()]
    if missing:
        parser.error(f"no such notebook: {', '.join(missing)}")
    set_environment()
    run_all([path.resolve() for path in chosen], store)


if __name__ == "__main__":
    main()
