"""A register of wrong answers, and what they are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Mutant(NamedTuple):
    """A wrong answer.

    Attributes:
        exercise: name of the exercise that it answers.
        kind: what its result must name.
        answer: the wrong function; where the exercise asks for a value, it returns it.
        status: of its result.
    """

    exercise: str
    kind: str
    answer: Callable
    status: str


MUTANTS: list[Mutant] = []


def mutant(exercise: str, kind: str, status: str = "property"):
    """Register a function as a wrong answer to an exercise."""

    def register(function):
        MUTANTS.append(Mutant(exercise, kind, function, status))
        return function

    return register


def axes(x):
    """Return all axes but the last."""
    return tuple(range(x.ndim - 1))


def normalized(x, epsilon):
    """Return x_hat and the standard deviation, as they should be."""
    std = np.sqrt(x.var(axes(x)) + epsilon)
    return (x - x.mean(axes(x))) / std, std
