"""Mean and variance of each channel of a batch, whole, masked or spread over devices.

Every statistic is taken of distances to a value near the mean, so that a mean far from
zero costs few digits, and every sum is made of short sums.

Source of the joint statistics: Ioffe and Szegedy (2015), section 3, over more than one
device.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import tensorflow as tf

from bnteach.layers.sums import channel_sums, spread


class BatchStatistics(NamedTuple):
    """What a batch is normalized with.

    Attributes:
        near: A value near the mean, exact in x's type, constant to the gradient,
            shape (C,).
        centered: x - near, shape of x.
        offset: Mean of the centered values, shape (C,).
        variance: Variance divided by the count, shape (C,).
        count: Number of values behind a mean, shape (C,) or ().
    """

    near: tf.Tensor
    centered: tf.Tensor
    offset: tf.Tensor
    variance: tf.Tensor
    count: tf.Tensor

    @property
    def mean(self) -> tf.Tensor:
        """Mean, shape (C,), rounded to x's type."""
        return self.near + self.offset


def batch_statistics(
    x: tf.Tensor,
    axis: int,
    kept: tf.Tensor | None = None,
    synchronized: bool = False,
) -> BatchStatistics:
    """Compute mean, variance and count of each channel.

    The variance is taken of distances to the mean, for which sums travel between
    replicas twice. Sums of squares would travel once, and cancel.

    Args:
        x: Input, float32 or float64, with the C channels on `axis`.
        axis: The axis of the channels, which is kept.
        kept: Boolean, shape of x: which values count. None keeps all.
        synchronized: Whether to join the replicas of the distribution strategy in
            which this runs.

    Returns:
        The statistics. Where no value is kept, offset, variance and count are 0; a
        variance beyond the largest number of x's type is NaN.
    """
    if kept is None:
        count = values_per_channel(x, axis)
    else:
        count = channel_sums(tf.cast(kept, x.dtype), axis)  # (C,)
    near = near_mean(x, axis, kept)  # (C,)
    if synchronized:
        near, count = _agree(near, count)
    centered = x - spread(near, x, axis)

    def mean_of(values: tf.Tensor) -> tf.Tensor:
        if kept is not None:
            values = tf.where(kept, values, 0)
        total = channel_sums(values, axis)
        total = add_replicas(total) if synchronized else total
        return tf.math.divide_no_nan(total, count)

    offset = mean_of(centered)
    fixed = tf.stop_gradient(offset)
    variance = mean_of(tf.square(centered - spread(fixed, x, axis)))
    # This term is 0. With it the derivatives, of every order, are those of a variance
    # around the mean and not around a constant.
    variance -= tf.square(offset - fixed)
    variance = tf.where(tf.abs(variance) < math.inf, variance, math.nan)
    return BatchStatistics(near, centered, offset, variance, count)


def near_mean(x: tf.Tensor, axis: int, kept: tf.Tensor | None = None) -> tf.Tensor:
    """Return a value near the mean, shape (C,), constant to the gradient.

    It is the mean of every 16th example, or of all kept values. Whatever the data, the
    first lies within four standard deviations of the mean of all: distances to it are
    small numbers, in which rounding does little harm. It is itself found from distances
    to one of the values, so that a constant channel gives that constant, exactly.

    Args:
        x: Input, float32 or float64, with the C channels on `axis`.
        axis: The axis of the channels.
        kept: Boolean, shape of x: which values count. None keeps all.
    """
    others = _all_but(axis, x)
    if kept is None:
        some = slice(None, None, 16)
        x = x[
            tuple(some if i == others[0] else slice(None) for i in range(x.shape.rank))
        ]
        count, values = values_per_channel(x, axis), x
    else:
        count = channel_sums(tf.cast(kept, x.dtype), axis)  # (C,)
        values = tf.where(kept, x, -math.inf)
    one = tf.where(count > 0, tf.reduce_max(values, others), 0)  # (C,)
    distances = x - spread(one, x, axis)
    if kept is not None:
        distances = tf.where(kept, distances, 0)
    offset = tf.math.divide_no_nan(channel_sums(distances, axis), count)
    return tf.stop_gradient(one + offset)


def values_per_channel(x: tf.Tensor, axis: int) -> tf.Tensor:
    """Count the values that each channel of x has, as a scalar of x's type."""
    sizes = [x.shape[i] for i in _all_but(axis, x)]
    if None not in sizes:
        return tf.constant(math.prod(sizes), x.dtype)
    sizes = tf.gather(tf.shape(x, tf.int64), _all_but(axis, x))
    return tf.cast(tf.reduce_prod(sizes), x.dtype)


def add_replicas(value: tf.Tensor) -> tf.Tensor:
    """Sum a tensor over all replicas; outside a strategy, return it as it is."""
    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return value
    return replica.all_reduce(tf.distribute.ReduceOp.SUM, value)


def move(moving, batch: tf.Tensor, momentum: float, count: tf.Tensor) -> None:
    """Set moving to moving * momentum + batch * (1 - momentum), where count is above 0.

    Args:
        moving: Average so far, a TensorFlow or Keras variable of shape (C,).
        batch: Statistic of the batch, shape (C,).
        momentum: Weight of the old value, from 0 to 1.
        count: Number of values behind the statistic, shape (C,) or (). A statistic of
            no value leaves the average as it is.
    """
    new = moving * momentum + tf.cast(batch, moving.dtype) * (1 - momentum)
    moving.assign(tf.where(count > 0, new, moving))


def _agree(near: tf.Tensor, count: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the value near the mean that all replicas take, and their joint count.

    It is that of the first replica which has values. A mean of all would be rounded,
    and a constant input would no longer be at distance 0 from it.
    """
    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return near, count
    number = replica.num_replicas_in_sync
    mine = tf.one_hot(replica.replica_id_in_sync_group, number) > 0  # (R,)
    pair = tf.stack([near, tf.broadcast_to(count, tf.shape(near))])  # (2, C)
    slots = tf.where(tf.reshape(mine, [-1, 1, 1]), pair, 0)  # (R, 2, C)
    nears, counts = tf.unstack(add_replicas(slots), axis=1)  # (R, C), (R, C)
    first = tf.argmax(tf.cast(counts > 0, tf.int32), 0)  # (C,)
    chosen = tf.one_hot(first, number, axis=0) > 0  # (R, C)
    return (
        tf.reduce_sum(tf.where(chosen, nears, 0), 0),
        tf.reduce_sum(counts, 0),
    )


def _all_but(axis: int, x: tf.Tensor) -> list[int]:
    """Return the axes of x that are not the channels' axis."""
    return [i for i in range(x.shape.rank) if i != axis % x.shape.rank]
