"""Exercises on variances: "unbiased-variance" and "convolution-moments"."""

from __future__ import annotations

import math

from bnteach.exercises import drawing
from bnteach.exercises.exercise import Case, Exercise
from bnteach.exercises.function_answer import FunctionAnswer


def _unbiased(variance, count, slips=frozenset()):
    """Return (corrected,), right or with mistakes."""
    factor = count / (count - 1)
    if "inverted" in slips:
        factor = 1 / factor
    if "not-corrected" in slips:
        factor = 1
    if "m-plus-one" in slips:
        factor = count / (count + 1)
    if "one-over" in slips:
        factor = 1 / (count - 1)
    if "corrected-root" in slips:
        factor = math.sqrt(factor)
    if "corrected-twice" in slips:
        factor = factor**2
    return (variance * factor,)


def _variance_cases(rng):
    return [
        Case(
            {
                "batch_variance": drawing.variance(rng, channels),
                "count": int(count),
            }
        )
        for channels, count in zip((1, 3, 4, 2, 5, 3), (2, 3, 4, 6, 9, 17), strict=True)
    ]


UNBIASED_VARIANCE = Exercise(
    name="unbiased-variance",
    question="Make an unbiased estimate out of a batch variance over m values.",
    chapter=2,
    minutes=3,
    difficulty="easy",
    stub="""def unbiased_variance(batch_variance, count):
    ...  # your turn


check("unbiased-variance", unbiased_variance)
""",
    hints=(
        "The values lie nearer to their own mean than to the true one: is the batch "
        "variance too small or too large on average?",
        "The batch variance is a sum of squares over m. What should it be over?",
    ),
    answer=FunctionAnswer(
        parameters=("batch_variance", "count"),
        outputs=("variance",),
        solve=_unbiased,
        slips={
            "inverted": "The correction is upside down: the batch variance is too "
            "small on average, so the estimate must be larger.",
            "not-corrected": "The batch variance comes back as it is.",
            "m-plus-one": "You divided by m + 1: the estimate gets smaller still.",
            "one-over": "The batch variance has been divided by m already: multiply by "
            "m first.",
            "corrected-root": "The factor is that of a standard deviation: a variance "
            "gets its square.",
            "corrected-twice": "The correction is applied twice.",
        },
        cases=_variance_cases,
    ),
)


def _moments(x, slips=frozenset()):
    """Return (mean, variance) over all axes but the last, or with mistakes."""
    axes = (0, 1, 2)
    for kind, wrong in (
        ("batch-axis-only", (0,)),
        ("positions-only", (1, 2)),
        ("channels-first", (0, 2, 3)),
        ("every-example", (1, 2, 3)),
        ("wrong-axis", (3,)),
        ("one-for-all", (0, 1, 2, 3)),
    ):
        axes = wrong if kind in slips else axes
    count = math.prod(x.shape[axis] for axis in axes)
    correction = count / (count - 1) if "unbiased-variance" in slips else 1
    spread = x.std(axes) if "root" in slips else x.var(axes) * correction
    mean = x.mean(axes)
    if "averaged-twice" in slips:
        spread = x.var((1, 2)).mean(0)
    return mean, spread


def _image_cases(rng):
    # One in which all lengths are equal: there the shape does not tell the axes apart.
    shapes = ((4, 3, 5, 2), (2, 5, 3, 4), (3, 3, 3, 3), (6, 2, 2, 1), (2, 4, 4, 8))
    return [Case({"x": drawing.batch(rng, shape)}) for shape in shapes]


CONVOLUTION_MOMENTS = Exercise(
    name="convolution-moments",
    question="The mean and the variance of each channel of x, shape (N, H, W, C).",
    chapter=3,
    minutes=4,
    difficulty="easy",
    stub="""def convolution_moments(x):
    ...  # your turn
    # return mean, variance


check("convolution-moments", convolution_moments)
""",
    hints=(
        "One mean for each channel: what shape must it have?",
        "A filter is the same at every position: the positions of an image are a "
        "batch of their own.",
    ),
    answer=FunctionAnswer(
        parameters=("x",),
        outputs=("mean", "variance"),
        solve=_moments,
        slips={
            "batch-axis-only": "The statistics are over the batch alone: every "
            "position has its own. A filter is the same everywhere, so the positions "
            "are reduced too.",
            "positions-only": "The statistics are over the positions alone: every "
            "example has its own, as in instance normalization.",
            "channels-first": "The second axis is kept: the channels are the last.",
            "every-example": "The statistics are over one example at a time: that is "
            "layer normalization.",
            "wrong-axis": "The channels are reduced: they are the axis to keep.",
            "one-for-all": "There is one mean for all channels: each has its own.",
            "unbiased-variance": "You divided by m - 1 to get the variance: "
            "normalization divides by m.",
            "root": "The second output is the standard deviation: the variance is "
            "its square.",
            "averaged-twice": "The variance is an average of variances within the "
            "examples: what their means differ by is lost.",
        },
        cases=_image_cases,
    ),
)
