"""Execute every notebook in the quick profile and build the site from them.

Usage: python tools/build_book.py

Four steps: the files that the site serves itself are copied out of installed packages,
and the README's picture is drawn from a recorded run; stored executions are dropped
when something that they depend on changed; notebooks that have no stored execution run,
side by side; Jupyter Book builds the site with warnings as errors, unless the site is
there and nothing changed since it was built without one. No step needs the network.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import notebooks
import readme_picture
import site_files
from executions import Executions
from kernels import set_environment
from last_build import LastBuild
from side_by_side import run_all

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "_build"
# What TensorFlow says when it is imported for the API page
NOISE = re.compile(r"^(WARNING: All log messages before|I0000 )")
COMPLAINT = re.compile(r"(^|: )(WARNING|ERROR|CRITICAL): |Error:")


def execute_into_cache(paths, cache):
    """Run the notebooks that have no stored execution, and store theirs.

    Returns:
        Whether any had to run.

    Raises:
        SystemExit: a cell failed, which is said; nothing is stored for its notebook.
    """

    def keep(path, notebook, seconds):
        dropped = notebooks.without_noise(notebook)
        cache.keep(path, notebook, seconds)
        return f"run in {seconds:.0f} s{dropped}"

    stored = [path for path in paths if cache.has(path)]
    for path in stored:
        print(f"{path.name}: nothing changed since it was run")
    missing = [path for path in paths if path not in stored]
    run_all(missing, keep)
    return bool(missing)


def build_site():
    """Build the site with Jupyter Book; return whether it did without a warning."""
    # From clean pages: a page that is not read again does not repeat its warnings, and
    # a second run would pass by accident.
    for name in ("html", ".doctrees"):
        shutil.rmtree(BUILD / name, ignore_errors=True)
    jupyter_book = "from jupyter_book.cli.main import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", jupyter_book, "build", ROOT, "-W", "-n", "--keep-going"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    complaints = []
    for line in process.stdout:
        line = re.sub(r"\x1b\[[\d;]*m", "", line)  # Jupyter Book colours a file, too
        if NOISE.match(line):
            continue
        print(line, end="", flush=True)
        goes_on = complaints and complaints[-1].endswith("raised:\n")
        if COMPLAINT.search(line) or (goes_on and line.strip()):
            complaints.append(line)
    if process.wait() == 0:
        return True
    print("\nThe site was not built without warnings:\n" + "".join(complaints))
    for report in sorted((BUILD / "html" / "reports").rglob("*.err.log")):
        print(f"{report.name}\n{report.read_text(encoding='utf-8')}")
    return False


def main():
    set_environment()
    start = time.perf_counter()
    site_files.write_all(ROOT / "book" / "_static")
    readme_picture.write_pictures()
    cache = Executions(ROOT, BUILD)
    cache.drop_stale()
    last = LastBuild(ROOT, BUILD / "html", BUILD / "last-build.json")
    ran = execute_into_cache(sorted((ROOT / "book").glob("*.ipynb")), cache)
    if not ran and last.holds():
        done = "Nothing changed since the site was built"
    else:
        last.forget()
        if not build_site():
            sys.exit(1)
        last.keep()
        done = f"Built in {time.perf_counter() - start:.0f} s"
    print(
        f"\n{done}. The first page is\n"
        f"  {BUILD / 'html' / 'index.html'}\n"
        "Open it in a browser, or show it at http://127.0.0.1:8000 with: make serve"
    )


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
