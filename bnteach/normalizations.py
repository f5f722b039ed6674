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
