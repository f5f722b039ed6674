"""How far an answer may be off, by its own type; how far it is off."""

from __future__ import annotations

import numpy as np

from bnteach.exercises.exercise import Case

DOUBLE, SINGLE = 1e-7, 1e-4  # relative; rounding of formulas stays far below
MIXED = 1e-6  # let pass in float64: a step or an argument was rounded to float32
CANCELLED = 3e-4  # let pass in float32: a sum happened to be small beside its terms
NUMERICAL = 1e-3  # finite differences
SLIP = 2e-3  # to be what a named mistake gives; the drawn cases make each one larger
BREACH = 0.05  # of a property; values that are nearer are just off
SMALL = 1e-2  # below it errors count as absolute ones, since a gradient may be 0
# A float32 rounds a value at the mean by 6e-8 of it, and a few such roundings add up;
# E[x^2] - E[x]^2 loses the square of the condition and lies far above.
PER_CONDITION = 40 * float(np.finfo(np.float32).eps)


def limit(case: Case, single: bool, numerical: bool = False) -> float:
    """Return the relative error that a right answer stays below."""
    if numerical:
        return NUMERICAL
    if single:
        return max(CANCELLED, PER_CONDITION * case.condition)
    return MIXED


def relative_error(answer: np.ndarray, right: np.ndarray) -> float:
    """Return the largest error beside the largest value; infinite where it is NaN.

    Where the right values are not finite themselves (those of a named mistake, say),
    the answer has to be so in the same places.
    """
    answer, right = np.asarray(answer, np.float64), np.asarray(right, np.float64)
    if answer.shape != right.shape:
        return np.inf
    finite = np.isfinite(right)
    if not np.array_equal(finite, np.isfinite(answer)):
        return np.inf
    if not finite.any():
        return 0.0
    largest = max(np.abs(right[finite]).max(), SMALL)
    return float(np.abs(answer[finite] - right[finite]).max() / largest)


def digit(value: float) -> str:
    """Write an error with one digit: "2e-2"."""
    mantissa, exponent = f"{value:.0e}".split("e")
    return f"{mantissa}e{int(exponent)}"
