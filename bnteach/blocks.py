"""What the networks of the book are put together from."""

from __future__ import annotations

import keras

from bnteach.normalizations import normalize


def check_placement(placement: str) -> None:
    """Raise a ValueError unless a normalization can stand there."""
    if placement not in ("before", "after"):
        raise ValueError(
            "expected placement 'before' or 'after' the activation. "
            f"Received: {placement!r}"
        )


def activate(x, activation, normalization, placement: str, number: int):
    """Apply activation `number` and, before or after it, the normalization."""
    name = f"activation_{number}"
    layer = (
        activation(name)
        if callable(activation)
        else keras.layers.Activation(activation, name=name)
    )
    if normalization is None:
        return layer(x)
    if placement == "before":
        return layer(normalize(x, normalization, number))
    return normalize(layer(x), normalization, number)


def convolve(x, filters: int, kernel, use_bias: bool, number: int, stride: int = 1):
    """Apply convolution `number`, 3x3, without an activation."""
    layer = keras.layers.Conv2D(
        filters,
        3,
        strides=stride,
        padding="same",
        use_bias=use_bias,
        kernel_initializer=kernel,
        name=f"conv_{number}",
    )
    return layer(x)  # (N, H / stride, W / stride, filters)


def as_vectors(x, pooling: str):
    """Turn (N, H, W, channels) into (N, features)."""
    if pooling == "flatten":
        return keras.layers.Flatten(name="flatten")(x)
    if pooling == "global_average":
        return keras.layers.GlobalAveragePooling2D(name="global_average")(x)
    raise ValueError(
        f"expected pooling 'flatten' or 'global_average'. Received: {pooling!r}"
    )
