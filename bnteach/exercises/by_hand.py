"""Exercises with numbers to work out: "four-numbers" and "steps-to-forget"."""

from __future__ import annotations

import math

import numpy as np

from bnteach.exercises.exercise import Exercise
from bnteach.exercises.value_answer import ValueAnswer

NUMBERS = np.array([2.0, 4.0, 6.0, 8.0])
DISTANCES = NUMBERS - NUMBERS.mean()
FOUR_NUMBERS = Exercise(
    name="four-numbers",
    question="Normalize 2, 4, 6, 8 on paper (epsilon 0, gamma 1, beta 0).",
    chapter=2,
    minutes=3,
    difficulty="easy",
    stub="""x_hat = [..., ..., ..., ...]  # your turn, for 2, 4, 6, 8
check("four-numbers", x_hat)
""",
    hints=(
        "The mean is 5. The distances from it are -3, -1, 1 and 3.",
        "The variance is the mean of the squared distances: what is divided by 4?",
    ),
    answer=ValueAnswer(
        right=DISTANCES / NUMBERS.std(),
        tolerance=1e-2,
        slips={
            "unbiased-variance": (
                DISTANCES / NUMBERS.std(ddof=1),
                "You divided by m - 1 to get the variance: normalization divides by m.",
            ),
            "divided-by-variance": (
                DISTANCES / NUMBERS.var(),
                "You divided by the variance: a root is missing.",
            ),
            "not-scaled": (
                DISTANCES,
                "These are the distances from the mean: they are not divided yet.",
            ),
            "not-centered": (
                NUMBERS / NUMBERS.std(),
                "The mean is not subtracted before the division.",
            ),
            "sign": (
                -DISTANCES / NUMBERS.std(),
                "The signs are turned round: the mean is subtracted from each number.",
            ),
            "sum-of-squares": (
                DISTANCES / np.linalg.norm(DISTANCES),
                "You divided by the root of the sum of squares: the variance is their "
                "mean.",
            ),
        },
    ),
)


def steps_to_forget(momentum: float, share: float = 0.01) -> int:
    """Return after how many updates the initial value weighs less than a share."""
    return math.ceil(math.log(share) / math.log(momentum))


STEPS_TO_FORGET = Exercise(
    name="steps-to-forget",
    question="Momentum 0.9: after how many steps does the initial value weigh less "
    "than 1 %?",
    chapter=2,
    minutes=4,
    difficulty="easy",
    stub="""steps = ...  # your turn, for a momentum of 0.9
check("steps-to-forget", steps)
""",
    hints=(
        "Each step multiplies what is left of the initial value by the momentum.",
        "For which whole number t is 0.9 to the power t below 0.01 for the first time?",
    ),
    answer=ValueAnswer(
        right=steps_to_forget(0.9),
        tolerance=1e-6,
        slips={
            "other-momentum": (
                steps_to_forget(0.99),
                "That is the answer for a momentum of 0.99.",
            ),
            "swapped-momentum": (
                steps_to_forget(0.1),
                "You took the momentum for the weight of the new value: then 0.1 would "
                "be left after each step.",
            ),
            "rounded-down": (
                steps_to_forget(0.9) - 1,
                "Just one too few: after so many steps it weighs a little more than "
                "1 %.",
            ),
            "one-too-many": (
                steps_to_forget(0.9) + 1,
                "Just one too many: it weighs less than 1 % before.",
            ),
            "rounded-down/exact": (
                math.log(0.01) / math.log(0.9),
                "There is no such step: which whole number is the first beyond it?",
            ),
            "one-over": (
                10,
                "1 / (1 - momentum) is how many batches the average is about: after so "
                "many steps more than a third of the initial value is left.",
            ),
            "linear": (
                99,
                "What is left shrinks by a factor each step, not by an equal amount.",
            ),
        },
    ),
)
