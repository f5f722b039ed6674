"""The exercises of chapter 4 that need no model.

"which-use-batch-statistics", "count-weights", "momentum-for-steps" and "renormalize".
"""

from __future__ import annotations

import numpy as np

from bnteach.exercises import drawing
from bnteach.exercises.exercise import Case, Exercise
from bnteach.exercises.function_answer import FunctionAnswer
from bnteach.exercises.value_answer import LettersAnswer, ValueAnswer

CALLS = Exercise(
    name="which-use-batch-statistics",
    question="Which of seven calls normalize by the statistics of the batch?",
    chapter=4,
    minutes=4,
    difficulty="easy",
    stub="""my_calls = {...}  # your turn: letters such as "A"
check("which-use-batch-statistics", my_calls)
""",
    hints=(
        "Ask in the order of the flowchart: frozen? evaluate or predict? fit? Only "
        "then does a training argument count.",
        "An exported model is model(x) without an argument, written to a file.",
    ),
    answer=LettersAnswer(
        frozenset("BCF"),
        {
            "A": "predict says training=False to the whole model, and that overrides "
            "what was fixed at building.",
            "D": "the layer is frozen: then training=True is not asked for at all.",
            "E": "nothing says True, neither the call nor the building: a plain call "
            "is inference.",
            "G": "evaluate runs in inference mode, before fit and after it.",
        },
    ),
)

DENSE = 20 * 8 + 8 * 6 + 6 * 3 + 3  # without biases in the hidden layers
CHANNELS = 8 + 6
COUNT = Exercise(
    name="count-weights",
    question="How many weights has a small network, and how many of them are trained?",
    chapter=4,
    minutes=4,
    difficulty="easy",
    stub="""my_counts = [..., ...]  # your turn: all weights, those that are trained
check("count-weights", my_counts)
""",
    hints=(
        "The kernels have 20 times 8, 8 times 6 and 6 times 3 weights; one layer has "
        "biases.",
        "A batch normalization keeps four numbers a channel. Two of them are changed "
        "by gradients.",
    ),
    answer=ValueAnswer(
        right=[DENSE + 4 * CHANNELS, DENSE + 2 * CHANNELS],
        tolerance=1e-6,
        slips={
            "swapped": (
                [DENSE + 2 * CHANNELS, DENSE + 4 * CHANNELS],
                "All weights come first, then those that are trained.",
            ),
            "hidden-biases": (
                [DENSE + 5 * CHANNELS, DENSE + 3 * CHANNELS],
                "You counted biases in the hidden layers: use_bias=False leaves them "
                "out.",
            ),
            "all-trained": (
                [DENSE + 4 * CHANNELS] * 2,
                "You took all four numbers of a channel for trained: the moving "
                "statistics move, but not by gradients.",
            ),
            "two-a-channel": (
                [DENSE + 2 * CHANNELS] * 2,
                "You counted gamma and beta alone: the layer also keeps two moving "
                "statistics a channel.",
            ),
            "none-trained": (
                [DENSE + 4 * CHANNELS, DENSE],
                "Gamma and beta are trained like any other weight.",
            ),
            "one-normalization": (
                [DENSE + 4 * 8, DENSE + 2 * 8],
                "There are two batch normalizations, of 8 and of 6 channels.",
            ),
            "output-bias": (
                [DENSE - 3 + 4 * CHANNELS, DENSE - 3 + 2 * CHANNELS],
                "The last layer has a bias: nothing normalizes it away.",
            ),
        },
    ),
)


def momentum_for(steps, share, slips=frozenset()):
    """Return (momentum,) of which `share` of the start is left after `steps` steps."""
    if "pytorch" in slips:
        return (1 - share ** (1 / steps),)
    if "linear" in slips:
        return (1 - (1 - share) / steps,)
    if "one-over-steps" in slips:
        return (1 - 1 / steps,)
    if "what-was-learned" in slips:
        return ((1 - share) ** (1 / steps),)
    if "power" in slips:
        return (share**steps,)
    if "divided" in slips:
        return (share / steps,)
    return (share ** (1 / steps),)


def _momentum_cases(rng):
    drawn = [
        (int(rng.integers(4, 13)), float(share))
        for share in rng.permutation([0.01, 0.02, 0.05, 0.1, 0.15, 0.25])
    ]
    return [Case({"steps": steps, "share": share}) for steps, share in drawn]


MOMENTUM = Exercise(
    name="momentum-for-steps",
    question="Which momentum leaves a given share of the start after so many steps?",
    chapter=4,
    minutes=5,
    difficulty="medium",
    stub="""def my_momentum(steps, share): ...  # your turn, in Keras's sense


check("momentum-for-steps", my_momentum)
""",
    hints=(
        "Each step multiplies what is left of the start by the momentum.",
        "momentum ** steps is to be share. Solve for momentum.",
    ),
    answer=FunctionAnswer(
        parameters=("steps", "share"),
        outputs=("momentum",),
        solve=momentum_for,
        slips={
            "pytorch": "This is PyTorch's momentum, the weight of the new value: in "
            "Keras it is one minus that.",
            "linear": "What is left shrinks by a factor each step, not by an equal "
            "amount.",
            "one-over-steps": "With 1 - 1 / steps about a third of the start is left, "
            "whatever share is.",
            "what-was-learned": "share is what is left of the start, not what was "
            "seen since.",
            "power": "You took a power where a root is needed: momentum ** steps is "
            "share, not the other way round.",
            "divided": "share / steps is no weight that gives share after steps: they "
            "multiply, they do not add up.",
        },
        cases=_momentum_cases,
    ),
)


