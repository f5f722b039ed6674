"""The exercises on statistics and artifacts of chapter 8.

"weight-of-start", "what-recalibration-mends", "pooled-statistics", "padding-value" and
"one-at-a-time".
"""

from __future__ import annotations

import numpy as np

from bnteach.exercises import drawing
from bnteach.exercises.exercise import Case, Exercise
from bnteach.exercises.function_answer import FunctionAnswer
from bnteach.exercises.value_answer import LettersAnswer, ValueAnswer

WEIGHT_OF_START = Exercise(
    name="weight-of-start",
    question="How much do the initial statistics weigh after three short epochs?",
    chapter=8,
    minutes=4,
    difficulty="easy",
    stub="""share = ...  # your turn, from 0 to 1
check("weight-of-start", share)
""",
    hints=(
        "Count the steps first: an epoch has as many steps as it has batches.",
        "Each step multiplies what is left of the start by the momentum.",
    ),
    answer=ValueAnswer(
        right=0.99**60,
        tolerance=1e-2,
        slips={
            "other-momentum": (
                0.9**60,
                "This is the share for a momentum of 0.9: Keras's default is higher.",
            ),
            "epochs": (
                0.99**3,
                "You counted epochs: the moving statistics move at every step.",
            ),
            "examples": (
                0.99**1920,
                "You counted examples: the moving statistics move once a batch.",
            ),
            "one-epoch": (0.99**20, "These are the steps of one epoch out of three."),
            "what-was-learned": (
                1 - 0.99**60,
                "This is the share of what was seen: the question is about the start.",
            ),
            "linear": (
                1 - 0.6,
                "What is left shrinks by a factor each step, not by an equal amount.",
            ),
        },
    ),
)
MENDED = Exercise(
    name="what-recalibration-mends",
    question="Which of six broken models does recalibration alone mend?",
    chapter=8,
    minutes=4,
    difficulty="medium",
    stub="""mended = {...}  # your turn: letters such as "A"
check("what-recalibration-mends", mended)
""",
    hints=(
        "Recalibration writes moving_mean and moving_variance, and nothing else.",
        "Ask of each model: are its other weights good, and are the moving statistics "
        "used when it answers?",
    ),
    answer=LettersAnswer(
        frozenset("ACE"),
        {
            "B": "the kernels were learned from batches of one class: the statistics "
            "of the right data do not fit them.",
            "D": "the moving statistics are not used when it answers, so it does not "
            "matter what they are.",
            "F": "its weights were learned for a layer that does nothing; other "
            "statistics make it another network.",
        },
    ),
)


def pool(means, variances, counts, slips=frozenset()):
    """Return (mean, variance) of all values, right or with mistakes."""
    weights = counts / counts.sum()
    if "equal-weights" in slips:
        weights = np.full(len(counts), 1 / len(counts))
    weights = weights[:, None]  # (K, 1)
    mean = (weights * means).sum(axis=0)
    between = (weights * (means - mean) ** 2).sum(axis=0)
    within = (weights * variances).sum(axis=0)
    if "between-forgotten" in slips:
        between = np.zeros_like(between)
    if "within-forgotten" in slips:
        within = np.zeros_like(within)
    if "bessel" in slips:
        within = (weights * variances * (counts / (counts - 1))[:, None]).sum(axis=0)
    if "bessel-of-all" in slips:
        all_values = counts.sum()
        within, between = (v * all_values / (all_values - 1) for v in (within, between))
    if "standard-deviations" in slips:
        within = (weights * np.sqrt(variances)).sum(axis=0) ** 2
    if "last-batch" in slips:
        mean, within, between = means[-1], variances[-1], 0.0
    variance = within + between
    return (variance, mean) if "swapped-outputs" in slips else (mean, variance)


def _statistics(rng, batches, channels):
    return {
        "means": 2 * rng.normal(size=(batches, channels)),
        "variances": rng.uniform(0.3, 3, (batches, channels)),
        "counts": rng.permutation(np.arange(2.0, 2 + 3 * batches, 3)),
    }


def _pool_cases(rng):
    sizes = ((2, 3), (5, 2), (4, 4), (3, 1), (7, 5))
    drawn = [
        Case(_statistics(rng, *s), frozenset({"square"} if s[0] == s[1] else set()))
        for s in sizes
    ]
    coarse = drawing.in_float32(_statistics(rng, 4, 3))
    return [*drawn, Case(coarse, frozenset({"single"}))]


