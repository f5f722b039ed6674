"""The four steps of batch normalization, and the ways in which they go wrong.

The forward, the backward and the inference exercise share these mistakes: their kinds
are the same, and what is said of them.
"""

from __future__ import annotations

import math

import numpy as np

AXES = {
    "batch-axis-only": "The statistics are over the first axis alone. Where x has more "
    "than 2 axes, every axis but that of the channels is reduced.",
    "positions-only": "The statistics are taken within each example, over the axes "
    "between the first and the last: the batch is left out of them.",
    "wrong-axis": "The statistics are over the last axis: the channels are the axis to "
    "keep, not the one to reduce. With as many examples as channels nothing raises, "
    "and the values are wrong all the same.",
    "wrong-axis/flat": "The statistics are over the last axis: the channels are the "
    "axis to keep, not the one to reduce. With as many examples as channels nothing "
    "raises, and the values are wrong all the same.",
    "every-example": "The statistics are taken within each example, over all its axes: "
    "that is layer normalization.",
    "first-two-axes": "The statistics are over the first two axes alone. Where x has "
    "more, every axis but that of the channels is reduced.",
    "channels-first": "The second axis is kept as that of the channels: here they are "
    "the last axis.",
    "one-for-all": "One mean and one variance are used for all channels: each channel "
    "has its own.",
}
SPREAD = {
    "divided-by-variance": "You divided by the variance: a root is missing. Then the "
    "units do not cancel, and the result depends on whether x is in metres or "
    "centimetres.",
    "divided-by-variance/squared": "You divided by the square of the variance: what is "
    "wanted is its root.",
    "epsilon-outside": "Epsilon is outside the root: it is added to the variance, "
    "before the root is taken.",
    "multiplied-by-root": "You multiplied by the root: it is what the distances are "
    "divided by.",
    "root-twice": "The root is taken twice: the variance stands under it, not the "
    "standard deviation.",
    "epsilon-ignored": "Epsilon makes no difference to your result: the argument is "
    "not used, or something else is in its place.",
    "epsilon-ignored/none": "Epsilon makes no difference to your result: the argument "
    "is not used, or something else is in its place.",
    "epsilon-twice": "Epsilon is added twice.",
    "variance-squared": "The variance is squared before epsilon is added: it is the "
    "square of the standard deviation already.",
    "epsilon-squared": "Epsilon is squared before it is added: it is a part of the "
    "variance as it stands.",
    "unbiased-variance": "You divided by m - 1 to get the variance: normalization "
    "divides by m, the biased variance.",
    "sum-of-squares": "The squares are summed and not averaged: the variance is their "
    "mean.",
    "absolute-deviation": "The spread is the mean absolute distance: what is wanted is "
    "the root of the mean square.",
}
FIXED_EPSILON = 1e-3  # Keras's default, for an answer that does not use its argument


def reduced_axes(shape: tuple[int, ...], slips: frozenset[str]) -> tuple[int, ...]:
    """Return the axes to take statistics over, right or as a mistake has them."""
    last = len(shape) - 1
    if "batch-axis-only" in slips:
        return (0,)
    if "first-two-axes" in slips:
        return tuple(range(min(2, last)))
    if "positions-only" in slips:
        return tuple(range(1, last))
    if slips & {"wrong-axis", "wrong-axis/flat"}:
        return (last,)
    if "every-example" in slips:
        return tuple(range(1, last + 1))
    if "channels-first" in slips:
        return tuple(axis for axis in range(last + 1) if axis != 1)
    if "one-for-all" in slips:
        return tuple(range(last + 1))
    return tuple(range(last))


def moments(x: np.ndarray, slips: frozenset[str]):
    """Return the mean, the variance and m, as they are or as a mistake has them."""
    axes = reduced_axes(x.shape, slips)
    keep = "wrong-axis/flat" not in slips
    count = math.prod(x.shape[axis] for axis in axes)
    mean = x.mean(axes, keepdims=keep)
    variance = x.var(axes, keepdims=keep)
    if "unbiased-variance" in slips:
        variance = variance * count / (count - 1)
    if "sum-of-squares" in slips:
        variance = variance * count
    if "absolute-deviation" in slips:
        variance = np.abs(x - mean).mean(axes, keepdims=keep) ** 2
    return mean, variance, count


def divisor(variance: np.ndarray, epsilon: float, slips: frozenset[str]) -> np.ndarray:
    """Return the root of variance + epsilon, or what a mistake puts in its place."""
    if "epsilon-ignored" in slips:
        epsilon = min(FIXED_EPSILON, epsilon / 4)
    if "epsilon-ignored/none" in slips:
        epsilon = 0
    if "epsilon-twice" in slips:
        epsilon = 2 * epsilon
    if "epsilon-squared" in slips:
        epsilon = epsilon**2
    if "variance-squared" in slips:
        variance = variance**2
    if "epsilon-outside" in slips:
        return np.sqrt(variance) + epsilon
    if "multiplied-by-root" in slips:
        return 1 / np.sqrt(variance + epsilon)
    if "root-twice" in slips:
        return np.sqrt(np.sqrt(variance) + epsilon)
    if "divided-by-variance" in slips:
        return variance + epsilon
    if "divided-by-variance/squared" in slips:
        return (variance + epsilon) ** 2
    return np.sqrt(variance + epsilon)
