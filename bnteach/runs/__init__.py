"""Run an experiment, share and resume its parts, read and write what was recorded.

Here live the runner, the parts of a run, the form of a recorded run, and the recorded
runs themselves (`recorded/`). What an experiment *is* belongs into `experiments`.
Importing this folder loads no framework, so that commands answer at once.
"""

from bnteach.runs.collection import RunError
from bnteach.runs.results import ResultsError, Run, list_runs, read, search_path, write
from bnteach.runs.runner import run
from bnteach.runs.unfinished import Unfinished, read_unfinished

__all__ = [
    "ResultsError",
    "Run",
    "RunError",
    "Unfinished",
    "list_runs",
    "read",
    "read_unfinished",
    "run",
    "search_path",
    "write",
]
