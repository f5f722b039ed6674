"""The exercise "channels-first": images of shape (N, C, H, W)."""

from __future__ import annotations

import math

import numpy as np

from bnteach.exercises import drawing
from bnteach.exercises.exercise import Case, Exercise
from bnteach.exercises.function_answer import FunctionAnswer
from bnteach.exercises.moments import SPREAD, divisor

KINDS = ("divided-by-variance", "epsilon-outside", "epsilon-ignored")
AXES = {
    "channels-last": (0, 1, 2),
    "every-example": (1, 2, 3),
    "positions-only": (2, 3),
    "batch-axis-only": (0,),
    "one-for-all": (0, 1, 2, 3),
}
SLIPS = {
    "broadcast": "The numbers of channel c went to column c of every image: "
    "broadcasting aligns shapes from the right, and (C,) meets the width. Nothing is "
    "raised where C = W.",
    "broadcast/learned": "The statistics are right. But gamma and beta have shape "
    "(C,), and broadcasting gives the value of channel c to column c.",
    "channels-last": "The last axis is kept: here the channels are the second.",
    "every-example": "The statistics are over one example at a time: that is layer "
    "normalization.",
    "positions-only": "The statistics are over the positions alone: that is instance "
    "normalization.",
    "batch-axis-only": "The statistics are over the batch alone: every position has "
    "its own. The positions are reduced too.",
    "one-for-all": "There is one mean for all channels: each has its own.",
    "unbiased-variance": SPREAD["unbiased-variance"],
    **{kind: SPREAD[kind] for kind in KINDS},
}


def solve(x, gamma, beta, epsilon, slips=frozenset()):
    """Return (y,) for x of shape (N, C, H, W), right or with mistakes."""
    axes = (0, 2, 3)
    for kind, wrong in AXES.items():
        axes = wrong if kind in slips else axes
    keep = "broadcast" not in slips
    mean, variance = x.mean(axes, keepdims=keep), x.var(axes, keepdims=keep)
    if "unbiased-variance" in slips:
        count = math.prod(x.shape[axis] for axis in axes)
        variance = variance * count / (count - 1)
    if not slips & {"broadcast", "broadcast/learned"}:
        gamma, beta = (v.reshape(1, -1, 1, 1) for v in (gamma, beta))
    return (gamma * (x - mean) / divisor(variance, epsilon, slips) + beta,)


def cases(rng):
    """Return drawn images; in all but the last there are as many channels as columns.

    There the slip that broadcasting hides raises nothing.
    """
    shapes = ((4, 8, 6, 8), (3, 5, 4, 5), (2, 3, 7, 3), (3, 4, 4, 4), (2, 6, 3, 5))
    return [Case(_arguments(rng, *shape)) for shape in shapes]


def _arguments(rng, size, channels, height, width):
    x = drawing.batch(rng, (size, height, width, channels))
    return {
        "x": np.ascontiguousarray(np.moveaxis(x, -1, 1)),
        "gamma": drawing.scale(rng, channels),
        "beta": drawing.shift(rng, channels),
        "epsilon": drawing.epsilon(rng),
    }


EXERCISE = Exercise(
    name="channels-first",
    question="Mend a forward pass for images of shape (N, C, H, W).",
    chapter=3,
    minutes=8,
    difficulty="medium",
    stub="""def channels_first(x, gamma, beta, epsilon):
    ...  # your turn: x has shape (N, C, H, W)


check("channels-first", channels_first)
""",
    hints=(
        "Look at the mean of each channel of what comes out: it should be beta.",
        "Shapes are aligned from the right: which axis of x does a mean of shape (C,) "
        "meet?",
        "Which shape must the statistics have, so that they meet the second axis? "
        "gamma and beta need it too.",
    ),
    answer=FunctionAnswer(
        parameters=("x", "gamma", "beta", "epsilon"),
        outputs=("y",),
        solve=solve,
        slips=SLIPS,
        cases=cases,
    ),
)