POOLED = Exercise(
    name="pooled-statistics",
    question="Pool the statistics of batches into those of all their values.",
    chapter=8,
    minutes=10,
    difficulty="medium",
    stub="""def pooled(means, variances, counts):
    ...  # your turn
    # return mean, variance


check("pooled-statistics", pooled)
""",
    hints=(
        "A batch with more values has more to say: weigh each by its count.",
        "The variance of all values is about the mean of all values. A batch that lies "
        "far off adds to it, even if its own values lie close together.",
        "Variance of all = average of the variances + variance of the means, both "
        "weighted.",
    ),
    answer=FunctionAnswer(
        parameters=("means", "variances", "counts"),
        outputs=("mean", "variance"),
        solve=pool,
        slips={
            "equal-weights": "All batches weigh the same: the last one of an epoch is "
            "often smaller. Weigh by counts.",
            "between-forgotten": "The variance is the average of the variances: that "
            "the batches have different means is forgotten.",
            "within-forgotten": "The variance is that of the means alone: the spread "
            "inside the batches is forgotten.",
            "bessel": "The variances are corrected by m / (m - 1): pooled from "
            "variances divided by m, all values together need no correction.",
            "bessel-of-all": "The variance of all values is divided by one less than "
            "their number.",
            "standard-deviations": "You averaged standard deviations: variances add "
            "up, their roots do not.",
            "last-batch": "These are the statistics of the last batch alone.",
            "swapped-outputs": "Mean and variance come back in the other order.",
        },
        cases=_pool_cases,
    ),
)


def padding(gamma, beta, moving_mean, moving_variance, epsilon, slips=frozenset()):
    """Return the input that the layer maps to 0, right or with mistakes."""
    variance = (
        moving_variance if "epsilon-ignored" in slips else (moving_variance + epsilon)
    )
    a = gamma / (variance if "divided-by-variance" in slips else np.sqrt(variance))
    if "shift-itself" in slips:
        return (beta - a * moving_mean,)
    if "sign" in slips:
        return (beta / a - moving_mean,)
    if "mean-only" in slips:
        return (moving_mean,)
    if "beta-only" in slips:
        return (-beta / a,)
    if "multiplied" in slips:
        return (moving_mean - beta * a,)
    return (moving_mean - beta / a,)


def _padding_cases(rng):
    def arguments(channels):
        return {
            "gamma": drawing.scale(rng, channels),
            "beta": drawing.shift(rng, channels),
            "moving_mean": drawing.shift(rng, channels) + 3,
            "moving_variance": drawing.variance(rng, channels) + 1.5,
            "epsilon": drawing.epsilon(rng),
        }

    drawn = [Case(arguments(channels)) for channels in (1, 2, 3, 4, 5, 6)]
    coarse = drawing.in_float32(arguments(3))
    return [*drawn, Case(coarse, frozenset({"single"}))]


PADDING = Exercise(
    name="padding-value",
    question="What must be padded before a normalization, to be 0 after it?",
    chapter=8,
    minutes=6,
    difficulty="medium",
    stub="""def padding_value(gamma, beta, moving_mean, moving_variance, epsilon):
    ...  # your turn: one value a channel


check("padding-value", padding_value)
""",
    hints=(
        "In inference the layer is y = a x + b. For which x is y equal to 0?",
        "x = -b / a. Write a and b out, and simplify.",
    ),
    answer=FunctionAnswer(
        parameters=("gamma", "beta", "moving_mean", "moving_variance", "epsilon"),
        outputs=("value",),
        solve=padding,
        slips={
            "shift-itself": "This is b, what the layer makes of 0: asked for is the x "
            "of which it makes 0.",
            "sign": "The sign is the other way round.",
            "mean-only": "The layer makes beta of the moving mean, not 0.",
            "beta-only": "The moving mean is missing.",
            "multiplied": "beta is multiplied by a: to undo the layer, divide.",
            "epsilon-ignored": "Epsilon makes no difference to your result.",
            "divided-by-variance": "You divided by the variance: a root is missing.",
        },
        cases=_padding_cases,
    ),
)
