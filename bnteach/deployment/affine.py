"""The map that a batch normalization is in inference, and whether it can be used."""

from __future__ import annotations

import keras
import numpy as np

from bnteach.deployment.kernels import Affine
from bnteach.diagnostics.facts import values


def affine_of(layer) -> Affine:
    """Return what a batch normalization does in inference, in float64."""
    mean, variance = values(layer, "moving_mean"), values(layer, "moving_variance")
    gamma, beta = values(layer, "gamma"), values(layer, "beta")
    scale = (1.0 if gamma is None else gamma) / np.sqrt(variance + layer.epsilon)
    return Affine(scale, (0.0 if beta is None else beta) - scale * mean)


def is_affine(layer) -> bool:
    """Tell whether a layer that keeps moving statistics is a batch normalization.

    Keras's class and ours are known to be; another one is asked for a few values.
    """
    if type(layer) is keras.layers.BatchNormalization:
        return True
    if not all(hasattr(layer, name) for name in ("epsilon", "axis")):
        return False
    affine = affine_of(layer)
    x = np.zeros((2, len(affine.scale)), np.float32)
    x[1] = 1
    if layer.input_spec is not None and layer.input_spec.ndim:
        shape = [1] * layer.input_spec.ndim
        shape[0], shape[layer.axis] = x.shape
        x = x.reshape(shape)
    try:
        y = keras.ops.convert_to_numpy(layer(x, training=False))
    except (TypeError, ValueError):
        return False
    wanted = affine.shift + x.reshape(2, -1) * affine.scale
    return bool(np.allclose(y.reshape(2, -1), wanted, rtol=1e-3, atol=1e-3))


def check_finite(path: str, layer) -> None:
    """Raise a ValueError if a batch normalization holds what no model can use."""
    for name in ("moving_mean", "moving_variance", "gamma", "beta"):
        found = values(layer, name)
        if found is not None and not np.isfinite(found).all():
            raise ValueError(
                f"expected finite values in {path}. Received: {name} with "
                f"{np.sum(~np.isfinite(found))} that are not"
            )
    lowest = values(layer, "moving_variance").min(initial=0.0)
    if lowest < 0:
        raise ValueError(
            f"expected moving_variance of at least 0 in {path}. Received: {lowest:g}"
        )
