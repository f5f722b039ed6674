"""What the tests of the NumPy functions share: input, oracles."""

import math

import numpy as np
from hypothesis import strategies as st

from bnteach import batch_norm

BACKWARDS = [batch_norm.batch_norm_backward, batch_norm.batch_norm_backward_graph]


def textbook(x, gamma, beta, epsilon=1e-3, axis=-1):
    """Write the formula out in float64: y, mean and variance."""
    x = np.asarray(x, np.float64)
    others = tuple(i for i in range(x.ndim) if i != axis % x.ndim)
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]
    mean = np.mean(x, axis=others, keepdims=True)
    variance = np.var(x, axis=others, keepdims=True)
    x_hat = (x - mean) / np.sqrt(variance + epsilon)
    y = np.reshape(gamma, shape) * x_hat + np.reshape(beta, shape)
    return y, mean.ravel(), variance.ravel()


def central_differences(function, array, h=1e-5):
    """Slope of a scalar function of array, one entry at a time."""
    slope = np.empty_like(array)
    for index in np.ndindex(array.shape):
        up, down = array.copy(), array.copy()
        up[index] += h
        down[index] -= h
        slope[index] = (function(up) - function(down)) / (2 * h)
    return slope


def relative_error(a, b):
    return np.max(np.abs(a - b)) / np.max(np.abs(a) + np.abs(b))


def draw(shape, axis=-1, seed=0, dtype=np.float64, mean=0.0):
    """Random x, gamma, beta and dy that fit each other."""
    rng = np.random.default_rng(seed)
    channels = shape[axis]
    x = (rng.standard_normal(shape) + mean).astype(dtype)
    gamma, beta = rng.uniform(0.5, 2, channels), rng.standard_normal(channels)
    return x, gamma, beta, rng.standard_normal(shape).astype(dtype)


@st.composite
def shapes_and_axes(draw_, least=1):
    """Shapes of rank 1 to 5 with an axis such that M is at least `least`."""
    shape = draw_(st.lists(st.integers(1, 4), min_size=1, max_size=5))
    axis = draw_(st.integers(-len(shape), len(shape) - 1))
    if math.prod(shape) // shape[axis] < least:
        shape.insert(0, least)
        axis = axis if axis < 0 else axis + 1
    return tuple(shape), axis, draw_(st.integers(0, 2**32 - 1))