def renormalize(
    x, gamma, beta, renorm_mean, renorm_stddev, epsilon, rmax, dmax, slips=frozenset()
):
    """Return (y,) of batch renormalization in training (Ioffe 2017, Algorithm 1)."""
    ddof = 1 if "unbiased-variance" in slips else 0
    mean, variance = x.mean(0), x.var(0, ddof=ddof)
    std = np.sqrt(variance + epsilon)
    if "epsilon-outside" in slips:
        std = np.sqrt(variance) + epsilon
    r = renorm_stddev / std if "inverted" in slips else std / renorm_stddev
    d = (mean - renorm_mean) / (std if "d-by-batch" in slips else renorm_stddev)
    d = -d if "d-sign" in slips else d
    if "r-unclipped" not in slips:
        r = np.minimum(r, rmax) if "rmin" in slips else np.clip(r, 1 / rmax, rmax)
    if "d-unclipped" not in slips:
        d = np.minimum(d, dmax) if "one-sided" in slips else np.clip(d, -dmax, dmax)
    x_hat = (x - mean) / std
    if "d-forgotten" in slips:
        d = np.zeros_like(d)
    if "r-forgotten" in slips:
        r = np.ones_like(r)
    corrected = (x_hat + d) * r if "order" in slips else x_hat * r + d
    if "moving" in slips:
        corrected = (x - renorm_mean) / renorm_stddev
    return (gamma * corrected + beta,)


def _renorm_case(rng, size, channels):
    """Draw a batch whose r and d meet both of their limits, and neither."""
    x = drawing.batch(rng, (size, channels))
    epsilon, rmax, dmax = drawing.epsilon(rng), 1.5, 0.8
    ratio = np.resize([0.4, 2.5, 0.8], channels) * rng.uniform(0.95, 1.05, channels)
    shift = np.resize([1.6, 0.4, -1.7], channels) * rng.uniform(0.95, 1.05, channels)
    stddev = np.sqrt(x.var(0) + epsilon) / ratio
    return {
        "x": x,
        "gamma": drawing.scale(rng, channels),
        "beta": drawing.shift(rng, channels),
        "renorm_mean": x.mean(0) - shift * stddev,
        "renorm_stddev": stddev,
        "epsilon": epsilon,
        "rmax": rmax,
        "dmax": dmax,
    }


def _renorm_cases(rng):
    sizes = ((4, 3), (3, 5), (4, 4), (2, 3), (6, 6))
    drawn = [
        Case(_renorm_case(rng, *s), frozenset({"square"} if s[0] == s[1] else ()))
        for s in sizes
    ]
    coarse = drawing.in_float32(_renorm_case(rng, 5, 3))
    return [*drawn, Case(coarse, frozenset({"single"}))]


RENORMALIZE = Exercise(
    name="renormalize",
    question="Write the forward pass of batch renormalization.",
    chapter=4,
    minutes=12,
    difficulty="hard",
    stub="""def my_renorm(
    x, gamma, beta, renorm_mean, renorm_stddev, epsilon, rmax, dmax
): ...  # your turn: y, for x of shape (N, C)


check("renormalize", my_renorm)
""",
    hints=(
        "Start with batch normalization: x_hat has the batch's mean and root of "
        "variance plus epsilon.",
        "Without limits x_hat * r + d is (x - renorm_mean) / renorm_stddev. Which r "
        "and d make this true?",
        "r has the limits 1 / rmax and rmax, d has -dmax and dmax. Both are clipped "
        "before they are used.",
    ),
    answer=FunctionAnswer(
        parameters=(
            *("x", "gamma", "beta", "renorm_mean", "renorm_stddev"),
            *("epsilon", "rmax", "dmax"),
        ),
        outputs=("y",),
        solve=renormalize,
        slips={
            "r-forgotten": "r is missing: the spread is that of the batch alone.",
            "d-forgotten": "d is missing: the mean is that of the batch alone.",
            "inverted": "r is upside down: it is the batch's deviation over the "
            "remembered one.",
            "d-by-batch": "d is divided by the batch's deviation: it is measured in "
            "remembered deviations.",
            "d-sign": "d has the wrong sign: it is the batch's mean minus the "
            "remembered one.",
            "order": "d is multiplied by r too: r comes first, then d is added.",
            "r-unclipped": "r is not held between 1 / rmax and rmax.",
            "d-unclipped": "d is not held between -dmax and dmax.",
            "rmin": "r has an upper limit alone: it also stays above 1 / rmax.",
            "one-sided": "d has an upper limit alone: it also stays above -dmax.",
            "moving": "The limits are missing: you normalize by the remembered "
            "statistics alone.",
            "unbiased-variance": "You divided by m - 1: normalization divides by m.",
            "epsilon-outside": "Epsilon is added to the deviation: it belongs under "
            "the root.",
        },
        cases=_renorm_cases,
    ),
)
