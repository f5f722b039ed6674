"""The two functions that a reader calls: `check` and `hint`."""

from __future__ import annotations

import zlib
from collections import Counter
from typing import Any

import numpy as np

from bnteach.exercises import catalogue, progress
from bnteach.exercises.result import Result, show, wrapped

# How often each was called: every check draws other numbers, the same in a new kernel.
_checks: Counter[str] = Counter()
_hints: Counter[str] = Counter()


def check(name: str, answer: Any = None, record: bool | None = None) -> Result:
    """Judge an answer, show what was found, and return it.

    The answer is called on drawn inputs that are new at each check. The right answer
    is never shown.

    Args:
        name: of the exercise; ``bnteach exercises`` lists them.
        answer: your function, class, array, number, letters or model.
        record: whether to note a right answer as solved. By default it is noted where
            a person works, and not in a test or while the book is built.

    Returns:
        The `Result`: status "not attempted", "error", "shape", "property", "value" or
        "right", a short kind, and the message that was shown.

    Raises:
        ValueError: there is no exercise of this name.
    """
    exercise = catalogue.get(name)
    seed = (zlib.crc32(name.encode()), _checks[name])
    _checks[name] += 1
    result = exercise.answer.judge(answer, np.random.default_rng(seed))
    show(result)
    if result.status == "right" and progress.shall_record(record):
        progress.note_solved(name)
    return result


def hint(name: str) -> None:
    """Print the next hint for an exercise; after the last one, the first again.

    Args:
        name: of the exercise.

    Raises:
        ValueError: there is no exercise of this name.
    """
    hints = catalogue.get(name).hints
    number = _hints[name] % len(hints)
    _hints[name] += 1
    print(wrapped(f"Hint {number + 1} of {len(hints)}: {hints[number]}"))
