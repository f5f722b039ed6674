"""TensorFlow's fused batch normalization kernel, for inputs (..., C) in float32.

The kernel reads and writes the tensor a few times where separate operations do so a
dozen times. Two of its habits need care. Its variance is divided by M - 1, not M.
And it adds up the mean in float32, so that a mean far from zero comes out wrong by
more than rounding; then, and only then, it is run again on the centered input.
"""

from __future__ import annotations

import math

import tensorflow as tf

from bnteach.layers.moments import values_per_channel

# Fewest values for which the kernel was the faster way on a processor; below, its
# fixed cost shows. Training: 2.2x the time of separate operations at 2**16 values,
# 0.8x at 2**17. Inference: 1.3x at 2**17, 0.8x at 2**18.
FEWEST_VALUES = {"training": 2**17, "inference": 2**18}
ASSUMED_BATCH = 64  # where the batch axis has no size yet

# Run again where mean**2 > LARGE_MEAN**2 * (variance + epsilon) in any channel.
LARGE_MEAN = 10.0


def is_faster(shape: tf.TensorShape, mode: str) -> bool:
    """Tell whether the kernel should be faster than separate operations.

    Args:
        shape: Shape of the input, (..., C); unknown sizes count as 64.
        mode: "training" or "inference".
    """
    values = math.prod(size or ASSUMED_BATCH for size in shape.as_list())
    return values >= FEWEST_VALUES[mode]


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

        def again():
            centered = x - tf.stop_gradient(first.batch_mean)
            second = kernel(centered)
            return centered, *second[:5]

        first = kernel(x)
        mean, variance = first.batch_mean, first.batch_variance  # (C,), (C,)
        far = tf.square(mean) > LARGE_MEAN**2 * (variance + epsilon)
        near = tf.zeros_like(mean)
        used, y, offset, variance, *reserve = tf.cond(
            tf.reduce_any(far), again, lambda: (x, first.y, near, *first[2:5])
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

        return (y, mean + offset, variance), gradient

    return normalize(x, gamma, beta)


def _as_images(x: tf.Tensor) -> tf.Tensor:
    """See (..., C) as (N, H, W, C), the only form the kernel takes."""
    return x if x.shape.rank == 4 else tf.reshape(x, [-1, 1, 1, x.shape[-1]])


def _like(y: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """Give y the shape of x back."""
    return (
        y if x.shape.rank == 4 else tf.ensure_shape(tf.reshape(y, tf.shape(x)), x.shape)
    )
