"""The exercise "planted-faults": six functions, some of them broken, found by trying.

`LAYERS` are the functions "A" to "F". Read them after you have answered: the point is
to find out what a test must look like in which each fault shows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bnteach.exercises import forward, mutants
from bnteach.exercises.exercise import Exercise
from bnteach.exercises.value_answer import LettersAnswer


def _plain(x, gamma, beta, epsilon):
    return forward.solve(x, gamma, beta, epsilon)[0]


def _affine(x, gamma, beta, epsilon):
    """Right too: one factor and one offset a channel."""
    axes = tuple(range(np.ndim(x) - 1))
    mean = np.mean(x, axes)
    factor = gamma / np.sqrt(np.mean((x - mean) ** 2, axes) + epsilon)
    return factor * (x - mean) + beta


LAYERS: dict[str, Callable] = {
    "A": _affine,
    "B": mutants.adds_epsilon_to_the_root,
    "C": mutants.divides_by_m_minus_one,
    "D": _plain,
    "E": mutants.subtracts_two_large_numbers,
    "F": mutants.forgets_the_positions,
}
RIGHT = frozenset("BCEF")
SOUND = (
    "it is right. Its last digits differ from those of D: the same sum in another "
    "order is rounded otherwise."
)
EXERCISE = Exercise(
    name="planted-faults",
    question="Six functions, some of them broken: name the broken ones by letter.",
    chapter=2,
    minutes=12,
    difficulty="hard",
    stub="""from bnteach.exercises.planted import LAYERS  # "A" to "F"

rng = np.random.default_rng(0)
x = rng.normal(size=(32, 3))  # change it until every fault shows
for letter, layer in LAYERS.items():
    y = layer(x, np.ones(3), np.zeros(3), 1e-3)
    print(letter, y.mean().round(4), y.std().round(4))

broken = {...}  # your turn: letters such as "A"
check("planted-faults", broken)
""",
    hints=(
        "Each fault shows on its own kind of input: a small batch, a tiny variance, a "
        "large mean, more axes. Compare with your own forward pass.",
        "Try x of shape (4, 3), 1e-2 * x, x + 1e4, and x of shape (8, 5, 5, 3), one "
        "after the other. Only two functions agree with each other every time.",
    ),
    answer=LettersAnswer(
        RIGHT,
        {
            "A": SOUND,
            "D": "it is right: it takes the four steps of the algorithm as they are.",
        },
    ),
)
