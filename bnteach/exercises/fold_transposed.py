"""The exercise "three-bugs": a fold into a transposed convolution, to be mended."""

from __future__ import annotations

import numpy as np

from bnteach.exercises import drawing, fold
from bnteach.exercises.exercise import Case, Exercise
from bnteach.exercises.function_answer import FunctionAnswer
from bnteach.exercises.moments import divisor

# The mistakes of a dense layer that are possible here too, with their words.
KINDS = (
    "bias-not-scaled",
    "bias-kept",
    "bias-dropped",
    "beta-dropped",
    "mean-dropped",
    "mean-not-scaled",
    "beta-scaled",
    "epsilon-outside",
    "epsilon-ignored",
    "divided-by-variance",
    "kernel-kept",
)
SLIPS = {
    "kernel-inputs": "The last axis of the kernel is scaled: in a transposed "
    "convolution it is that of the inputs. The channels that come out are the third.",
    **{kind: fold.SLIPS[kind] for kind in KINDS},
}


def broken_fold(kernel, bias, gamma, beta, moving_mean, moving_variance, epsilon):
    """Fold with three bugs; the reader is asked to find them."""
    a = gamma / (np.sqrt(moving_variance) + epsilon)
    return kernel * a, bias + beta - a * moving_mean


def solve(
    kernel,
    bias,
    gamma,
    beta,
    moving_mean,
    moving_variance,
    epsilon,
    slips=frozenset(),
):
    """Return (kernel, bias), right or with mistakes; the kernel is (h, w, out, in)."""
    factor = gamma / divisor(moving_variance, epsilon, slips)
    folded = kernel * (factor if "kernel-inputs" in slips else factor[:, None])
    folded = kernel if "kernel-kept" in slips else folded
    return folded, fold.folded_bias(bias, beta, moving_mean, factor, slips)


def _arguments(rng, channels, inputs):
    given = fold.arguments(rng, inputs, channels)
    return {**given, "kernel": rng.normal(size=(3, 3, channels, inputs))}


def cases(rng):
    """Return drawn cases; as many inputs as outputs, so that no bug raises."""
    sizes = ((3, 3), (4, 4), (2, 2), (5, 5), (3, 3))
    drawn = [Case(_arguments(rng, *size)) for size in sizes]
    coarse = drawing.in_float32(_arguments(rng, 4, 4))
    return [*drawn, Case(coarse, frozenset({"single"}))]


EXERCISE = Exercise(
    name="three-bugs",
    question="Mend a fold into a transposed convolution that has three bugs.",
    chapter=8,
    minutes=10,
    difficulty="hard",
    stub="""# def broken_fold(...):  # kernel: (h, w, out, in)
#     a = gamma / (np.sqrt(moving_variance) + epsilon)
#     return kernel * a, bias + beta - a * moving_mean


def mended_fold(
    kernel, bias, gamma, beta, moving_mean, moving_variance, epsilon
):
    ...  # your turn
    # return kernel, bias


check("three-bugs", mended_fold)
""",
    hints=(
        "One bug is in a, one in the kernel, one in the bias.",
        "What passes through the normalization is multiplied by a: is the old bias?",
        "NumPy lines a up with the last axis. Which axis of a transposed convolution's "
        "kernel holds the channels that come out?",
    ),
    answer=FunctionAnswer(
        parameters=(
            "kernel",
            "bias",
            "gamma",
            "beta",
            "moving_mean",
            "moving_variance",
            "epsilon",
        ),
        outputs=("kernel", "bias"),
        solve=solve,
        slips=SLIPS,
        cases=cases,
    ),
)
