"""TensorFlow's fused batch normalization kernel, for inputs (..., C) in float32.

The kernel reads and writes the tensor a few times where separate operations do so a
dozen times. Three of its habits need care. Its variance is divided by M - 1, not M. It
adds up in float32, one value after the other, so that a mean far from zero comes out
wrong by more than rounding; then, and only then, it is run again on the input less a
value near the mean. And where a channel has very many values, no such sum is good
enough, and the separate operations are the way to take.
"""

from __future__ import annotations

import math

import tensorflow as tf

from bnteach.layers.moments import near_mean, values_per_channel

# Fewest values for which the kernel was the faster way on a processor; below, its
# fixed cost shows. Training: 2.2x the time of separate operations at 2**16 values,
# 0.8x at 2**17. Inference: 1.3x at 2**17, 0.8x at 2**18.
FEWEST_VALUES = {"training": 2**17, "inference": 2**18}
ASSUMED_BATCH = 64  # where the batch axis has no size yet

# Most values of a channel that the kernel is given. Its variance was then at most 1e-3
# off, for values that are all equally far from the mean, and 4e-5 for normal ones.
MOST_VALUES = 2**18

# The kernel's mean is off by at most 4e-9 * M of itself, the worst case being values
# that are all alike. It is run again where |mean| > ratio * sqrt(variance) in any
# channel, with a ratio for which that error is below 6e-4 deviations.
LARGEST_RATIO = 10.0
LARGEST_RATIO_TIMES_VALUES = 2**17


def can_serve(shape: tf.TensorShape) -> bool:
    """Tell whether the kernel's sums are accurate enough for a shape.

    Args:
        shape: Shape of the input, (..., C); unknown sizes count as 64.
    """
    return shape[-1] > 0 and _values(shape[:-1]) <= MOST_VALUES


def is_faster(shape: tf.TensorShape, mode: str) -> bool:
    """Tell whether the kernel should be faster than separate operations.

    Args:
        shape: Shape of the input, (..., C); unknown sizes count as 64.
        mode: "training" or "inference".
    """
    return _values(shape) >= FEWEST_VALUES[mode]


def normalize_batch(
    x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Normalize with the statistics of the batch.

    Args:
        x: Input, float32, shape (..., C).
        gamma: Scale, shape (C,).
        beta: Shift, shape (C,).
        epsilon: Added to the variance, inside the square root.

    Returns:
        y with the shape of x; mean and variance with shape (C,), the variance divided
        by M. Gradients reach x, gamma and beta through y alone.
    """
    y, mean, variance = _normalize_images(_as_images(x), gamma, beta, epsilon)
    count = values_per_channel(x, axis=-1)
    biased = variance * ((count - 1) / count)  # the kernel divides by M - 1
    return _like(y, x), mean, biased


def normalize_with(
    x: tf.Tensor,
    mean: tf.Tensor,
    variance: tf.Tensor,
    gamma: tf.Tensor,
    beta: tf.Tensor,
    epsilon: float,
) -> tf.Tensor:
    """Normalize with given statistics, which get no gradient.

    Args:
        x: Input, float32, shape (..., C).
        mean: Moving mean, shape (C,).
        variance: Moving variance, shape (C,).
        gamma: Scale, shape (C,).
        beta: Shift, shape (C,).
        epsilon: Added to the variance, inside the square root.

    Returns:
        y with the shape of x.
    """
    inverse = tf.math.rsqrt(variance + epsilon)  # (C,)

    # The kernel's own gradient takes about twice the time of these few lines, which
    # cost one pass where nothing asks for the gradients of gamma and beta.
    @tf.custom_gradient
    def normalize(x, gamma, beta):  # (N, H, W, C), (C,), (C,)
        y = tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=gamma,
            offset=beta,
            mean=mean,
            variance=variance,
            epsilon=epsilon,
            is_training=False,
        ).y

        def gradient(dy):
            dgamma = tf.reduce_sum(dy * (x - mean), [0, 1, 2]) * inverse
            return dy * (gamma * inverse), dgamma, tf.reduce_sum(dy, [0, 1, 2])

        return y, gradient

    return _like(normalize(_as_images(x), gamma, beta), x)


def _normalize_images(x, gamma, beta, epsilon: float):
    """Normalize (N, H, W, C); the variance returned is divided by M - 1."""

    @tf.custom_gradient
    def normalize(x, gamma, beta):
        def kernel(x):
            return tf.raw_ops.FusedBatchNormV3(
                x=x, scale=gamma, offset=beta, mean=[], variance=[], epsilon=epsilon
            )

        first = kernel(x)
        near = tf.zeros_like(first.batch_mean)  # (C,)
        used, near, y, offset, variance, *reserve = tf.cond(
            _is_poor(first.batch_mean, first.batch_variance, x),
            lambda: _run_again(kernel, x),
            lambda: (x, near, first.y, *first[1:5]),
        )

        def gradient(dy, *_):
            return tf.raw_ops.FusedBatchNormGradV3(
                y_backprop=dy,
                x=used,
                scale=gamma,
                reserve_space_1=reserve[0],
                reserve_space_2=reserve[1],
                reserve_space_3=first.reserve_space_3,
                epsilon=epsilon,
            )[:3]

        return (y, near + offset, variance), gradient

    return normalize(x, gamma, beta)


def _is_poor(mean, variance, x: tf.Tensor) -> tf.Tensor:
    """Tell whether the kernel's mean may be too wrong, or its variance too large."""
    count = values_per_channel(x, axis=-1)
    ratio = tf.minimum(LARGEST_RATIO, LARGEST_RATIO_TIMES_VALUES / count)
    near = tf.square(mean) <= tf.square(ratio) * variance
    return ~tf.reduce_all(near & tf.math.is_finite(variance))


def _run_again(kernel, x: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Run the kernel on centered input: that input, what it was centered by, results.

    A variance beyond the largest float32 makes NaN of everything, as it should: with an
    infinite one every output would be beta.
    """
    near = near_mean(x, axis=-1)  # (C,)
    centered = x - near
    y, mean, variance, *reserve = kernel(centered)[:5]
    overflow = tf.where(tf.math.is_inf(variance), math.nan, 0.0)  # (C,)
    return (
        centered,
        near,
        y + overflow,
        mean,
        variance + overflow,
        reserve[0],
        reserve[1] + overflow,
    )


def _values(shape: tf.TensorShape) -> int:
    return math.prod(size or ASSUMED_BATCH for size in shape.as_list())


def _as_images(x: tf.Tensor) -> tf.Tensor:
    """See (..., C) as (N, H, W, C), the only form the kernel takes."""
    return x if x.shape.rank == 4 else tf.reshape(x, [-1, 1, 1, x.shape[-1]])


def _like(y: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """Give y the shape of x back."""
    return (
        y if x.shape.rank == 4 else tf.ensure_shape(tf.reshape(y, tf.shape(x)), x.shape)
    )
