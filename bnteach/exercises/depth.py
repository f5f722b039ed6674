"""Exercises on gradients through depth: "factor-per-layer" and "input-gradient"."""

from __future__ import annotations

import numpy as np

from bnteach.exercises import drawing
from bnteach.exercises.exercise import Case, Exercise
from bnteach.exercises.function_answer import FunctionAnswer
from bnteach.exercises.value_answer import ValueAnswer

UNITS = 100
GLOROT = float(np.sqrt(2 / (UNITS + UNITS)))


def _factors(gain, slope=0.25):
    """Return the factors of two standard deviations, and the one of factor 1.

    Args:
        gain: by what a kernel of standard deviation 1 multiplies a length.
        slope: of the sigmoid.
    """
    return [slope * gain * 0.05, slope * gain * GLOROT, 1 / (slope * gain)]


FACTOR_PER_LAYER = Exercise(
    name="factor-per-layer",
    question="By what is a gradient multiplied in one layer of sigmoids?",
    chapter=1,
    minutes=6,
    difficulty="easy",
    stub="""factors = [
    ...,  # your turn: the factor for s = 0.05
    ...,  # the factor for Glorot's s
    ...,  # the s of which the factor is 1
]
check("factor-per-layer", factors)
""",
    hints=(
        "Two things multiply the gradient: the slope of the sigmoid, at most a "
        "quarter, and the kernel.",
        "Each entry of the product is a sum of 100 terms. The standard deviation of a "
        "sum of independent terms grows with the root of their number.",
        "Glorot's variance is 2 / (100 + 100). The factor is 0.25 * s * 10.",
    ),
    answer=ValueAnswer(
        right=_factors(np.sqrt(UNITS)),
        tolerance=1e-2,
        slips={
            "slope-forgotten": (
                _factors(np.sqrt(UNITS), 1.0),
                "These are the factors of the kernel alone: the slope of the sigmoid "
                "is missing.",
            ),
            "root-forgotten": (
                _factors(UNITS),
                "You multiplied by the number of units: independent terms add up to "
                "its root.",
            ),
            "both-sides": (
                _factors(np.sqrt(2 * UNITS)),
                "You counted inputs and outputs: on the way back each entry is a sum "
                "over the outputs alone.",
            ),
            "width-forgotten": (
                _factors(1.0),
                "You multiplied by s itself: each entry of the product is a sum of "
                "100 terms.",
            ),
            "variance": (
                [0.25 * 100 * 0.05**2, 0.25 * 100 * GLOROT**2, np.sqrt(1 / 25)],
                "You multiplied by the variance of the sum: a length goes with its "
                "root.",
            ),
            "ten-layers": (
                [0.125**10, 0.25**10, 0.4],
                "These are the factors of ten layers: asked for is one.",
            ),
        },
    ),
)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _slope(x, slips):
    g = _sigmoid(x)
    if "slope-forgotten" in slips:
        return np.ones_like(x)
    if "sigmoid-for-slope" in slips:
        return g
    if "slope-of-output" in slips:
        return _sigmoid(g) * (1 - _sigmoid(g))
    if "slope-of-input" in slips:
        return x * (1 - x)
    if "tanh-slope" in slips:
        return 1 - np.tanh(x) ** 2
    if "squared" in slips:
        return (g * (1 - g)) ** 2
    return g * (1 - g)


def input_gradient(dh, x, kernel, slips=frozenset()):
    """Return (du,), the gradient for the input of a dense layer with sigmoids."""
    dx = dh * _slope(x, slips)  # (N, C)
    if "not-transposed" in slips:
        return (dx @ kernel,)
    du = dx @ kernel.T  # (N, D)
    return (du / len(du) if "averaged" in slips else du,)


def _input_cases(rng):
    def arguments(examples, inputs, units):
        return {
            "dh": rng.normal(size=(examples, units)),
            "x": rng.uniform(-3, 3, (examples, units)),
            "kernel": drawing.signs(rng, units) * rng.uniform(0.5, 1, (inputs, units)),
        }

    drawn = [
        Case(arguments(*sizes), frozenset({"square"} if sizes[1] == sizes[2] else ()))
        for sizes in ((5, 3, 4), (4, 4, 4), (7, 2, 6), (3, 5, 2), (6, 1, 3), (4, 3, 3))
    ]
    coarse = drawing.in_float32(arguments(5, 4, 3))
    return [*drawn, Case(coarse, frozenset({"single"}))]


INPUT_GRADIENT = Exercise(
    name="input-gradient",
    question="Send a gradient back through a dense layer with sigmoids.",
    chapter=1,
    minutes=10,
    difficulty="medium",
    stub="""def input_gradient(dh, x, kernel):
    ...  # your turn: the gradient for u, where x = u @ kernel and h = g(x)


check("input-gradient", input_gradient)
""",
    hints=(
        "There are two steps, the last one of the forward pass first: from h back to "
        "x, then from x back to u.",
        "A sigmoid acts on each value alone: multiply each entry of dh by the slope at "
        "x, s * (1 - s).",
        "dx has shape (N, C), the kernel (D, C), and du must have (N, D): which "
        "product gives that shape?",
    ),
    answer=FunctionAnswer(
        parameters=("dh", "x", "kernel"),
        outputs=("du",),
        solve=input_gradient,
        slips={
            "slope-forgotten": "The kernel is there; the slope of the sigmoid is "
            "missing.",
            "sigmoid-for-slope": "You multiplied by the sigmoid itself: the gradient "
            "is multiplied by its slope.",
            "slope-of-output": "You took the sigmoid twice: s (1 - s) already has the "
            "slope, if s is the sigmoid of x.",
            "slope-of-input": "x (1 - x) is not the slope: s (1 - s) is, with s the "
            "sigmoid of x.",
            "tanh-slope": "That is the slope of tanh.",
            "squared": "The slope is in it twice.",
            "not-transposed": "The kernel is not transposed: on the way back each "
            "input collects from all units that it feeds.",
            "averaged": "You divided by the number of examples: the loss has done "
            "this, if it is a mean.",
        },
        cases=_input_cases,
    ),
)
