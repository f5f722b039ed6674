"""The exercise "batch-norm-backward": the gradients through the batch's statistics."""

from __future__ import annotations

import numpy as np

from bnteach.exercises import drawing, forward
from bnteach.exercises.exercise import Case, Exercise
from bnteach.exercises.forward import EDGES
from bnteach.exercises.function_answer import FunctionAnswer, Property
from bnteach.exercises.moments import AXES, SPREAD, divisor, moments

PATHS = {
    "statistics-detached": "The statistics are detached: dx has neither the path "
    "through the mean nor the one through the variance, as if both were constants.",
    "mean-detached": "dx does not sum to 0 over the batch: the gradient through the "
    "mean is missing.",
    "variance-detached": "The gradient through the variance is missing: dx keeps its "
    "part along x_hat.",
    "mean-sign": "The part of dx that comes through the mean has the wrong sign.",
    "variance-sign": "The part of dx that comes through the variance has the wrong "
    "sign.",
    "sums-not-averaged": "The sums in dx are not divided by m: a mean and a variance "
    "are averages, and each value has a share of 1/m in them.",
    "sums-not-averaged/mean": "The sum in dx that comes through the mean is not "
    "divided by m: each value has a share of 1/m in the mean.",
    "factor-two": "The part of dx through the variance is half of what it should be: "
    "the derivative of a square brings a factor of 2.",
    "factor-two/doubled": "The part of dx through the variance is twice what it should "
    "be: the derivative of a root brings a factor of 1/2.",
    "x-for-x-hat": "The part of dx through the variance uses x where it should use "
    "x_hat, the normalized values.",
    "x-for-x-hat/missing": "The part of dx through the variance lacks x_hat: each "
    "value has its own share in it.",
    "share-of-m-minus-one": "The parts of dx are divided by m - 1: a mean and a biased "
    "variance give each value a share of 1/m.",
    "share-of-m-minus-one/variance": "The part of dx through the variance is divided "
    "by m - 1: a biased variance gives each value a share of 1/m.",
    "not-divided": "dx is not divided by the standard deviation.",
    "not-divided/variance": "dx is divided by the variance: its factor is gamma over "
    "the standard deviation.",
    "divided-by-m": "dx is divided by m as a whole.",
    "multiplied-by-m": "dx is m times as large as it should be: a factor of 1/m is "
    "missing.",
}
REST = {
    "gamma-ignored": "Gamma makes no difference to dx.",
    "gamma-ignored/paths": "Gamma is missing in the parts of dx that come through the "
    "mean and the variance.",
    "dgamma-of-x": "dgamma uses x where it should use x_hat, the normalized values.",
    "dgamma-of-distance": "dgamma uses the distances from the mean where it should use "
    "x_hat: they are not divided by the standard deviation.",
    "dgamma-of-y": "dgamma is multiplied by gamma: it uses gamma * x_hat where it "
    "should use x_hat alone.",
    "averaged-dgamma": "dgamma is an average over the batch: gamma is shared by all "
    "values of a channel, and its gradient is their sum.",
    "averaged-dbeta": "dbeta is an average over the batch: beta is shared by all "
    "values of a channel, and its gradient is their sum.",
    "swapped-outputs": "dgamma and dbeta are swapped.",
    "dx-is-dy": "dx is dy: it is passed on as it came, as if nothing were normalized.",
    "dx-is-zero": "dx is 0 everywhere: it is so only for a dy that is the same for all "
    "examples, as it comes from the loss sum(y).",
}
SLIPS = {**PATHS, **REST, **SPREAD, **AXES}


def solve(dy, x, gamma, epsilon, slips=frozenset()):
    """Return (dx, dgamma, dbeta), right or with mistakes."""
    mean, variance, count = moments(x, slips)
    std = divisor(variance, epsilon, slips)
    x_hat = (x - mean) / std
    dgamma, dbeta = parameter_gradients(dy, x, x - mean, x_hat, gamma, slips)
    along = x if "x-for-x-hat" in slips else x_hat
    along = np.ones_like(x) if "x-for-x-hat/missing" in slips else along
    along_mean, along_spread = paths(dy, x_hat, along, count, slips)
    scale = np.ones_like(gamma) if "gamma-ignored" in slips else gamma
    inner = 1 if "gamma-ignored/paths" in slips else scale
    dx = scale * dy - inner * (along_mean + along_spread)
    dx = dx if "not-divided" in slips else dx / std
    if "not-divided/variance" in slips:
        dx = dx / std
    if "divided-by-m" in slips:
        dx = dx / count
    if "multiplied-by-m" in slips:
        dx = dx * count
    if "dx-is-dy" in slips:
        dx = dy
    if "dx-is-zero" in slips:
        dx = np.zeros_like(x)
    return dx, dgamma, dbeta


def paths(dy, x_hat, along, count, slips):
    """Return what dx loses through the mean and through the variance, without gamma."""
    axes = (0,) if "batch-axis-only" in slips else tuple(range(dy.ndim - 1))
    share = 1 if "sums-not-averaged" in slips else count
    share = count - 1 if "share-of-m-minus-one" in slips else share
    fewer = {"unbiased-variance", "share-of-m-minus-one/variance"}
    spread = count - 1 if slips & fewer else share
    along_mean = dy.sum(axes) / (1 if "sums-not-averaged/mean" in slips else share)
    along_spread = along * ((dy * x_hat).sum(axes) / spread)
    if slips & {"mean-detached", "statistics-detached"}:
        along_mean = 0 * along_mean
    if slips & {"variance-detached", "statistics-detached"}:
        along_spread = 0 * along_spread
    if "mean-sign" in slips:
        along_mean = -along_mean
    if "variance-sign" in slips:
        along_spread = -along_spread
    if "factor-two" in slips:
        along_spread = along_spread / 2
    if "factor-two/doubled" in slips:
        along_spread = along_spread * 2
    return along_mean, along_spread


