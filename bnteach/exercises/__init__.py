"""Exercises that answer: `check` says what is wrong with an answer, by its kind.

    check("batch-norm-forward", my_function)   # shows what was found, and returns it
    hint("batch-norm-forward")                 # one more hint at each call

Here live the exercises of all chapters, how answers are judged, and the wrong answers
that keep the judging sharp (`mutants`). Importing this folder loads no framework: an
answer may return tensors of any of them.

To add an exercise:

1. Write an `exercise.Exercise` in a module of this folder: name, question, chapter,
   minutes, difficulty, the stub that ends in `check(...)`, two or three hints, and the
   kind of its answer: `FunctionAnswer` (with `adapt` for a class), `ValueAnswer` for a
   number or an array, `LettersAnswer`, or your own object with `judge(answer, rng)`.
2. For a function: `solve` gives the right outputs, and with `slips={kind}` those that a
   mistake gives; `slips` says what to tell its author; `cases` draws inputs, in which
   every mistake must be off by more than 2 % (`drawing`); `properties` hold for every
   right answer and are tried where no mistake fits.
3. Name it in `catalogue`, put wrong answers into `mutants`, with the thread or course
   they come from, and right ones, written differently, into the tests.
"""

from bnteach.exercises.catalogue import EXERCISES
from bnteach.exercises.checking import check, hint
from bnteach.exercises.result import Result

__all__ = ["EXERCISES", "Result", "check", "hint"]
