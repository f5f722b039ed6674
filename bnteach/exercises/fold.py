"""The exercise "fold-dense": a dense layer and batch normalization as one layer."""

from __future__ import annotations

import numpy as np

from bnteach.exercises import compare, drawing
from bnteach.exercises.exercise import Case, Exercise
from bnteach.exercises.function_answer import FunctionAnswer, Property
from bnteach.exercises.inference import SPREADS
from bnteach.exercises.moments import SPREAD, divisor

SLIPS = {
    "bias-not-scaled": "The bias of the dense layer is not scaled: it passes through "
    "the normalization like the rest.",
    "bias-kept": "The bias is left as it was: it passes through the normalization too, "
    "and takes the moving mean and beta in.",
    "bias-dropped": "The bias of the dense layer is lost: the folded bias holds what "
    "comes from the mean and beta alone.",
    "beta-dropped": "Beta is missing in the folded bias.",
    "mean-dropped": "The moving mean is missing in the folded bias.",
    "mean-not-scaled": "The moving mean is subtracted without being scaled.",
    "mean-added": "The moving mean is added to the bias: it is subtracted.",
    "beta-scaled": "Beta is scaled like the bias: it is added after the scaling.",
    "bias-zero": "The folded bias is 0: a normalization without its shift is left.",
    "beta-only": "The folded bias is beta alone.",
    "kernel-kept": "The kernel is left as it was: its columns are scaled too.",
    "kernel-rows": "The rows of the kernel are scaled: the channels that come out are "
    "its columns.",
    "swapped-gamma-beta": "Gamma and beta are swapped: gamma multiplies, beta is "
    "added.",
    "gamma-ignored": "Gamma is left out: it multiplies.",
    "divided-by-gamma": "You divided by gamma: it multiplies.",
    **{kind: SPREAD[kind] for kind in SPREADS},
    "swapped-statistics": "The moving mean and the moving variance are swapped.",
    "transposed": "The kernel is transposed: its shape is that of the dense layer, "
    "(inputs, channels).",
    "swapped-outputs": "The kernel and the bias come back in the other order.",
}


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
    """Return (kernel, bias), right or with mistakes."""
    mean, variance = moving_mean, moving_variance
    if "swapped-gamma-beta" in slips:
        gamma, beta = beta, gamma
    if "swapped-statistics" in slips:
        mean, variance = variance, mean
    gamma = np.ones_like(gamma) if "gamma-ignored" in slips else gamma
    gamma = 1 / gamma if "divided-by-gamma" in slips else gamma
    factor = gamma / divisor(variance, epsilon, slips)
    folded = kernel * (factor[:, None] if "kernel-rows" in slips else factor)
    if "kernel-kept" in slips:
        folded = kernel
    if "transposed" in slips:
        folded = folded.T
    new_bias = folded_bias(bias, beta, mean, factor, slips)
    return (new_bias, folded) if "swapped-outputs" in slips else (folded, new_bias)


def folded_bias(bias, beta, mean, factor, slips):
    """Return the new bias, right or with mistakes."""
    if "bias-kept" in slips:
        return bias
    if "bias-zero" in slips:
        return np.zeros_like(bias)
    if "beta-only" in slips:
        return beta
    scaled, shift = bias * factor, mean * factor
    if "bias-not-scaled" in slips:
        scaled = bias
    if "bias-dropped" in slips:
        scaled = np.zeros_like(bias)
    if "mean-dropped" in slips:
        shift = np.zeros_like(bias)
    if "mean-not-scaled" in slips:
        shift = mean
    if "mean-added" in slips:
        shift = -shift
    if "beta-dropped" in slips:
        beta = np.zeros_like(beta)
    if "beta-scaled" in slips:
        beta = beta * factor
    return scaled - shift + beta


def arguments(rng, inputs, channels):
    """Return drawn arguments for a kernel of shape (inputs, channels)."""
    return {
        "kernel": rng.normal(size=(inputs, channels)),
        "bias": 2 * drawing.shift(rng, channels),
        "gamma": drawing.scale(rng, channels),
        "beta": drawing.shift(rng, channels) + 3,
        "moving_mean": drawing.shift(rng, channels) - 3,
        "moving_variance": drawing.variance(rng, channels) + 1.5,
        "epsilon": drawing.epsilon(rng),
    }


def cases(rng):
    """Return drawn cases: wide, narrow, square, one channel, float32."""
    sizes = ((4, 3), (2, 5), (4, 4), (6, 1), (1, 3), (5, 2), (3, 6))
    drawn = [
        Case(
            arguments(rng, *size),
            frozenset({"gamma"} | ({"square"} if size[0] == size[1] else set())),
        )
        for size in sizes
    ]
    drawn.append(Case(arguments(rng, 4, 2) | {"gamma": np.ones(2)}))
    coarse = drawing.in_float32(arguments(rng, 5, 3))
    drawn.append(Case(coarse, frozenset({"single", "gamma"})))
    return drawn


def _outputs_agree(arguments, outputs):
    """What the two layers make of an input of zeros is in the bias alone."""
    kernel, bias = outputs
    values = [np.asarray(value, np.float64) for value in arguments.values()]
    right_kernel, right_bias = solve(*values)
    u = np.eye(len(right_kernel))
    return compare.relative_error(u @ kernel + bias, u @ right_kernel + right_bias)


PROPERTIES = (
    Property(
        "other-function",
        "the folded layer gives what the two layers give",
        "The folded layer does not give what the two layers give",
        _outputs_agree,
    ),
)
EXERCISE = Exercise(
    name="fold-dense",
    question="Fold batch normalization into the dense layer before it.",
    chapter=2,
    minutes=8,
    difficulty="medium",
    stub="""def fold_dense(
    kernel, bias, gamma, beta, moving_mean, moving_variance, epsilon
):
    ...  # your turn
    # return kernel, bias


check("fold-dense", fold_dense)
""",
    hints=(
        "In inference the layer is one straight line per channel, y = a x + b. What "
        "are a and b?",
        "Put x = u @ kernel + bias into that line and collect what stands before u.",
        "Three things end up in the new bias. Which of them are multiplied by a?",
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
        properties=PROPERTIES,
    ),
)
