"""Exercises on numbers of chapter 3: two predictions, a variance, a slope."""

from __future__ import annotations

import math

import numpy as np

from bnteach.exercises import drawing
from bnteach.exercises.exercise import Case, Exercise
from bnteach.exercises.function_answer import FunctionAnswer
from bnteach.exercises.value_answer import ValueAnswer


def plateau(classes: int) -> float:
    """Return the loss of yes-or-no questions that are always answered 1 / classes."""
    share = 1 / classes
    return -(share * math.log(share) + (1 - share) * math.log(1 - share))


PLATEAU = Exercise(
    name="plateau-loss",
    question="Where would the loss stop with 100 classes in place of ten?",
    chapter=3,
    minutes=4,
    difficulty="easy",
    stub="""loss = ...  # your turn, for 100 classes
check("plateau-loss", loss)
""",
    hints=(
        "One question in a hundred should be answered yes. What does a network answer "
        "that knows this, and nothing of the image?",
        "Two terms: the share of the yes times minus the logarithm of its probability, "
        "and the same for the no.",
    ),
    answer=ValueAnswer(
        right=plateau(100),
        tolerance=1e-2,
        slips={
            "ten-classes": (plateau(10), "That is the plateau of ten classes."),
            "softmax": (
                math.log(100),
                "That is the loss of one choice among 100, with a softmax. Here there "
                "are 100 yes-or-no questions.",
            ),
            "yes-only": (
                0.01 * math.log(100),
                "The questions that should be answered no are left out.",
            ),
            "no-only": (
                -0.99 * math.log(0.99),
                "The question that should be answered yes is left out.",
            ),
            "one-half": (
                math.log(2),
                "That is the loss of answering one half: the network can do better "
                "without looking at the image.",
            ),
            "summed": (
                100 * plateau(100),
                "You added up the questions of an image: the loss is their mean.",
            ),
            "base-two": (
                plateau(100) / math.log(2),
                "The logarithm is the natural one.",
            ),
        },
    ),
)
MEAN, DEVIATION, NEAR, EPSILON = 5.0, 0.1, 0.5, 1e-3


def late(steps: int, momentum: float) -> float:
    """Return what the layer makes of the channel's mean after `steps` batches."""
    left = momentum**steps
    variance = left + DEVIATION**2 * (1 - left)
    return MEAN * left / math.sqrt(variance + EPSILON)


def steps_until_near(momentum: float) -> int:
    """Return after how many batches the output for the mean is within 0.5."""
    return next(t for t in range(100_000) if late(t, momentum) < NEAR)


LAG = Exercise(
    name="lag-batches",
    question="After how many batches is inference within half a deviation?",
    chapter=3,
    minutes=6,
    difficulty="medium",
    stub="""batches = ...  # your turn, for a momentum of 0.99
check("lag-batches", batches)
""",
    hints=(
        "Let r be the momentum to the power t. What are the moving mean and the moving "
        "variance after t batches? They start at 0 and 1.",
        "The output is 5 r / sqrt(r + 0.01 (1 - r) + 0.001). Try numbers for t, or "
        "solve for r.",
    ),
    answer=ValueAnswer(
        right=steps_until_near(0.99),
        tolerance=4e-3,
        slips={
            "other-momentum": (
                steps_until_near(0.9),
                "That is the answer for a momentum of 0.9.",
            ),
            "mean-alone": (
                math.ceil(math.log(NEAR / MEAN) / math.log(0.99)),
                "By then the moving mean is within 0.5 of the mean. But the distance "
                "is divided by the moving standard deviation, which is small by then.",
            ),
            "right-variance": (
                454,
                "You divided by the true standard deviation: the moving variance "
                "starts at 1 and is still too large, which helps.",
            ),
            "one-percent": (
                459,
                "After so many steps the start weighs 1 %: asked for is an output "
                "within 0.5.",
            ),
        },
    ),
)


def _variance(x, slips=frozenset()):
    variance = x.var(axis=0)
    if "standard-deviation" in slips:
        variance = np.sqrt(variance)
    if "unbiased-variance" in slips:
        variance = variance * len(x) / (len(x) - 1)
    if "second-moment" in slips:
        variance = (x**2).mean(axis=0)
    if "sum-of-squares" in slips:
        variance = variance * len(x)
    if "one-for-all" in slips:
        variance = np.full(x.shape[1], x.var())
    return (variance,)


def _variance_cases(rng):
    def case(mean, count, channels, **more):
        x = drawing.batch(rng, (count, channels)) + mean
        return Case({"x": x.astype(np.float32)}, **more)

    near = [case(0, *size) for size in ((8, 3), (5, 4), (16, 1), (33, 2))]
    far = [
        case(mean, 512, 3, edge="one-pass-variance", condition=2 * mean)
        for mean in (300.0, 3000.0)
    ]
    return near + far


STEADY = Exercise(
    name="steady-variance",
    question="A variance in float32 that survives a large mean.",
    chapter=3,
    minutes=12,
    difficulty="hard",
    stub="""def steady_variance(x):
    ...  # your turn: x is float32, shape (m, C); return shape (C,)


check("steady-variance", steady_variance)
""",
    hints=(
        "A variance does not change when a constant is taken off all values. Which "
        "constant makes the numbers small?",
        "It need not be the mean: any value near the data will do, the first row, "
        "say. Then even the mean of the squares minus the square of the mean is good.",
        "Or read the values one by one, and keep a mean and a sum of squares that are "
        "right so far (Welford 1962).",
    ),
    answer=FunctionAnswer(
        parameters=("x",),
        outputs=("variance",),
        solve=_variance,
        slips={
            "standard-deviation": "This is the standard deviation: the variance is its "
            "square.",
            "unbiased-variance": "You divided by m - 1: normalization divides by m.",
            "second-moment": "The mean of the squares is the variance about 0: "
            "subtract a value near the mean first.",
            "sum-of-squares": "The squares are summed and not averaged.",
            "one-for-all": "There is one variance for all channels: each has its own.",
        },
        cases=_variance_cases,
        edges={
            "one-pass-variance": "It is right for means near 0. With a mean that is "
            "large beside the spread the digits are lost, as in E[x^2] - E[x]^2: two "
            "large numbers are subtracted that agree in nearly all their digits.",
        },
    ),
)
SLOPE = Exercise(
    name="error-slope",
    question="Which power of mean / sd does the one-pass error grow with?",
    chapter=3,
    minutes=10,
    difficulty="medium",
    stub="""slope = ...  # your turn: a whole number
check("error-slope", slope)
""",
    hints=(
        "Measure the relative error of the variance at several ratios, from 10 to "
        "1,000, over many channels: one channel alone may be lucky.",
        "On two logarithmic axes a power is a straight line, and its slope is the "
        "exponent. np.polyfit(np.log(ratios), np.log(errors), 1) fits it.",
    ),
    answer=ValueAnswer(
        right=2,
        tolerance=0.2,
        slips={
            "linear": (
                1,
                "So the rounding of a mean grows. What is subtracted here are squares.",
            ),
            "factor": (
                100,
                "That is what ten times the ratio does to the error: its power of ten "
                "is asked for.",
            ),
        },
    ),
)
