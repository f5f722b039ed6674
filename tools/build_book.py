"""Execute every notebook in the quick profile and build the site from them.

Usage: python tools/build_book.py

Four steps: the files that the site serves itself are copied out of installed packages;
stored executions are dropped when something that they depend on changed; notebooks that
have no stored execution run, cell by cell on the screen; Jupyter Book builds the site
with warnings as errors. No step needs the network.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import nbformat
import notebooks
import vl_convert
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn

ROOT = Path(__file__).resolve().parents[1]
STATIC = ROOT / "book" / "_static"
BUILD = ROOT / "_build"
CACHE = BUILD / ".jupyter_cache"
VEGA_LITE = "6.4"  # the version of the specifications that Altair 6 writes
# What TensorFlow says when it is imported for the API page
NOISE = re.compile(r"^(WARNING: All log messages before|I0000 )")
COMPLAINT = re.compile(r"(^|: )(WARNING|ERROR|CRITICAL): |Error:")
BUNDLE_HEAD = f"// vl-convert {vl_convert.__version__}, Vega-Lite {VEGA_LITE}\n"


def copy_mathjax():
    """Copy the one part of MathJax that the site needs, if it is not there."""
    package = metadata.distribution("sphinx-mathjax-offline")
    source = Path(package.locate_file("sphinx-mathjax-offline/static/mathjax"))
    target = STATIC / "mathjax"
    fonts = Path("output/chtml/fonts/woff-v2")
    if (target / fonts).is_dir():
        return
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    shutil.copy(source / "tex-mml-chtml.js", target)
    shutil.copytree(source / fonts, target / fonts)


def write_vega_bundle():
    """Write the script that draws the interactive figures, if it is not there."""
    target = STATIC / "vega-bundle.js"
    if target.is_file():
        with target.open(encoding="utf-8") as lines:
            if lines.readline() == BUNDLE_HEAD:
                return
    # The bundle is a classic script with thousands of short global names: shut them in.
    bundle = vl_convert.javascript_bundle(vl_version=VEGA_LITE)
    text = f"{BUNDLE_HEAD}(() => {{\n{bundle}\n}})();\n"
    target.write_text(text, encoding="utf-8", newline="\n")


def fingerprint():
    """Return a hash of what a notebook shows depends on, beside its own cells."""
    digest = hashlib.sha256(f"{sys.version} {notebooks.ENVIRONMENT}".encode())
    package = sorted((ROOT / "bnteach").rglob("*.py"))
    package += sorted((ROOT / "bnteach").rglob("*.mplstyle"))
    recorded = sorted((ROOT / "bnteach" / "runs" / "recorded").glob("*.json"))
    for path in [ROOT / "requirements.txt", *package, *recorded]:
        digest.update(path.relative_to(ROOT).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def drop_stale_executions():
    """Delete the stored executions if the package, the lock or a result changed."""
    note = BUILD / "executions-depend-on.sha256"
    now = fingerprint()
    if not note.is_file() or note.read_text() != now:
        shutil.rmtree(CACHE, ignore_errors=True)
        BUILD.mkdir(exist_ok=True)
        note.write_text(now)


def execute_into_cache(paths):
    """Run the notebooks that have no stored execution, and store theirs.

    Raises:
        notebooks.NotebookFailed: if a cell fails; nothing is stored for its notebook.
    """
    cache = get_cache(CACHE)
    with notebooks.progress_bar() as progress:
        for path in paths:
            try:
                cache.match_cache_notebook(nbformat.read(path, as_version=4))
                progress.console.print(f"{path.name}: nothing changed since it was run")
                continue
            except KeyError:
                start = time.perf_counter()
                notebook = notebooks.run(path, progress)
            seconds = time.perf_counter() - start
            progress.console.print(f"{path.name}: run in {seconds:.0f} s")
            bundle = CacheBundleIn(
                notebook, str(path), data={"execution_seconds": seconds}
            )
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


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
    notebooks.set_environment()
    start = time.perf_counter()
    copy_mathjax()
    write_vega_bundle()
    drop_stale_executions()
    try:
        execute_into_cache(sorted((ROOT / "book").glob("*.ipynb")))
    except notebooks.NotebookFailed as error:
        sys.exit(str(error))
    if not build_site():
        sys.exit(1)
    print(
        f"\nBuilt in {time.perf_counter() - start:.0f} s. The first page is\n"
        f"  {BUILD / 'html' / 'index.html'}\n"
        "Open it in a browser, or show it at http://127.0.0.1:8000 with: make serve"
    )


if __name__ == "__main__":
    main()
