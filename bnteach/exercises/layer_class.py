"""The exercise "batch-norm-class": a class that keeps moving statistics."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from bnteach.exercises import answers, drawing
from bnteach.exercises.exercise import Case, Exercise
from bnteach.exercises.function_answer import FunctionAnswer
from bnteach.exercises.moments import SPREAD, divisor
from bnteach.exercises.result import Result

KINDS = ("divided-by-variance", "epsilon-outside", "epsilon-ignored", "epsilon-twice")
SLIPS = {
    "never-updated": "The moving statistics never move: after batches in training they "
    "are what they were at the start.",
    "updated-in-inference": "The moving statistics move in inference too: there they "
    "are read and never updated.",
    "swapped-momentum": "The momentum is PyTorch's: there it is the weight of the new "
    "value, in Keras that of the old one.",
    "moving-in-training": "In training the moving statistics are used: there the "
    "statistics are those of the batch.",
    "batch-statistics": "In inference the statistics are those of the batch: there the "
    "moving statistics take their place.",
    "unbiased-moving-variance": "The moving variance takes in the variance over m - 1, "
    "as PyTorch's does: Keras 3 keeps the biased one.",
    "starts-at-zero": "The moving variance starts at 0: it starts at 1.",
    "forgets": "The moving statistics are those of the last batch: nothing of the "
    "batches before is kept.",
    "mean-of-squares": "The moving variance takes in the mean of the squares: it is "
    "the mean square distance from the mean.",
    **{kind: SPREAD[kind] for kind in KINDS},
    "unbiased-variance": SPREAD["unbiased-variance"],
}


def solve(batches, gamma, beta, momentum, epsilon, slips=frozenset()):
    """Return (y_training, y_inference, moving_mean, moving_variance) after batches."""
    channels = len(gamma)
    old = 1 - momentum if "swapped-momentum" in slips else momentum
    old = 1.0 if "never-updated" in slips else old
    old = 0.0 if "forgets" in slips else old
    mean, variance = np.zeros(channels), np.ones(channels)
    if "starts-at-zero" in slips:
        variance = np.zeros(channels)

    def updated(x):
        count = len(x)
        factor = count / (count - 1) if "unbiased-moving-variance" in slips else 1
        new = (x**2).mean(0) if "mean-of-squares" in slips else x.var(0) * factor
        return mean * old + x.mean(0) * (1 - old), variance * old + new * (1 - old)

    def normalized(x, moving):
        used = (mean, variance) if moving else (x.mean(0), x.var(0))
        if not moving and "unbiased-variance" in slips:
            used = (used[0], x.var(0, ddof=1))
        return gamma * (x - used[0]) / divisor(used[1], epsilon, slips) + beta

    for x in batches:
        y_training = normalized(x, "moving-in-training" in slips)
        mean, variance = updated(x)
    for x in batches[:2]:
        y_inference = normalized(x, "batch-statistics" not in slips)
        if "updated-in-inference" in slips:
            mean, variance = updated(x)
    return y_training, y_inference, mean, variance


def driven(answer: Any) -> Callable | Result:
    """Return a function that makes an object of the reader's class and uses it."""
    if not inspect.isclass(answer):
        received = answers.described(answer)
        return Result("shape", "type", f"expected a class. Received: {received}.")

    def drive(batches, gamma, beta, momentum, epsilon):
        layer = answer(len(gamma), momentum, epsilon)
        layer.gamma, layer.beta = gamma.copy(), beta.copy()
        for x in batches:
            y_training = _attempted(layer(x.copy(), training=True))
        for x in batches[:2]:
            y_inference = layer(x.copy(), training=False)
        return y_training, y_inference, layer.moving_mean, layer.moving_variance

    return drive


def _attempted(y):
    if answers.is_placeholder(y):
        raise NotImplementedError
    return y


def cases(rng):
    """Return drawn batches, each (batches, N, C), with what the layer is made with."""
    drawn = []
    for number, size, channels in ((3, 6, 3), (4, 5, 2), (2, 4, 4), (3, 7, 1)):
        given = {
            "batches": np.stack(
                [drawing.batch(rng, (size, channels)) for _ in range(number)]
            ),
            "gamma": drawing.scale(rng, channels),
            "beta": drawing.shift(rng, channels),
            "momentum": float(rng.choice([0.2, 0.3, 0.7, 0.8])),
            "epsilon": drawing.epsilon(rng),
        }
        drawn.append(Case(given))
    return drawn


EXERCISE = Exercise(
    name="batch-norm-class",
    question="Write a class that keeps moving statistics and has two modes.",
    chapter=3,
    minutes=12,
    difficulty="medium",
    stub="""class BatchNormalization:
    # x: (N, C); gamma, beta, moving_mean, moving_variance: (C,)

    def __init__(self, channels, momentum=0.99, epsilon=1e-3):
        ...  # your turn

    def __call__(self, x, training):
        ...  # your turn


check("batch-norm-class", BatchNormalization)
""",
    hints=(
        "Four arrays live in the object. Which two are learned, and which two are "
        "averages that move?",
        "Start from what does nothing: a mean of 0 and a variance of 1, gamma 1, "
        "beta 0.",
        "`training` decides two things: which statistics are used, and whether the "
        "moving ones move.",
    ),
    answer=FunctionAnswer(
        parameters=("batches", "gamma", "beta", "momentum", "epsilon"),
        outputs=("y_training", "y_inference", "moving_mean", "moving_variance"),
        solve=solve,
        slips=SLIPS,
        cases=cases,
        adapt=driven,
    ),
)