def parameter_gradients(dy, x, distance, x_hat, gamma, slips):
    """Return (dgamma, dbeta), right or with mistakes."""
    axes = (0,) if "batch-axis-only" in slips else tuple(range(dy.ndim - 1))
    count = dy.size // dy.shape[-1]
    factor = x_hat
    if "dgamma-of-x" in slips:
        factor = x
    if "dgamma-of-distance" in slips:
        factor = distance
    if "dgamma-of-y" in slips:
        factor = gamma * x_hat
    dgamma, dbeta = (dy * factor).sum(axes), dy.sum(axes)
    if "averaged-dgamma" in slips:
        dgamma = dgamma / count
    if "averaged-dbeta" in slips:
        dbeta = dbeta / count
    return (dbeta, dgamma) if "swapped-outputs" in slips else (dgamma, dbeta)


def arguments(rng, shape):
    """Return drawn arguments for x of a shape."""
    channels = shape[-1]
    dy = rng.normal(size=shape) + drawing.shift(rng, channels)
    x = drawing.batch(rng, shape)
    # Without a part along x_hat a missing path through the variance would not show.
    dy = dy + drawing.signs(rng, channels) * (x - x.mean(tuple(range(x.ndim - 1))))
    gamma = drawing.scale(rng, channels)
    return {"dy": dy, "x": x, "gamma": gamma, "epsilon": drawing.epsilon(rng)}


def cases(rng):
    """Return drawn cases: 2 to 5 axes, N = C, float32, gamma 1, edges."""
    drawn = [
        Case(arguments(rng, shape), frozenset(features) | {"gamma"})
        for shape, features in drawing.SHAPES
    ]
    drawn.append(Case(arguments(rng, (6, 2)) | {"gamma": np.ones(2)}))
    coarse = drawing.in_float32(arguments(rng, (8, 3)))
    drawn.append(Case(coarse, frozenset({"single", "gamma"})))
    return drawn + [_nearly_centered(c) for c in forward.edge_cases(rng, arguments)]


def _nearly_centered(case):
    """Take most of the mean off dy where x has a large one.

    What rounds the mean moves every x_hat alike, and dgamma by this times the sum of
    dy: a right answer in float32 would be as far off as a wrong one.
    """
    if case.condition > 1:
        case.arguments["dy"] -= 0.9 * case.arguments["dy"].mean(0)
    return case


def _parts(arguments, outputs):
    channels = arguments["gamma"].size
    x = np.asarray(arguments["x"], np.float64).reshape(-1, channels)
    dx = outputs[0].reshape(-1, channels)
    std = np.sqrt(x.var(0) + arguments["epsilon"])
    return dx, (x - x.mean(0)) / std, std


def _dx_sums_to_zero(arguments, outputs):
    dx, _, _ = _parts(arguments, outputs)
    return float(np.max(np.abs(dx.sum(0)) / (np.abs(dx).sum(0) + 1e-12)))


def _dx_along_x_hat(arguments, outputs):
    dx, x_hat, std = _parts(arguments, outputs)
    _, dgamma, _ = solve(*(np.asarray(v, np.float64) for v in arguments.values()))
    left = arguments["epsilon"] / std**2  # what epsilon leaves of the part along x_hat
    expected = arguments["gamma"] / std * dgamma * left
    size = np.abs(dx * x_hat).sum(0) + np.abs(expected) + 1e-12
    return float(np.max(np.abs((dx * x_hat).sum(0) - expected) / size))


PROPERTIES = (
    Property(
        "mean-detached",
        "dx sums to 0 over the batch",
        "dx does not sum to 0 over the batch, as it must, since a shift of all "
        "examples changes nothing: look at the gradient through the mean",
        _dx_sums_to_zero,
    ),
    Property(
        "variance-detached",
        "dx has the part along x_hat that epsilon leaves",
        "The part of dx along x_hat is not what epsilon leaves of it: look at the "
        "gradient through the variance",
        _dx_along_x_hat,
    ),
)
EXERCISE = Exercise(
    name="batch-norm-backward",
    question="Write the backward pass: dx, dgamma and dbeta.",
    chapter=2,
    minutes=20,
    difficulty="hard",
    stub="""def batch_norm_backward(dy, x, gamma, epsilon):
    ...  # your turn
    # return dx, dgamma, dbeta


check("batch-norm-backward", batch_norm_backward)
""",
    hints=(
        "Begin with the two easy ones. Beta is added to every value of its channel, "
        "gamma multiplies every normalized value: what do their gradients sum over?",
        "x reaches y by three ways: directly, through the mean, and through the "
        "variance. The first alone makes a dx that does not sum to 0.",
        "Compare with finite differences: move one entry of x by 1e-5 up and down, "
        "and see how sum(dy * y) changes. The check takes that as an answer too.",
    ),
    answer=FunctionAnswer(
        parameters=("dy", "x", "gamma", "epsilon"),
        outputs=("dx", "dgamma", "dbeta"),
        solve=solve,
        slips=SLIPS,
        cases=cases,
        properties=PROPERTIES,
        edges=EDGES,
        numerical=True,
    ),
)
