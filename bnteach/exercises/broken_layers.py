"""The exercise "three-broken-layers": which comparison shows which bug.

Three layers stand in the chapter, each with one bug; all of them train. Asked for is
which of six quantities differ from those of a right layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bnteach.exercises import answers
from bnteach.exercises.exercise import Exercise
from bnteach.exercises.result import Result

QUANTITIES = ("y", "dx", "dgamma", "dbeta", "moving_mean", "moving_variance")
RIGHT = {
    "A": frozenset({"moving_mean", "moving_variance"}),
    "B": frozenset({"dx"}),
    "C": frozenset({"y", "dx", "dgamma"}),
}
# What to say where a quantity is missing, and where it is named without reason.
WHY = {
    ("A", "y"): "in training its output uses the batch alone, and that is right.",
    ("A", "moving_mean"): "which of the two weights does the old value get?",
    ("B", "y"): "stopping a gradient changes no value on the way forward.",
    ("B", "dx"): "the variance depends on x: which path back to x is cut?",
    ("B", "dgamma"): "gamma is multiplied by x_hat, and x_hat is right.",
    ("C", "moving_mean"): "the moving statistics are updated as they should be: how "
    "they are used is another matter.",
    ("C", "y"): "which statistics normalize in training?",
    ("C", "dgamma"): "dgamma is a sum of dy times x_hat: is x_hat right?",
    ("C", "dbeta"): "dbeta is the sum of dy, whatever x_hat is.",
}


@dataclass(frozen=True)
class QuantitiesAnswer:
    """For each of several letters, a set of names.

    Attributes:
        right: letter -> the names that belong to it.
        names: all names that there are.
        why: (letter, name) -> what to think of, said of a name that is missing there or
            does not belong there.
    """

    right: Mapping[str, frozenset[str]]
    names: tuple[str, ...]
    why: Mapping[tuple[str, str], str]

    def judge(self, answer: Any, rng: np.random.Generator) -> Result:
        """Return what is wrong with the first letter that is wrong; nothing is drawn.

        A letter whose set is empty or a placeholder is still to come.
        """
        if answers.is_placeholder(answer):
            return answers.not_attempted()
        expected = (
            f"expected a dict with a set of names for each of {', '.join(self.right)}; "
            f"the names are {', '.join(self.names)}"
        )
        if not isinstance(answer, Mapping):
            received = answers.described(answer)
            return Result("shape", "type", f"{expected}. Received: {received}.")
        given = {str(key).strip().upper(): _names(answer[key]) for key in answer}
        unknown = [*(set(given) - set(self.right))]
        for names in given.values():
            unknown += sorted((names or set()) - set(self.names))
        if unknown:
            text = f"{expected}. Received: {', '.join(map(str, unknown))}."
            return Result("shape", "names", text)
        if not any(given.values()):
            return answers.not_attempted()
        return self._judged(given)

    def _judged(self, given: Mapping[str, set[str] | None]) -> Result:
        for letter, right in self.right.items():
            names = given.get(letter)
            if not names:
                continue
            wrong = [n for n in self.names if n in names - right]
            lacking = [n for n in self.names if n in right - names]
            if wrong:
                said = self._said(letter, wrong, f"{letter}: {wrong[0]} is not off.")
                return Result("property", f"not-{letter.lower()}-{wrong[0]}", said)
            if lacking:
                said = self._said(letter, lacking, f"{letter}: something is missing.")
                return Result("property", f"{letter.lower()}-incomplete", said)
        left = [letter for letter in self.right if not given.get(letter)]
        if left:
            said = f"Right so far; still to come: {', '.join(left)}."
            return Result("value", "incomplete", said)
        return Result("right", "", "Each bug shows in these quantities, and no other.")

    def _said(self, letter: str, names: list[str], start: str) -> str:
        reasons = [self.why[letter, n] for n in names if (letter, n) in self.why]
        return f"{start} Think: {reasons[0]}" if reasons else start


def _names(value: Any) -> set[str] | None:
    if answers.is_placeholder(value):
        return None
    if isinstance(value, str):
        value = value.replace(",", " ").split()
    if isinstance(value, Mapping):
        value = list(value)
    if not isinstance(value, (set, frozenset, list, tuple)):
        return {answers.described(value)}
    return {str(name).strip() for name in value}


EXERCISE = Exercise(
    name="three-broken-layers",
    question="Three layers with one bug each: which comparison shows which?",
    chapter=3,
    minutes=12,
    difficulty="medium",
    stub="""# y, dx, dgamma, dbeta, moving_mean, moving_variance
shown_by = {"A": {...}, "B": {...}, "C": {...}}  # your turn
check("three-broken-layers", shown_by)
""",
    hints=(
        "Read each layer for what it does in training: which statistics does it use, "
        "which way back to x is open, and how does it remember?",
        "One bug shows in no output of a training step, one in a single gradient.",
        "dgamma is the sum of dy times x_hat, dbeta the sum of dy. So ask whether "
        "x_hat is right.",
    ),
    answer=QuantitiesAnswer(RIGHT, QUANTITIES, WHY),
)
