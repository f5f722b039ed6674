"""Batch renormalization: the correction towards the moving statistics.

Source: Ioffe (2017), Batch Renormalization, Algorithm 1. In training the normalized
value is taken times r and moved by d, so that it becomes what the moving statistics
would have given; the gradient treats r and d as constants.
"""

from __future__ import annotations

from collections.abc import Mapping

import keras
from keras import ops

from bnteach.checks import as_number
from bnteach.layers.moments import BatchStatistics, move

CLIPPING_KEYS = ("rmax", "rmin", "dmax")


def check_clipping(clipping: dict[str, float] | None) -> dict[str, float]:
    """Return the limits for r and d as a dict; none given means no limit.

    Args:
        clipping: Any of "rmax", "rmin" (limits of r) and "dmax" (of the size of d).

    Returns:
        A copy, empty for None.

    Raises:
        ValueError: If a key is unknown, a limit is not a number of at least 0, or rmax
            is below rmin.
    """
    if clipping is not None and not isinstance(clipping, Mapping):
        raise ValueError(
            "expected renorm_clipping to be a dict or None. "
            f"Received: renorm_clipping={clipping!r}"
        )
    clipping = dict(clipping or {})
    if set(clipping) - set(CLIPPING_KEYS):
        raise ValueError(
            "Received invalid keys for `renorm_clipping`: expected some of "
            f"{', '.join(CLIPPING_KEYS)}. Received: renorm_clipping={clipping}"
        )
    for key, limit in clipping.items():
        if not as_number(limit) >= 0:
            raise ValueError(
                f"{key} should be a non-negative number. Received: {key}={limit!r}"
            )
    rmax, rmin = clipping.get("rmax"), clipping.get("rmin")
    if rmax is not None and rmin is not None and rmax < rmin:
        raise ValueError(
            f"rmax should be at least rmin. Received: rmax={rmax}, rmin={rmin}"
        )
    return clipping


def correction(batch: BatchStatistics, layer: keras.layers.Layer):
    """Compute r = std / renorm_stddev and d = (mean - renorm_mean) / renorm_stddev.

    Args:
        batch: Statistics of the batch.
        layer: Holds renorm_mean, renorm_stddev, renorm_clipping and epsilon.

    Returns:
        r and d, each with shape (C,), clipped, and constant to the gradient.
    """
    floor = layer.epsilon**0.5  # no std + epsilon is smaller: never divide by zero
    dtype = batch.near.dtype
    renorm_stddev = ops.maximum(ops.cast(layer.renorm_stddev, dtype), floor)
    renorm_mean = ops.cast(layer.renorm_mean, dtype)
    r = ops.sqrt(batch.variance + layer.epsilon) / renorm_stddev
    # In this order, for the mean itself is rounded.
    d = (batch.near - renorm_mean + batch.offset) / renorm_stddev
    limits = layer.renorm_clipping
    if "rmin" in limits:
        r = ops.maximum(r, limits["rmin"])
    if "rmax" in limits:
        r = ops.minimum(r, limits["rmax"])
    if "dmax" in limits:
        d = ops.clip(d, -limits["dmax"], limits["dmax"])
    return ops.stop_gradient(r), ops.stop_gradient(d)


def apply_correction(r, d, gamma, beta):
    """Fold r and d into gamma and beta, for (x_hat * r + d) * gamma + beta.

    Args:
        r: Scale of the correction, shape (C,).
        d: Shift of the correction, shape (C,).
        gamma: Scale of the layer, shape (C,), or None.
        beta: Shift of the layer, shape (C,), or None.

    Returns:
        Scale and shift to use in their place, each with shape (C,).
    """
    scale, shift = (r, d) if gamma is None else (r * gamma, d * gamma)
    return scale, shift if beta is None else shift + beta


def update_statistics(layer: keras.layers.Layer, mean, variance, count) -> None:
    """Move every statistic but moving_mean towards those of the batch.

    As in Keras, a moving standard deviation is averaged, and the moving variance
    follows from it.

    Args:
        layer: Holds the variables, momentum, renorm_momentum and epsilon.
        mean: Batch mean, shape (C,).
        variance: Batch variance, shape (C,).
        count: Number of values behind them, shape (C,) or (); 0 moves nothing.
    """
    stddev = ops.sqrt(variance + layer.epsilon)
    for moving, batch, momentum in (
        (layer.renorm_mean, mean, layer.renorm_momentum),
        (layer.renorm_stddev, stddev, layer.renorm_momentum),
        (layer.moving_stddev, stddev, layer.momentum),
    ):
        move(moving, batch, momentum, count)
    squared = ops.square(ops.convert_to_tensor(layer.moving_stddev))
    new = ops.relu(squared - layer.epsilon)
    new = ops.where(new > 1e-6 * layer.epsilon, new, 0.0)  # below, it is rounding
    old = ops.convert_to_tensor(layer.moving_variance)
    layer.moving_variance.assign(ops.where(count > 0, new, old))
