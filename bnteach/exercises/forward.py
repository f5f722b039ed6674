"""The exercise "batch-norm-forward": Algorithm 1 of Ioffe and Szegedy (2015)."""

from __future__ import annotations

import numpy as np

from bnteach.exercises import compare, drawing
from bnteach.exercises.exercise import Case, Exercise
from bnteach.exercises.function_answer import FunctionAnswer, Property
from bnteach.exercises.moments import AXES, SPREAD, divisor, moments

SCALE = {
    "swapped-gamma-beta": "Gamma and beta are swapped: gamma multiplies, beta is "
    "added.",
    "gamma-ignored": "Gamma makes no difference to your result.",
    "beta-ignored": "Beta makes no difference to your result.",
    "beta-scaled": "Beta is multiplied by gamma: it is added last.",
    "divided-by-gamma": "You divided by gamma: it multiplies.",
    "gamma-beta-ignored": "Neither gamma nor beta makes a difference to your result.",
}
SLIPS = {
    **SPREAD,
    **AXES,
    **SCALE,
    "not-centered": "The mean is not subtracted before the division.",
    "sign": "The distances have the wrong sign: the mean is subtracted from x, not x "
    "from the mean.",
    "not-scaled": "The distances from the mean are not divided by anything.",
    "not-normalized": "x itself is multiplied by gamma and shifted by beta: the "
    "normalization in between is missing.",
    "not-normalized/unchanged": "x comes back as it was.",
    "second-moment": "The variance is taken about 0: it is the mean square distance "
    "from the mean.",
}
LARGE_MEAN = 3000.0
EDGES = {
    "one-pass-variance": "Digits are lost where the mean is large beside the spread, "
    "as in E[x^2] - E[x]^2, where two large numbers cancel. Subtract the mean first, "
    "then square.",
    "constant-channel": "It goes wrong in a channel whose values are all equal: "
    "epsilon is there so that it does not.",
    "batch-of-one": "It goes wrong with a single value per channel. Nothing is left "
    "after the mean is subtracted, and dividing by m still works.",
}


def scale_and_shift(x_hat, gamma, beta, slips):
    """Return gamma * x_hat + beta, or what a mistake makes of it."""
    if "swapped-gamma-beta" in slips:
        gamma, beta = beta, gamma
    if slips & {"gamma-ignored", "gamma-beta-ignored"}:
        gamma = np.ones_like(gamma)
    if slips & {"beta-ignored", "gamma-beta-ignored"}:
        beta = np.zeros_like(beta)
    if "beta-scaled" in slips:
        beta = gamma * beta
    if "divided-by-gamma" in slips:
        gamma = 1 / gamma
    return gamma * x_hat + beta


def solve(x, gamma, beta, epsilon, slips=frozenset()):
    """Return (y,), right or with mistakes."""
    if "not-normalized/unchanged" in slips:
        return (x,)
    mean, variance, _ = moments(x, slips)
    if "second-moment" in slips:
        variance = variance + mean**2
    distance = x if "not-centered" in slips else x - mean
    distance = -distance if "sign" in slips else distance
    spread = 1 if "not-scaled" in slips else divisor(variance, epsilon, slips)
    x_hat = x if "not-normalized" in slips else distance / spread
    return (scale_and_shift(x_hat, gamma, beta, slips),)


def arguments(rng, shape):
    """Return drawn arguments for x of a shape."""
    channels = shape[-1]
    return {
        "x": drawing.batch(rng, shape),
        "gamma": drawing.scale(rng, channels),
        "beta": drawing.shift(rng, channels),
        "epsilon": drawing.epsilon(rng),
    }


def cases(rng):
    """Return drawn cases: 2 to 5 axes, N = C, float32, gamma 1 and beta 0, edges."""
    drawn = [
        Case(arguments(rng, shape), frozenset(features) | {"gamma", "beta"})
        for shape, features in drawing.SHAPES
    ]
    plain = arguments(rng, (6, 2)) | {"gamma": np.ones(2), "beta": np.zeros(2)}
    drawn.append(Case(plain))
    unscaled = arguments(rng, (6, 3)) | {"gamma": np.ones(3)}
    drawn.append(Case(unscaled, frozenset({"beta"})))
    unshifted = arguments(rng, (6, 3)) | {"beta": np.zeros(3)}
    drawn.append(Case(unshifted, frozenset({"gamma"})))
    coarse = drawing.in_float32(arguments(rng, (8, 3)))
    drawn.append(Case(coarse, frozenset({"single", "gamma", "beta"})))
    return drawn + edge_cases(rng)


def edge_cases(rng, arguments=arguments):
    """Return the cases that are judged alone, once the others are right.

    Args:
        rng: draws the values.
        arguments: (rng, shape) -> the arguments of the function that is judged.
    """
    far = arguments(rng, (64, 3))
    far["x"] = LARGE_MEAN + rng.normal(size=(64, 3))
    far["epsilon"] = 1e-3
    flat = arguments(rng, (6, 3))
    flat["x"][:, 1] = flat["x"][0, 1]
    return [
        Case(far, edge="one-pass-variance", condition=LARGE_MEAN),
        Case(drawing.in_float32(far), edge="one-pass-variance", condition=LARGE_MEAN),
        Case(flat, edge="constant-channel"),
        Case(arguments(rng, (1, 4)), edge="batch-of-one"),
    ]


def _rows(arguments, y):
    return y.reshape(-1, y.shape[-1]), arguments["x"].reshape(-1, y.shape[-1])


def _mean_is_beta(arguments, outputs):
    y, _ = _rows(arguments, outputs[0])
    off = np.abs(y.mean(0) - arguments["beta"])
    return float((off / (np.abs(arguments["gamma"]) + 1)).max())


def _spread_is_gamma(arguments, outputs):
    y, x = _rows(arguments, outputs[0])
    variance = x.var(0)
    share = np.sqrt(variance / (variance + arguments["epsilon"]))
    return compare.relative_error(y.std(0), np.abs(arguments["gamma"]) * share)


PROPERTIES = (
    Property(
        "mean",
        "the mean of y over the batch is beta",
        "The mean of y over the batch is not beta",
        _mean_is_beta,
    ),
    Property(
        "spread",
        "the standard deviation of y is that of x over the divisor, times gamma",
        "The standard deviation of y over the batch is not that of x over the root of "
        "variance + epsilon, times gamma",
        _spread_is_gamma,
    ),
)
EXERCISE = Exercise(
    name="batch-norm-forward",
    question="Write the forward pass, for any number of axes.",
    chapter=2,
    minutes=10,
    difficulty="easy",
    stub="""def batch_norm_forward(x, gamma, beta, epsilon):
    ...  # your turn


check("batch-norm-forward", batch_norm_forward)
""",
    hints=(
        "The channels are the last axis. Everything else is reduced: how do you name "
        "all axes but the last, for any number of them?",
        "Four steps: a mean, a variance, a division, and gamma with beta. Which of "
        "them uses epsilon, and before or after the root?",
        "NumPy's `mean` and `var` take a tuple of axes, and `var` divides by m unless "
        "told otherwise. Arrays of shape (C,) meet the last axis by themselves.",
    ),
    answer=FunctionAnswer(
        parameters=("x", "gamma", "beta", "epsilon"),
        outputs=("y",),
        solve=solve,
        slips=SLIPS,
        cases=cases,
        properties=PROPERTIES,
        edges=EDGES,
    ),
)
