"""Fold the affine map of a batch normalization into the layer beside it.

In inference a batch normalization is y = scale * x + shift per channel, with
scale = gamma / sqrt(moving_variance + epsilon) and
shift = beta - scale * moving_mean (Ioffe and Szegedy, 2015, Algorithm 2, step 11).
A linear layer before or after it takes the map into its own kernel and bias.

All arrays are NumPy, float64. A layer's weights are a dict from the names that Keras
gives them to their values; every result has a "bias".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import keras
import numpy as np

Weights = dict[str, np.ndarray]

_layers = keras.layers
DENSE = (_layers.Dense,)
CONVOLUTIONS = (_layers.Conv1D, _layers.Conv2D, _layers.Conv3D)
DEPTHWISE = (_layers.DepthwiseConv1D, _layers.DepthwiseConv2D)
SEPARABLE = (_layers.SeparableConv1D, _layers.SeparableConv2D)
TRANSPOSED = (
    _layers.Conv1DTranspose,
    _layers.Conv2DTranspose,
    _layers.Conv3DTranspose,
)
LINEAR = DENSE + CONVOLUTIONS + DEPTHWISE + SEPARABLE + TRANSPOSED


class Affine(NamedTuple):
    """A map scale * x + shift, each of shape (C,), float64."""

    scale: np.ndarray
    shift: np.ndarray


def is_linear(layer) -> bool:
    """Tell whether a layer is one whose kernel can take a batch normalization."""
    # A subclass may compute something else, so that only the class itself counts.
    return type(layer) in LINEAR


def weights_of(layer) -> Weights:
    """Return the kernels of a linear layer and its bias, 0 where it has none."""
    if type(layer) in SEPARABLE:
        names = ["depthwise_kernel", "pointwise_kernel"]
    else:
        names = ["kernel"]
    found = {name: _array(getattr(layer, name)) for name in names}
    bias = layer.bias
    found["bias"] = np.zeros(_outputs(layer, found)) if bias is None else _array(bias)
    return found


def fold_after(layer, weights: Mapping[str, np.ndarray], affine: Affine) -> Weights:
    """Return the weights with which a layer does its own work and then the map.

    Args:
        layer: a linear layer, see `is_linear`.
        weights: its weights, as `weights_of` returns them.
        affine: the map of its output channels.
    """
    scale, shift = affine
    folded = {**weights, "bias": scale * weights["bias"] + shift}
    name = "pointwise_kernel" if type(layer) in SEPARABLE else "kernel"
    kernel = weights[name]
    if type(layer) in DEPTHWISE:
        factor = scale.reshape(kernel.shape[-2:])  # (in, multiplier)
    elif type(layer) in TRANSPOSED:
        factor = scale[:, None]  # the kernel is (..., out, in)
    else:
        factor = scale  # (..., in, out)
    folded[name] = kernel * factor
    return folded


def fold_before(layer, weights: Mapping[str, np.ndarray], affine: Affine) -> Weights:
    """Return the weights with which a layer does the map and then its own work.

    Right only if the layer pads nothing: padded zeros are zeros after the map, and
    no kernel can tell them from the values beside them.

    Args:
        layer: a linear layer but a transposed convolution, see `is_linear`.
        weights: its weights, as `weights_of` returns them.
        affine: the map of its input channels.
    """
    if type(layer) in SEPARABLE:
        depthwise, pointwise = weights["depthwise_kernel"], weights["pointwise_kernel"]
        kernel, moved = _depthwise_before(depthwise, affine)
        bias = weights["bias"] + moved @ pointwise.reshape(len(moved), -1)
        return {**weights, "depthwise_kernel": kernel, "bias": bias}
    if type(layer) in DEPTHWISE:
        kernel, moved = _depthwise_before(weights["kernel"], affine)
        return {"kernel": kernel, "bias": weights["bias"] + moved}
    kernel = weights["kernel"]  # (..., in / groups, out)
    groups = getattr(layer, "groups", 1)
    inputs, outputs = kernel.shape[-2:]
    # For each output channel, the scale and shift of the inputs that it sees.
    scale, shift = (
        np.repeat(v.reshape(groups, inputs), outputs // groups, axis=0).T
        for v in affine
    )  # each (in / groups, out)
    moved = (kernel * shift).reshape(-1, outputs).sum(axis=0)
    return {"kernel": kernel * scale, "bias": weights["bias"] + moved}


def _depthwise_before(kernel: np.ndarray, affine: Affine):
    """Return a depthwise kernel after the map, and what the map adds to its output."""
    moved = (kernel * affine.shift[:, None]).reshape(-1, *kernel.shape[-2:])
    return kernel * affine.scale[:, None], moved.sum(axis=0).ravel()


def _outputs(layer, kernels: Weights) -> int:
    if type(layer) in DEPTHWISE:
        return int(np.prod(kernels["kernel"].shape[-2:]))
    if type(layer) in TRANSPOSED:
        return kernels["kernel"].shape[-2]
    return list(kernels.values())[-1].shape[-1]


def _array(variable) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(variable), np.float64)
