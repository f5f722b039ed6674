"""Batch normalization from TensorFlow's low-level operations.

Three functions hold the mathematics. The layer below them keeps the weights, knows
the mode, and takes faster or more careful ways to the same numbers.

Source: Ioffe and Szegedy (2015), Algorithms 1 and 2.
"""

from __future__ import annotations

import math

import keras
import tensorflow as tf

from bnteach.checks import check_axis, check_momentum
from bnteach.layers import fused, renorm
from bnteach.layers.base import (
    BatchNormalizationBase,
    check_mask,
    check_rank_and_axis,
)
from bnteach.layers.moments import batch_statistics, move, values_per_channel
from bnteach.layers.sums import spread


def batch_moments(x: tf.Tensor, axis: int = -1) -> tuple[tf.Tensor, tf.Tensor]:
    """Compute mean and variance of each channel (Algorithm 1, first two lines).

    Args:
        x: Input with at least 2 axes. The 16-bit types are computed in float32.
        axis: The axis of the C channels. It is kept, all others are reduced.

    Returns:
        mean and variance, each with shape (C,); the variance is divided by M, the
        number of values of a channel.

    Raises:
        TypeError: If x is not of a floating type.
        ValueError: If x has fewer than 2 axes or the axis is not one of them.
    """
    x, axis = _check(x, axis)
    batch = batch_statistics(x, axis)
    return batch.mean, batch.variance


def batch_normalize(
    x: tf.Tensor,
    mean: tf.Tensor,
    variance: tf.Tensor,
    gamma: tf.Tensor | None,
    beta: tf.Tensor | None,
    epsilon: float = 1e-3,
    axis: int = -1,
) -> tf.Tensor:
    """Compute gamma * (x - mean) / sqrt(variance + epsilon) + beta, channel by channel.

    Args:
        x: Input with at least 2 axes.
        mean: Mean to subtract, shape (C,).
        variance: Variance to divide out, shape (C,).
        gamma: Scale, shape (C,), or None for 1.
        beta: Shift, shape (C,), or None for 0.
        epsilon: Added to the variance, inside the square root.
        axis: The axis of the C channels.

    Returns:
        y with the shape of x, and its type unless that has 16 bits: then float32.

    Raises:
        TypeError: If x is not of a floating type.
        ValueError: If x has fewer than 2 axes or the axis is not one of them.
    """
    x, axis = _check(x, axis)
    shape = [-1 if i == axis else 1 for i in range(x.shape.rank)]  # (1, ..., C, ..., 1)
    mean, variance = tf.reshape(mean, shape), tf.reshape(variance, shape)
    gamma = None if gamma is None else tf.reshape(gamma, shape)
    beta = None if beta is None else tf.reshape(beta, shape)
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon)


def update_moving_average(
    moving: tf.Variable, batch: tf.Tensor, momentum: float
) -> None:
    """Set moving to moving * momentum + batch * (1 - momentum).

    Args:
        moving: Average so far, a TensorFlow or Keras variable of shape (C,).
        batch: Statistic of the batch, shape (C,).
        momentum: Weight of the old value, from 0 to 1. What PyTorch calls momentum is
            the weight of the new one: 1 - momentum here.

    Raises:
        ValueError: If momentum is not a number from 0 to 1.
    """
    move(moving, batch, check_momentum(momentum), count=1)


def _check(x: tf.Tensor, axis: int) -> tuple[tf.Tensor, int]:
    """Return x as a tensor of at least 32 bits, and the axis counted from the front."""
    x = tf.convert_to_tensor(x)
    if not x.dtype.is_floating:
        raise TypeError(
            "expected x of a floating type, in which a mean is not cut to an integer. "
            f"Received: x.dtype={x.dtype.name}"
        )
    check_rank_and_axis("x", x.shape.as_list(), check_axis(axis))
    if x.dtype in (tf.float16, tf.bfloat16):
        x = tf.cast(x, tf.float32)
    return x, int(axis) % x.shape.rank


