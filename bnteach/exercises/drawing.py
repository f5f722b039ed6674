"""Draw inputs in which every known mistake shows.

Means lie off 0, spreads and gamma off 1, epsilon is of the size of the variance: then
no mistake can hide behind a small number.
"""

from __future__ import annotations

import numpy as np

# (shape of x, features); one square case for each rank that could be mixed up by it.
SHAPES = (
    ((7, 3), ()),
    ((4, 6), ()),
    ((4, 4), ("square",)),
    ((5, 1), ()),
    ((3, 4, 2), ("more-axes",)),
    ((3, 4, 2, 5), ("more-axes",)),
    ((3, 3, 3, 3), ("more-axes", "square")),
    ((2, 3, 2, 2, 4), ("more-axes",)),
)


def batch(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return values with a mean and a spread of its own in each channel."""
    channels = shape[-1]
    values = rng.normal(size=shape) + 0.3 * rng.exponential(size=shape)
    mean = signs(rng, channels) * rng.uniform(1, 3, channels)
    return mean + rng.uniform(0.4, 0.8, channels) * values


def signs(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return random signs, shape (count,)."""
    return rng.choice([-1.0, 1.0], count)


def scale(rng: np.random.Generator, channels: int) -> np.ndarray:
    """Return a gamma whose values are not near 1, 0 or one another."""
    spread = np.linspace(1.4, 2.4, channels) * rng.uniform(0.95, 1.05, channels)
    return rng.permutation(spread) * signs(rng, channels)


def shift(rng: np.random.Generator, channels: int) -> np.ndarray:
    """Return a beta whose values are not near 0."""
    return signs(rng, channels) * rng.uniform(0.5, 1.5, channels)


def variance(rng: np.random.Generator, channels: int) -> np.ndarray:
    """Return variances that are not near 1."""
    return rng.permutation(np.linspace(0.2, 0.7, channels)) * rng.uniform(0.9, 1.1)


def epsilon(rng: np.random.Generator) -> float:
    """Return an epsilon that is felt."""
    return float(rng.uniform(0.1, 0.5))


def in_float32(arguments: dict) -> dict:
    """Return the arguments with float32 arrays."""
    return {
        name: value.astype(np.float32) if isinstance(value, np.ndarray) else value
        for name, value in arguments.items()
    }
