"""Exercises that answer: `check` says what is wrong with an answer, by its kind.

    check("batch-norm-forward", my_function)   # shows what was found, and returns it
    hint("batch-norm-forward")                 # one more hint at each call

Here live the exercises of all chapters, how answers are judged, and the wrong answers
that keep the judging sharp (`mutants`). Importing this folder loads no framework: an
answer may return tensors of any of them.
"""

from bnteach.exercises.catalogue import EXERCISES
from bnteach.exercises.checking import check, hint
from bnteach.exercises.result import Result

__all__ = ["EXERCISES", "Result", "check", "hint"]