@keras.saving.register_keras_serializable(package="bnteach")
class BatchNormalization(BatchNormalizationBase):
    """Batch normalization, in place of `keras.layers.BatchNormalization`.

    In training (`training=True`, as in `fit`) each channel is normalized with the
    mean and variance of the batch, and the moving statistics take a step towards
    them. In inference, and always while `trainable` is False, the moving statistics
    normalize, and nothing is changed.

    Weights, each of shape (C,): gamma and beta (trainable), moving_mean and
    moving_variance (not), in Keras's order and under its names, so that `set_weights`
    and saved weights fit both layers. Statistics are computed and kept in float32 or
    better, whatever the layer's dtype, from distances to a value near the mean and in
    short sums. Measured against float64 on the same float32 input, with means of 0 to
    1e5 standard deviations and up to a million values a channel: output within 4e-5 of
    the largest output and variance within 8e-5 of itself with the fused kernel, 1e-6
    and 1e-6 without. A batch without values changes no statistic; a variance too large
    for float32 gives NaN.

    Args:
        axis: The axis of the channels, which is kept; all others are reduced.
        momentum: Weight of the old value in the moving averages, from 0 to 1. PyTorch
            calls 1 - momentum by this name.
        epsilon: Added to the variance, inside the square root.
        center: Whether there is a beta.
        scale: Whether there is a gamma.
        beta_initializer: Initializer of beta.
        gamma_initializer: Initializer of gamma.
        moving_mean_initializer: Initializer of the moving mean.
        moving_variance_initializer: Initializer of the moving variance.
        beta_regularizer: Regularizer of beta, or None.
        gamma_regularizer: Regularizer of gamma, or None.
        beta_constraint: Constraint on beta, or None.
        gamma_constraint: Constraint on gamma, or None.
        renorm: Whether to correct towards the moving statistics in training (Ioffe,
            2017); adds moving_stddev, renorm_mean and renorm_stddev.
        renorm_clipping: Limits "rmin", "rmax" and "dmax" of that correction.
        renorm_momentum: Weight of the old value in renorm_mean and renorm_stddev.
        synchronized: Whether the replicas of a distribution strategy share the
            statistics of their joined batch.
        moving_variance_estimator: "biased": the moving variance averages variances
            divided by M, as in Keras 3; "unbiased": by M - 1, as in Algorithm 2 of
            the paper and in PyTorch. For M = 1 it averages 0.
        implementation: "reference": the functions of this module; "fused":
            TensorFlow's fused kernel wherever it can serve (channels last, float32
            inside, at most 2**18 values a channel in training, no mask, not
            synchronized, no renorm, not inside XLA), the reference elsewhere; "auto":
            the faster of the two for the shape.
        **kwargs: Arguments of every Keras layer, such as name and dtype.

    Call arguments:
        inputs: Tensor of any rank from 2.
        training: True, False or None, or a boolean tensor.
        mask: One axis fewer than inputs; where it is False, values are left out of the
            statistics of a training batch. NaN and infinite ones come out as NaN there,
            and reach no other output and no gradient.

    Raises:
        ValueError: For an argument, an input or a mask that cannot be used.
    """

    def call(self, inputs, training=None, mask=None):
        """Normalize inputs; in training, also update the moving statistics."""
        x = tf.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
        kept = None
        if mask is not None:
            kept = tf.ones_like(x, "bool") & check_mask(mask, x.shape)[..., tf.newaxis]
            # What is left out and not a number stays none, and harms no other: even
            # a gradient of 0 times NaN would be NaN.
            good = kept | tf.math.is_finite(x)
            x = tf.where(good, x, 0)
        if not self.trainable:
            training = False
        if tf.is_tensor(training):
            y = tf.cond(training, lambda: self._train(x, kept), lambda: self._infer(x))
        else:
            y = self._train(x, kept) if training else self._infer(x)
        if mask is not None:
            y = tf.where(good, y, math.nan)
        return tf.cast(y, self.compute_dtype)

    def _infer(self, x: tf.Tensor) -> tf.Tensor:
        """Normalize with the moving statistics."""
        gamma, beta = self._parameters(x)  # (C,), (C,)
        mean = tf.cast(self.moving_mean, x.dtype)  # (C,)
        variance = tf.cast(self.moving_variance, x.dtype)  # (C,)
        if self._takes_fused(x, "inference"):
            return fused.normalize_with(x, mean, variance, gamma, beta, self.epsilon)
        return self._normalize(
            x - spread(mean, x, self.axis), tf.zeros_like(mean), variance, gamma, beta
        )

    def _train(self, x: tf.Tensor, kept: tf.Tensor | None) -> tf.Tensor:
        """Normalize with the statistics of the batch and remember them."""
        gamma, beta = self._parameters(x)  # (C,), (C,)
        if kept is None and self._takes_fused(x, "training"):
            y, mean, variance = fused.normalize_batch(x, gamma, beta, self.epsilon)
            self._remember(mean, variance, values_per_channel(x, self.axis))
            return y
        batch = batch_statistics(x, self.axis, kept, self.synchronized)
        if self.renorm:
            r, d = renorm.correction(batch, self)
            gamma, beta = renorm.apply_correction(r, d, gamma, beta)
        self._remember(batch.mean, batch.variance, batch.count)
        return self._normalize(
            batch.centered, batch.offset, batch.variance, gamma, beta
        )

    def _normalize(self, centered, offset, variance, gamma, beta) -> tf.Tensor:
        return batch_normalize(
            centered, offset, variance, gamma, beta, self.epsilon, self.axis
        )

    def _remember(self, mean: tf.Tensor, variance: tf.Tensor, count: tf.Tensor) -> None:
        """Move the moving statistics towards those of a batch of count values."""
        if self.moving_variance_estimator == "unbiased":
            variance = variance * (count / tf.maximum(count - 1, 1))
        move(self.moving_mean, mean, self.momentum, count)
        if self.renorm:
            renorm.update_statistics(self, mean, variance, count)
        else:
            move(self.moving_variance, variance, self.momentum, count)

    def _parameters(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return gamma and beta in x's type; what the layer lacks is 1 or 0."""
        channels = [x.shape[self.axis]]
        gamma = self.gamma if self.scale else tf.ones(channels)
        beta = self.beta if self.center else tf.zeros(channels)
        return tf.cast(gamma, x.dtype), tf.cast(beta, x.dtype)

    def _takes_fused(self, x: tf.Tensor, mode: str) -> bool:
        """Tell whether the fused kernel can serve here and is the one to take."""
        if self.implementation == "reference" or x.dtype != tf.float32:
            return False
        if mode == "training" and (self.synchronized or self.renorm):
            return False
        if self.axis not in (-1, x.shape.rank - 1):
            return False
        if mode == "training" and not fused.can_serve(x.shape):
            return False
        # XLA puts code of its own in the kernel's place, with the variance as
        # E[x**2] - E[x]**2; the separate operations it fuses just as well.
        if tf.__internal__.get_enclosing_xla_context() is not None:
            return False
        return self.implementation == "fused" or fused.is_faster(x.shape, mode)
