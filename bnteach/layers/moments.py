"""What the layer needs to know of its input, beyond the plain mean and variance.

The moments of some of the values, or of those of several devices; a value near the
mean; the count behind a mean.
"""

from __future__ import annotations

import tensorflow as tf


def joint_moments(
    x: tf.Tensor, axis: int, mask: tf.Tensor | None, synchronized: bool
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Compute mean, variance and count of each channel.

    The variance is taken of distances to the joint mean, for which sums travel between
    replicas twice. Sums of squares would travel once, and cancel for a large mean.

    Args:
        x: Input, float32 or float64, with the C channels on `axis`.
        axis: The axis of the channels, which is kept.
        mask: Boolean, one axis fewer than x, each of x's size or 1; True keeps a value.
            None keeps all.
        synchronized: Whether to join the replicas of the distribution strategy in
            which this runs.

    Returns:
        mean, variance and count, each with shape (C,); the variance is divided by the
        count. Where no value is kept, all three are 0.
    """
    reduced = _all_but(axis, x)
    kept = tf.ones_like(x, tf.bool)
    if mask is not None:
        kept = tf.logical_and(kept, mask[..., tf.newaxis])  # the shape of x

    def add_up(values: tf.Tensor) -> tf.Tensor:
        zero = tf.zeros([], values.dtype)
        total = tf.reduce_sum(tf.where(kept, values, zero), reduced, keepdims=True)
        return add_replicas(total) if synchronized else total

    count = add_up(tf.ones_like(x))
    mean = tf.math.divide_no_nan(add_up(x), count)
    squares = tf.math.squared_difference(x, mean)
    variance = tf.math.divide_no_nan(add_up(squares), count)
    return tuple(tf.squeeze(value, reduced) for value in (mean, variance, count))


def add_replicas(value: tf.Tensor) -> tf.Tensor:
    """Sum a tensor over all replicas; outside a strategy, return it as it is."""
    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return value
    return replica.all_reduce(tf.distribute.ReduceOp.SUM, value)


def mean_of_some(x: tf.Tensor, axis: int) -> tf.Tensor:
    """Return the mean over every 16th example, shape (C,).

    Whatever the data, it lies within four standard deviations of the mean of all.
    Distances to it are thus small numbers, in which rounding does little harm.
    """
    others = _all_but(axis, x)
    some = slice(None, None, 16)
    index = [some if i == others[0] else slice(None) for i in range(x.shape.rank)]
    return tf.reduce_mean(x[tuple(index)], others)


def values_per_channel(x: tf.Tensor, axis: int) -> tf.Tensor:
    """Count the values that each channel of x has, as a scalar of x's type."""
    return tf.cast(tf.size(x, tf.int64) // x.shape[axis], x.dtype)


def spread(values: tf.Tensor, x: tf.Tensor, axis: int) -> tf.Tensor:
    """Reshape (C,) to (1, ..., C, ..., 1), so that it fits x."""
    shape = [1] * x.shape.rank
    shape[axis] = -1
    return tf.reshape(values, shape)


def _all_but(axis: int, x: tf.Tensor) -> list[int]:
    """Return the axes of x that are not the channels' axis."""
    return [i for i in range(x.shape.rank) if i != axis % x.shape.rank]
