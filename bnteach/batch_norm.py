"""Batch normalization in NumPy: training, inference, backward pass, statistics.

Arrays may have any rank. One axis, the last unless told otherwise, holds the
channels; mean and variance are taken over all the others. Inside, every array is
seen as a matrix of shape (M, C): M values for each of C channels, worked on in
blocks of rows that stay in the processor's cache.

Source: Ioffe and Szegedy (2015), Algorithms 1 and 2 and the gradients of section 3.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

BLOCK_VALUES = 2**17  # values in a block of rows: 512 KiB of float32, fits in cache
BLOCK_ROWS = 1024  # longer sums of float32 would round too much
COMPUTE_TYPES = {
    "float16": np.float32,
    "bfloat16": np.float32,  # not NumPy's own, but looks like a NumPy type
    "float32": np.float32,
    "float64": np.float64,
}


class Cache(NamedTuple):
    """What the forward pass keeps for the backward pass.

    Attributes:
        rows: The input seen as (M, C); not a copy where x allows it, so x must not be
            changed before the backward pass.
        gamma: Scale, shape (C,).
        mean: Batch mean, shape (C,), float64.
        variance: Batch variance, shape (C,), float64, divided by M (not M - 1).
        std: Square root of variance + epsilon, shape (C,), float64.
        count: M, the number of values each mean is taken over.
        shape: Shape of the input x.
        dtype: Type of the input x.
        axis: Axis of x that holds the channels, counted from the front.
    """

    rows: np.ndarray
    gamma: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    std: np.ndarray
    count: int
    shape: tuple[int, ...]
    dtype: np.dtype
    axis: int


def batch_norm_train(
    x: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    epsilon: float = 1e-3,
    axis: int = -1,
) -> tuple[np.ndarray, Cache]:
    """Normalize with the statistics of the batch (Algorithm 1 of the paper).

    Per channel: y = gamma * (x - mean) / sqrt(variance + epsilon) + beta. Distances
    to a first estimate of the mean are squared, never x itself, so a large mean
    costs no accuracy.

    Args:
        x: Input of any rank, type float16, bfloat16, float32 or float64. The 16-bit
            types are computed in float32.
        gamma: Scale, shape (C,).
        beta: Shift, shape (C,).
        epsilon: Added to the variance, inside the square root.
        axis: Axis of x that holds the C channels: it is kept, all others are reduced.

    Returns:
        y with the shape and type of x, and the `Cache` for the backward pass.

    Raises:
        TypeError: If x is not of a floating type.
        ValueError: If x is empty, if a length or the axis does not fit, or if
            variance + epsilon is not above zero.
    """
    rows, axis = _to_rows("x", x, axis)  # (M, C)
    count, channels = rows.shape
    if count == 0:
        raise ValueError(
            "expected at least 1 value per channel. "
            f"Received: x.shape={np.shape(x)}, axis={axis}"
        )
    gamma = _per_channel("gamma", gamma, channels)
    beta = _per_channel("beta", beta, channels)

    near_mean = _mean_of_some(rows)  # (C,)
    total, squares = np.zeros((2, channels))
    y = np.empty_like(rows)  # (M, C)
    for block in _blocks(rows):
        distance = np.subtract(rows[block], near_mean, out=y[block])
        total += _sum(distance)
        squares += _sum(np.square(distance))
    offset = total / count  # from near_mean to the mean, so little cancels in
    variance = squares / count - offset**2

    std = _std(variance, epsilon)  # (C,)
    scale = gamma / std
    _scale_and_shift(y, scale, beta - offset * scale)

    mean, like = near_mean + offset, np.asarray(x)
    cache = Cache(rows, gamma, mean, variance, std, count, like.shape, like.dtype, axis)
    return _from_rows(y, cache.shape, cache.dtype, axis), cache


def batch_norm_inference(
    x: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    moving_mean: np.ndarray,
    moving_variance: np.ndarray,
    epsilon: float = 1e-3,
    axis: int = -1,
) -> np.ndarray:
    """Normalize with given statistics (Algorithm 2 of the paper, step 11).

    Per channel y = gamma * (x - moving_mean) / sqrt(moving_variance + epsilon) + beta:
    one affine map, in which no example depends on another.

    Args:
        x: Input of any rank, as in `batch_norm_train`; the batch may be empty.
        gamma: Scale, shape (C,).
        beta: Shift, shape (C,).
        moving_mean: Estimate of the mean, shape (C,).
        moving_variance: Estimate of the variance, shape (C,).
        epsilon: Added to the variance, inside the square root.
        axis: Axis of x that holds the C channels.

    Returns:
        y with the shape and type of x.

    Raises:
        TypeError: If x is not of a floating type.
        ValueError: If a length or the axis does not fit, or if
            moving_variance + epsilon is not above zero.
    """
    rows, axis = _to_rows("x", x, axis)  # (M, C)
    channels = rows.shape[1]
    gamma = _per_channel("gamma", gamma, channels)
    beta = _per_channel("beta", beta, channels)
    mean = _per_channel("moving_mean", moving_mean, channels)
    variance = _per_channel("moving_variance", moving_variance, channels)
    if np.any(variance < 0):
        raise ValueError(
            "expected moving_variance of at least 0 in every channel. "
            f"Received: smallest moving_variance {np.min(variance)}"
        )

    near_mean, offset = _split(mean, rows.dtype)  # (C,), (C,)
    scale = gamma / _std(variance, epsilon)
    y = rows - near_mean  # (M, C)
    _scale_and_shift(y, scale, beta - offset * scale)
    return _from_rows(y, np.shape(x), np.asarray(x).dtype, axis)


def batch_norm_backward(
    dy: np.ndarray, cache: Cache
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of the training mode, in closed form.

    With sums over the M values of a channel: dbeta = sum(dy),
    dgamma = sum(dy * x_hat) and
    dx = gamma / std * (dy - dbeta / M - x_hat * dgamma / M).
    The last line is the chain rule of the paper's section 3, simplified.

    Args:
        dy: Gradient of the loss with respect to y, same shape as x.
        cache: What `batch_norm_train` returned.

    Returns:
        dx with the shape and type of x; dgamma and dbeta, each with shape (C,).

    Raises:
        TypeError: If dy is not of a floating type.
        ValueError: If dy does not have the shape of x.
    """
    dy = _dy_to_rows(dy, cache)  # (M, C)
    rows, gamma, std, count = cache.rows, cache.gamma, cache.std, cache.count

    near_mean, offset = _split(cache.mean, rows.dtype)  # (C,), (C,)
    dbeta, dgamma = np.zeros((2, rows.shape[1]))
    dx = np.empty_like(rows)  # (M, C)
    for block in _blocks(rows):
        distance = np.subtract(rows[block], near_mean, out=dx[block])
        dbeta += _sum(dy[block])
        dgamma += _sum(dy[block] * distance)
    dgamma = (dgamma - dbeta * offset) / std  # x_hat = (distance - offset) / std

    slope = dgamma / (count * std)  # below: slope * (distance - offset) + dbeta / M
    _scale_and_shift(dx, slope, dbeta / count - offset * slope)
    scale = (gamma / std).astype(rows.dtype)
    for block in _blocks(dx):
        part = dx[block]
        np.subtract(dy[block], part, out=part)
        part *= scale
    dgamma, dbeta = dgamma.astype(rows.dtype), dbeta.astype(rows.dtype)
    return _from_rows(dx, cache.shape, cache.dtype, cache.axis), dgamma, dbeta


