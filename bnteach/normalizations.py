"""The normalization layers that a network of the book can have, by name."""

from __future__ import annotations

from collections.abc import Callable

import keras

Normalization = str | Callable[[str], keras.layers.Layer] | None


def normalize(x, normalization: Normalization, suffix: int | str):
    """Put a normalization on the tensor x of a Functional model.

    Args:
        x: a Keras tensor.
        normalization: "batch", or a function from a layer name to a layer.
        suffix: what the layer's name ends in.

    Raises:
        ValueError: unknown normalization.
    """
    if normalization == "batch":
        return keras.layers.BatchNormalization(name=f"batch_norm_{suffix}")(x)
    if callable(normalization):
        return normalization(f"batch_norm_{suffix}")(x)
    raise ValueError(
        "expected normalization None, 'batch' or a function from a layer name to a "
        f"layer. Received: {normalization!r}"
    )


class _HiddenStatistics(keras.layers.BatchNormalization):
    """Batch normalization of which the gradient takes the statistics for constants."""

    def _moments(self, inputs, mask):
        mean, variance = super()._moments(inputs, mask)
        return keras.ops.stop_gradient(mean), keras.ops.stop_gradient(variance)


def hidden_statistics(name: str) -> keras.layers.Layer:
    """Return a layer that computes what batch normalization does, but for its gradient.

    Nothing of the gradient passes through the mean and the variance of the batch. It
    is here to be compared with, not to be used: Ioffe and Szegedy (2015), section 2.

    Args:
        name: name of the layer.
    """
    return _HiddenStatistics(name=name)
