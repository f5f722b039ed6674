"""The command line, one module a command: its arguments, and what it does.

Each module has `add_to(commands)`, which adds the command's parser. Frameworks are
imported inside the functions that need them, so that help and errors come at once.
"""

from bnteach.commands import (
    data,
    examine,
    exercises,
    export,
    fold,
    list,
    recalibrate,
    run,
    show,
)

COMMANDS = (list, run, show, data, exercises, examine, recalibrate, fold, export)

__all__ = ["COMMANDS"]