def batch_norm_backward_graph(
    dy: np.ndarray, cache: Cache
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of the training mode, every node of the computational graph.

    Walks back, node by node, along
    x -> mean -> centered -> squared -> variance -> std -> x_hat -> y.
    For reading: it is the chain rule of the paper's section 3 before simplification,
    slower than `batch_norm_backward` and equal to it.

    Args:
        dy: Gradient of the loss with respect to y, same shape as x.
        cache: What `batch_norm_train` returned.

    Returns:
        dx with the shape and type of x; dgamma and dbeta, each with shape (C,).

    Raises:
        TypeError: If dy is not of a floating type.
        ValueError: If dy does not have the shape of x.
    """
    dy = _dy_to_rows(dy, cache)  # (M, C)
    rows, gamma, count = cache.rows, cache.gamma, cache.count
    near_mean, offset = _split(cache.mean, rows.dtype)  # (C,), (C,)
    std = cache.std.astype(rows.dtype)  # (C,)
    centered = rows - near_mean - offset.astype(rows.dtype)  # (M, C)
    x_hat = centered / std  # (M, C)

    # y = gamma * x_hat + beta
    dbeta = dy.sum(axis=0)  # (C,)
    dgamma = (dy * x_hat).sum(axis=0)  # (C,)
    dx_hat = dy * gamma.astype(rows.dtype)  # (M, C)
    # x_hat = centered / std
    dcentered = dx_hat / std  # (M, C), first of two paths
    dstd = -(dx_hat * centered).sum(axis=0) / std**2  # (C,)
    # std = sqrt(variance + epsilon)
    dvariance = dstd / (2 * std)  # (C,)
    # variance = mean of squared
    dsquared = np.broadcast_to(dvariance / count, rows.shape)  # (M, C)
    # squared = centered**2
    dcentered += dsquared * 2 * centered  # second path
    # centered = x - mean
    dx = dcentered.copy()  # (M, C), first of two paths
    dmean = -dcentered.sum(axis=0)  # (C,)
    # mean = sum of x / M
    dx += dmean / count  # second path
    return _from_rows(dx, cache.shape, cache.dtype, cache.axis), dgamma, dbeta


def update_moving_average(
    moving: np.ndarray, batch: np.ndarray, momentum: float
) -> np.ndarray:
    """Move an average towards the statistic of a batch, in Keras's convention.

    Returns moving * momentum + batch * (1 - momentum). What PyTorch calls momentum is
    the weight of the new value: 1 - momentum here.

    Args:
        moving: Average so far, shape (C,).
        batch: Statistic of the batch, shape (C,).
        momentum: Weight of the old value, from 0 to 1.

    Returns:
        The new average, shape (C,); `moving` is left as it is.

    Raises:
        ValueError: If momentum is outside [0, 1] or the shapes differ.
    """
    moving, batch = np.asarray(moving), np.asarray(batch)
    if not 0 <= momentum <= 1:
        raise ValueError(f"expected momentum from 0 to 1. Received: {momentum=}")
    if moving.shape != batch.shape:
        raise ValueError(
            "expected moving and batch with one shape. "
            f"Received: {moving.shape=}, {batch.shape=}"
        )
    return moving * momentum + batch * (1 - momentum)


def unbiased_variance(batch_variance: np.ndarray, count: int) -> np.ndarray:
    """Correct a batch variance by M / (M - 1) (Algorithm 2 of the paper, step 10).

    Args:
        batch_variance: Variance divided by M, shape (C,).
        count: M, the number of values it was taken over, at least 2.

    Returns:
        The variance divided by M - 1, shape (C,).

    Raises:
        ValueError: If count is below 2.
    """
    if count < 2:
        raise ValueError(f"expected count of at least 2. Received: {count=}")
    return np.asarray(batch_variance) * count / (count - 1)


def _mean_of_some(rows: np.ndarray) -> np.ndarray:
    """Mean of every 16th row, shape (C,), near enough to center by.

    Whatever the data, it lies within four standard deviations of the mean of all
    rows. Distances d to it are thus small, and in E[d**2] - E[d]**2 at most about
    one digit cancels. It is itself found from distances, to the first row.
    """
    some = rows[::16]
    return some[0] + (some - some[0]).sum(axis=0) / len(some)


def _split(mean: np.ndarray, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Split a mean into its value in the type of x and what that leaves over."""
    near_mean = mean.astype(dtype)
    return near_mean, mean - near_mean


def _scale_and_shift(rows: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> None:
    """Replace rows, shape (M, C), by rows * scale + shift."""
    scale, shift = scale.astype(rows.dtype), shift.astype(rows.dtype)
    for block in _blocks(rows):
        part = rows[block]
        part *= scale
        part += shift


def _sum(block: np.ndarray) -> np.ndarray:
    """Sum over rows, shape (C,), as a product with ones.

    The linear algebra behind `dot` is faster than `sum`, and rounds less.
    """
    return np.ones(len(block), block.dtype).dot(block)


def _blocks(rows: np.ndarray) -> Iterator[slice]:
    """Yield slices of rows, few at a time: see BLOCK_VALUES and BLOCK_ROWS."""
    count, channels = rows.shape
    step = max(1, min(BLOCK_ROWS, BLOCK_VALUES // max(1, channels)))
    for start in range(0, count, step):
        yield slice(start, start + step)


def _std(variance: np.ndarray, epsilon: float) -> np.ndarray:
    """Square root of variance + epsilon, shape (C,); the variance is not negative."""
    if epsilon <= 0 and np.any(variance + epsilon <= 0):
        raise ValueError(
            "expected variance + epsilon above 0 in every channel. "
            f"Received: {epsilon=}, smallest variance {np.min(variance)}"
        )
    return np.sqrt(variance + epsilon)


def _per_channel(name: str, values: np.ndarray, channels: int) -> np.ndarray:
    """Check that values holds one number per channel; shape (C,), float64."""
    values = np.asarray(values, np.float64)
    if values.shape != (channels,):
        raise ValueError(
            f"expected {name} with shape ({channels},). "
            f"Received: {name}.shape={values.shape}"
        )
    return values


def _to_rows(name: str, x: np.ndarray, axis: int) -> tuple[np.ndarray, int]:
    """See x as (M, C) in the type to compute in; count the axis from the front."""
    x = np.asarray(x)
    dtype = COMPUTE_TYPES.get(x.dtype.type.__name__)
    if dtype is None:
        raise TypeError(
            f"expected {name} of type {', '.join(COMPUTE_TYPES)}. "
            f"Received: {name}.dtype={x.dtype}"
        )
    if x.ndim == 0:
        raise ValueError(
            f"expected {name} with at least 1 axis. Received: {name}.shape=()"
        )
    if not -x.ndim <= axis < x.ndim:
        raise ValueError(
            f"expected axis from {-x.ndim} to {x.ndim - 1}. "
            f"Received: axis={axis}, {name}.shape={x.shape}"
        )
    axis %= x.ndim
    if axis != x.ndim - 1:
        x = np.moveaxis(x, axis, -1)
    rows = x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
    return np.ascontiguousarray(rows, dtype), axis


def _dy_to_rows(dy: np.ndarray, cache: Cache) -> np.ndarray:
    """See dy as (M, C) in the type of cache.rows."""
    if np.shape(dy) != cache.shape:
        raise ValueError(
            f"expected dy with the shape of x, {cache.shape}. "
            f"Received: dy.shape={np.shape(dy)}"
        )
    dy, _ = _to_rows("dy", dy, cache.axis)
    return dy.astype(cache.rows.dtype, copy=False)


def _from_rows(
    rows: np.ndarray, shape: tuple[int, ...], dtype: np.dtype, axis: int
) -> np.ndarray:
    """Give (M, C) the shape and the type of the input back."""
    rows = rows.astype(dtype, copy=False)
    if axis == len(shape) - 1:
        return rows.reshape(shape)
    moved = (*shape[:axis], *shape[axis + 1 :], shape[axis])
    return np.moveaxis(rows.reshape(moved), -1, axis)
