"""The exercise "batch-norm-inference": normalize with moving statistics."""

from __future__ import annotations

import numpy as np

from bnteach.exercises import compare, drawing, forward
from bnteach.exercises.exercise import Case, Exercise
from bnteach.exercises.forward import SCALE, scale_and_shift
from bnteach.exercises.function_answer import FunctionAnswer, Property
from bnteach.exercises.moments import SPREAD, divisor

UPDATED = (
    "updated-in-inference",
    "The function changes {names} in place: in inference the moving statistics are "
    "read and never updated.",
)
SPREADS = (
    "divided-by-variance",
    "divided-by-variance/squared",
    "multiplied-by-root",
    "root-twice",
    "epsilon-outside",
    "epsilon-ignored",
    "epsilon-ignored/none",
    "variance-squared",
    "epsilon-twice",
    "epsilon-squared",
)
SLIPS = {
    "batch-statistics": "The mean and the variance are those of the batch: in "
    "inference the moving statistics take their place, and no example depends on "
    "another.",
    "batch-statistics/mean": "The mean is that of the batch: in inference the moving "
    "mean takes its place.",
    "batch-statistics/variance": "The variance is that of the batch: in inference the "
    "moving variance takes its place.",
    "updated-in-inference": "The moving statistics are updated with the batch before "
    "they are used: in inference they are read and never updated.",
    "updated-in-inference/0.9": "The moving statistics are updated with the batch "
    "before they are used: in inference they are read and never updated.",
    **{kind: SPREAD[kind] for kind in SPREADS},
    **SCALE,
    "unbiased-variance": "The moving variance is corrected by m / (m - 1): in "
    "inference the size of the batch plays no part.",
    "swapped-statistics": "The moving mean and the moving variance are swapped.",
    "not-centered": "The moving mean is not subtracted.",
    "sign": "The distances have the wrong sign: the mean is subtracted from x, not x "
    "from the mean.",
    "not-scaled": "The distances from the mean are not divided by anything.",
    "not-normalized": forward.SLIPS["not-normalized"],
    "not-normalized/unchanged": forward.SLIPS["not-normalized/unchanged"],
    "mean-not-scaled": "The moving mean is subtracted without being scaled: with "
    "y = a x + b it is a part of b, times a.",
    "added-mean": "The moving mean is added: it is subtracted.",
}


def statistics_used(x, mean, variance, slips):
    """Return the mean and the variance that go in, right or with mistakes."""
    axes = tuple(range(x.ndim - 1))
    batch_mean, batch_variance = x.mean(axes), x.var(axes)
    for kind, old in (
        ("updated-in-inference", 0.99),
        ("updated-in-inference/0.9", 0.9),
    ):
        if kind in slips:
            mean = mean * old + batch_mean * (1 - old)
            variance = variance * old + batch_variance * (1 - old)
    if slips & {"batch-statistics", "batch-statistics/mean"}:
        mean = batch_mean
    if slips & {"batch-statistics", "batch-statistics/variance"}:
        variance = batch_variance
    if "swapped-statistics" in slips:
        mean, variance = variance, mean
    if "unbiased-variance" in slips:
        count = x.size // x.shape[-1]
        variance = variance * count / (count - 1)
    if "added-mean" in slips:
        mean = -mean
    return mean, variance


def solve(x, gamma, beta, moving_mean, moving_variance, epsilon, slips=frozenset()):
    """Return (y,), right or with mistakes."""
    if "not-normalized/unchanged" in slips:
        return (x,)
    mean, variance = statistics_used(x, moving_mean, moving_variance, slips)
    distance = x if "not-centered" in slips else x - mean
    distance = -distance if "sign" in slips else distance
    spread = 1 if "not-scaled" in slips else divisor(variance, epsilon, slips)
    x_hat = x if "not-normalized" in slips else distance / spread
    if "mean-not-scaled" in slips:
        return (scale_and_shift(x / spread, gamma, beta - mean, slips),)
    return (scale_and_shift(x_hat, gamma, beta, slips),)


def arguments(rng, shape):
    """Return drawn arguments for x of a shape; the statistics are not those of x."""
    channels = shape[-1]
    given = forward.arguments(rng, shape)
    epsilon = given.pop("epsilon")
    batch_mean = given["x"].mean(tuple(range(len(shape) - 1)))
    mean = batch_mean + 2 * drawing.shift(rng, channels)
    variance = drawing.variance(rng, channels) + 1.5
    return given | {
        "moving_mean": mean,
        "moving_variance": variance,
        "epsilon": epsilon,
    }


def cases(rng):
    """Return drawn cases: 2 to 5 axes, N = C, one example, float32."""
    drawn = [
        Case(arguments(rng, shape), frozenset(features) | {"gamma", "beta"})
        for shape, features in drawing.SHAPES
    ]
    plain = {"gamma": np.ones(2), "beta": np.zeros(2)}
    drawn.append(Case(arguments(rng, (6, 2)) | plain))
    coarse = drawing.in_float32(arguments(rng, (8, 3)))
    drawn.append(Case(coarse, frozenset({"single", "gamma", "beta"})))
    drawn.append(Case(arguments(rng, (1, 3)), edge="batch-of-one"))
    return drawn


def _affine(arguments, outputs):
    """Of two examples the difference of y is that of x times one factor a channel."""
    y, x = outputs[0], np.asarray(arguments["x"], np.float64)
    y, x = (a.reshape(-1, a.shape[-1]) for a in (y, x))
    variance = np.asarray(arguments["moving_variance"], np.float64)
    factor = arguments["gamma"] / np.sqrt(variance + arguments["epsilon"])
    return compare.relative_error(y - y[0], factor * (x - x[0]))


PROPERTIES = (
    Property(
        "slope",
        "y is a straight line in x, the same for every example",
        "The slope of y over x is not gamma over the root of moving_variance + epsilon",
        _affine,
    ),
)
EXERCISE = Exercise(
    name="batch-norm-inference",
    question="Normalize with moving statistics.",
    chapter=2,
    minutes=4,
    difficulty="easy",
    stub="""def batch_norm_inference(
    x, gamma, beta, moving_mean, moving_variance, epsilon
):
    ...  # your turn


check("batch-norm-inference", batch_norm_inference)
""",
    hints=(
        "It is the forward pass with two lines less: which two numbers need not be "
        "computed any more?",
        "The output for one example must be the same alone and in any company.",
    ),
    answer=FunctionAnswer(
        parameters=(
            "x",
            "gamma",
            "beta",
            "moving_mean",
            "moving_variance",
            "epsilon",
        ),
        outputs=("y",),
        solve=solve,
        slips=SLIPS,
        cases=cases,
        properties=PROPERTIES,
        edges={
            "batch-of-one": "It goes wrong for a single example: in inference an "
            "example can come alone."
        },
        alone=(
            "batch-statistics",
            "The output for an example depends on the other examples of the batch: in "
            "inference it must not.",
        ),
        changes_of={"moving_mean": UPDATED, "moving_variance": UPDATED},
    ),
)
