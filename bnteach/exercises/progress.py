"""What is solved here: a small file in the user's data folder, and when it is written.

It is written where a person works: not in a test, not in continuous integration, not
while notebooks are run to build or to check the book.
"""

from __future__ import annotations

import datetime
import json
import os
import sys
from pathlib import Path

from bnteach.files import atomic_path

FILE = "exercises.json"
# What front ends for notebooks set; what runs notebooks without a person does not.
FRONT_ENDS = ("JPY_SESSION_NAME", "VSCODE_PID", "COLAB_RELEASE_TAG")


class ProgressError(OSError):
    """The file of solved exercises cannot be read."""


def path() -> Path:
    """Return where it is kept which exercises are solved."""
    from platformdirs import user_data_path

    return user_data_path("bnteach", appauthor=False) / FILE


def shall_record(record: bool | None) -> bool:
    """Tell whether to note a solved exercise; None asks whether a person works here."""
    return someone_works_here() if record is None else record


def someone_works_here() -> bool:
    """Tell a person's session from a test, a build and a notebook run without one."""
    if os.environ.get("CI") or "PYTEST_CURRENT_TEST" in os.environ:
        return False
    if "pytest" in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return True  # a script or a terminal
    # A front end says which of its cells it runs.
    request = kernel.get_parent() or {}
    named = "cellId" in request.get("metadata", {})
    return named or any(name in os.environ for name in FRONT_ENDS)


def solved() -> dict[str, str]:
    """Return the day, by exercise, on which each was solved here for the first time.

    Raises:
        ProgressError: the file is there and holds something else.
    """
    try:
        noted = json.loads(path().read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(str(error)) from error
    if not isinstance(noted, dict) or not all(
        isinstance(day, str) for day in noted.values()
    ):
        raise _damaged("other content")
    return noted


def note_solved(name: str) -> None:
    """Note an exercise as solved today; one that was keeps its day.

    A file that cannot be read or written is left as it is, and the reader is told:
    the answer is right all the same.
    """
    import filelock

    try:
        place = path()
        place.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(place.with_suffix(".lock"), timeout=5):
            noted = solved()
            if name in noted:
                return
            noted[name] = datetime.date.today().isoformat()
            with atomic_path(place) as temporary:
                temporary.write_text(json.dumps(noted, indent=1) + "\n", "utf-8")
    except (OSError, filelock.Timeout) as error:
        print(f"This could not be noted as solved: {error}")


def reset() -> bool:
    """Forget what was solved; tell whether anything was."""
    place = path()
    there = place.exists()
    place.unlink(missing_ok=True)
    place.with_suffix(".lock").unlink(missing_ok=True)
    return there


def _damaged(reason: str) -> ProgressError:
    return ProgressError(
        f"expected the solved exercises in {path()}. Received: a file that cannot be "
        f"read ({reason}). `bnteach exercises --reset` starts anew."
    )
