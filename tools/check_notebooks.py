"""Run every notebook anew and compare what comes out with what is stored (nbval).

Usage: python tools/check_notebooks.py [OPTION OF PYTEST ...]

As in a build, notebooks run side by side, the longest first, each kernel with its share
of the cores.
"""

import subprocess
import sys
from pathlib import Path

from kernels import CELL_TIMEOUT, kernel_environment, set_environment
from plan import longest_first, read_seconds, shares
from side_by_side import SECONDS

ROOT = Path(__file__).resolve().parents[1]


def command(paths, options=()):
    """Return (the command that checks the notebooks, its environment)."""
    jobs, threads = shares(len(paths))
    nbval = ["--nbval", "--nbval-current-env", f"--nbval-cell-timeout={CELL_TIMEOUT}"]
    # A notebook is one piece of work, and the pieces are taken in the order given.
    side_by_side = ["-n", str(jobs), "--dist=loadfile", "--no-loadscope-reorder"]
    ordered = longest_first(paths, read_seconds(SECONDS))
    pytest = [sys.executable, "-m", "pytest", *side_by_side, *nbval, *options]
    return [*pytest, *map(str, ordered)], kernel_environment(threads)


def main():
    set_environment()
    paths = sorted((ROOT / "book").glob("*.ipynb"))
    pytest, environment = command(paths, sys.argv[1:])
    try:
        sys.exit(subprocess.run(pytest, cwd=ROOT, env=environment).returncode)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
