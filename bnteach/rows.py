"""See an array of any rank as (M, C), M values for each of C channels, and back.

What batch normalization does to such rows, in blocks that stay in the processor's
cache, and the checks of its arguments. NumPy only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from bnteach.checks import check_axis

BLOCK_VALUES = 2**17  # values in a block of rows: 512 KiB of float32, fits in cache
BLOCK_ROWS = 1024  # longer sums of float32 would round too much
COMPUTE_TYPES = {
    "float16": np.float32,
    "bfloat16": np.float32,  # not NumPy's own, but looks like a NumPy type
    "float32": np.float32,
    "float64": np.float64,
}


def mean_of_some(rows: np.ndarray) -> np.ndarray:
    """Mean of every 16th row, shape (C,), near enough to center by.

    Whatever the data, it lies within four standard deviations of the mean of all
    rows. Distances d to it are thus small, and in E[d**2] - E[d]**2 at most about
    one digit cancels. It is itself found from distances, to the first row.
    """
    some = rows[::16]
    distances = np.subtract(some, some[0], dtype=np.float64)
    return (some[0] + distances.sum(axis=0) / len(some)).astype(rows.dtype)


def sum_of_distances(
    rows: np.ndarray, near_mean: np.ndarray, out: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Sum rows - near_mean, and its squares; leave rows - near_mean in out.

    Args:
        rows: Values, shape (M, C).
        near_mean: What to subtract, shape (C,), in the type of rows.
        out: Where to put the distances, shape (M, C), in the type of rows.

    Returns:
        Both sums, each with shape (C,), float64. A sum of squares beyond the largest
        float64 is NaN.
    """
    total, squares = np.zeros((2, rows.shape[1]))
    with np.errstate(over="ignore"):
        for block in blocks(rows):
            distance = np.subtract(rows[block], near_mean, out=out[block])
            total += sum_rows(distance)
            squares += sum_rows(np.square(distance))
    if np.isfinite(squares).all():
        return total, squares
    if rows.dtype == np.float64:
        return total, np.where(np.isinf(squares), np.nan, squares)
    # The square of a float32 distance above 2e19 is too large for a float32.
    wide = np.empty(rows.shape)
    return sum_of_distances(rows.astype(np.float64), near_mean, out=wide)


def split_mean(mean: np.ndarray, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Split a mean into its value in the type of x and what that leaves over."""
    near_mean = mean.astype(dtype)
    return near_mean, mean - near_mean


def scale_and_shift(rows: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> None:
    """Replace rows, shape (M, C), by rows * scale + shift."""
    scale, shift = scale.astype(rows.dtype), shift.astype(rows.dtype)
    for block in blocks(rows):
        part = rows[block]
        part *= scale
        part += shift


def sum_rows(block: np.ndarray) -> np.ndarray:
    """Sum over rows, shape (C,), as a product with ones.

    The linear algebra behind `dot` is faster than `sum`, and rounds less.
    """
    return np.ones(len(block), block.dtype).dot(block)


def blocks(rows: np.ndarray) -> Iterator[slice]:
    """Yield slices of rows, few at a time: see BLOCK_VALUES and BLOCK_ROWS."""
    count, channels = rows.shape
    step = max(1, min(BLOCK_ROWS, BLOCK_VALUES // max(1, channels)))
    for start in range(0, count, step):
        yield slice(start, start + step)


def per_channel(name: str, values: np.ndarray, channels: int) -> np.ndarray:
    """Check that values holds one number per channel; shape (C,), float64."""
    values = np.asarray(values, np.float64)
    if values.shape != (channels,):
        raise ValueError(
            f"expected {name} with shape ({channels},). "
            f"Received: {name}.shape={values.shape}"
        )
    return values


def to_rows(name: str, x: np.ndarray, axis: int) -> tuple[np.ndarray, int]:
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
    axis = check_axis(axis)
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


def from_rows(
    rows: np.ndarray, shape: tuple[int, ...], dtype: np.dtype, axis: int
) -> np.ndarray:
    """Give (M, C) the shape and the type of the input back."""
    rows = rows.astype(dtype, copy=False)
    if axis == len(shape) - 1:
        return rows.reshape(shape)
    moved = (*shape[:axis], *shape[axis + 1 :], shape[axis])
    return np.moveaxis(rows.reshape(moved), -1, axis)
