"""Judge a number, an array or a set of letters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bnteach.exercises import answers, compare
from bnteach.exercises.result import Result


@dataclass(frozen=True)
class ValueAnswer:
    """A number, or an array of numbers, worked out by hand or measured.

    Attributes:
        right: what it should be.
        tolerance: relative error that counts as right.
        slips: for each kind of mistake, the value it gives and what to say of it.
    """

    right: Any
    tolerance: float = 1e-3
    slips: Mapping[str, tuple[Any, str]] = field(default_factory=dict)

    def judge(self, answer: Any, rng: np.random.Generator) -> Result:
        """Return what is wrong with a number or an array; nothing is drawn."""
        if answers.is_placeholder(answer):
            return answers.not_attempted()
        right = np.asarray(self.right, np.float64)
        what = f"an array of shape {right.shape}" if right.ndim else "a number"
        if isinstance(answer, (str, bytes)) or callable(answer):
            received = answers.described(answer)
            return Result("shape", "type", f"expected {what}. Received: {received}.")
        try:
            array = answers.to_array(answer, integers=True).astype(np.float64)
        except ValueError as error:
            return Result("shape", "type", f"{error}.")
        if array.squeeze().shape == right.shape:  # one number in a list, a column
            array = array.reshape(right.shape)
        if array.shape != right.shape:
            return Result(
                "shape",
                "shape",
                f"expected {what}. Received: {answers.described(answer)}.",
            )
        return self._compared(array, right)

    def _compared(self, array: np.ndarray, right: np.ndarray) -> Result:
        error = compare.relative_error(array, right)
        if error <= self.tolerance:
            digits = compare.digit(self.tolerance)
            return Result("right", "", f"It agrees, to a relative error of {digits}.")
        for kind, (value, said) in self.slips.items():
            wrong = np.asarray(value, np.float64)
            near = max(self.tolerance, compare.SLIP)
            if compare.relative_error(array, wrong) <= near:
                return Result("property", kind.split("/")[0], said)
        if not np.isfinite(array).all():
            return Result("value", "not-a-number", "It is not a finite number.")
        return Result(
            "value",
            "off",
            f"It is off: relative error {compare.digit(error)}, expected below "
            f"{compare.digit(self.tolerance)}.",
        )


@dataclass(frozen=True)
class LettersAnswer:
    """Some of several letters: which statements hold, which functions are broken.

    Attributes:
        right: the letters to name, in upper case.
        others: what to say of each letter that should not be named.
    """

    right: frozenset[str]
    others: Mapping[str, str]

    def judge(self, answer: Any, rng: np.random.Generator) -> Result:
        """Return what is wrong with letters, given as a set, a list or one text."""
        if answers.is_placeholder(answer):
            return answers.not_attempted()
        letters = _letters(answer)
        allowed = sorted(self.right | set(self.others))
        if letters is None or letters - set(allowed):
            return Result(
                "shape",
                "type",
                f"expected letters out of {', '.join(allowed)}, for example "
                f"{{'{allowed[0]}', '{allowed[-1]}'}}. Received: {_shown(answer)}.",
            )
        if not letters:
            return answers.not_attempted()
        if letters == self.right:
            return Result("right", "", f"{', '.join(sorted(letters))}: these, no more.")
        return self._explained(letters)

    def _explained(self, letters: set[str]) -> Result:
        wrong = sorted(letters - self.right)
        missing = "" if self.right <= letters else " And something is still missing."
        if wrong:
            said = " ".join(f"{letter}: {self.others[letter]}" for letter in wrong)
            return Result("property", f"not-{wrong[0].lower()}", said + missing)
        return Result(
            "value",
            "incomplete",
            "What you named belongs to it, but something is still missing.",
        )


def _letters(answer: Any) -> set[str] | None:
    """Return upper-case letters from a set, a list or a text; None if it is none."""
    if isinstance(answer, np.ndarray):
        answer = answer.ravel().tolist()
    if isinstance(answer, (list, tuple)) and all(isinstance(a, str) for a in answer):
        answer = " ".join(answer)
    if isinstance(answer, str):
        answer = re.findall(r"\w", answer)
    if not isinstance(answer, (set, frozenset, list, tuple)):
        return None
    if not all(isinstance(letter, str) for letter in answer):
        return None
    return {letter.strip().upper() for letter in answer}


def _shown(answer: Any) -> str:
    text = repr(answer)
    return text if len(text) <= 60 else answers.described(answer)
