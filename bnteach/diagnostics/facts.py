"""What can be known of a model without data, for the rules of `examine`."""

from __future__ import annotations

import keras
import numpy as np

from bnteach.diagnostics import graph as graphs
from bnteach.diagnostics.layer_paths import batch_norms

# What does not move channels and has one input: one can look through it.
_CHANGE_NOTHING = (
    keras.layers.Identity,
    keras.layers.Dropout,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.SpatialDropout3D,
    keras.layers.GaussianNoise,
    keras.layers.GaussianDropout,
    keras.layers.AlphaDropout,
    keras.layers.ActivityRegularization,
)


class Facts:
    """Layers, values and graphs of one model.

    Attributes:
        model: the model.
        norms: path -> layer for every layer with moving statistics.
        graphs: the graphs of it and of the models nested in it; empty if subclassed.
        steps: training steps that its optimizer has made, or None if unknown.
    """

    def __init__(self, model: keras.Model):
        self.model = model
        self.norms = batch_norms(model)
        self.path_of = {id(layer): path for path, layer in self.norms.items()}
        self.graphs = graphs.graphs(model) if graphs.is_graph(model) else []
        self.steps = _steps(model)
        self._values = {
            path: {name: values(layer, name) for name in NAMES}
            for path, layer in self.norms.items()
        }

    def value(self, path: str, name: str) -> np.ndarray | None:
        """Return gamma, beta, moving_mean or moving_variance, float64, or None."""
        return self._values[path][name]

    def at_start(self, path: str) -> bool:
        """Tell whether moving statistics have the values that Keras starts with."""
        mean, variance = (self.value(path, n) for n in ("moving_mean", VARIANCE))
        return bool((mean == 0).all() and (variance == 1).all())

    @property
    def trained(self) -> bool:
        """Whether there is a sign that the model has been trained."""
        if self.steps:
            return True
        return any(
            not self.at_start(path) or self.parameters_moved(path)
            for path in self.norms
        )

    def parameters_moved(self, path: str) -> bool:
        """Tell whether gamma or beta have left 1 and 0."""
        gamma, beta = self.value(path, "gamma"), self.value(path, "beta")
        moved = gamma is not None and np.ptp(gamma) > 0
        return bool(moved or (beta is not None and (beta != 0).any()))

    def finite(self, path: str) -> bool:
        """Tell whether all values of a layer are finite and no variance is negative."""
        found = [v for v in self._values[path].values() if v is not None]
        whole = all(np.isfinite(v).all() for v in found)
        return bool(whole and (self.value(path, VARIANCE) >= 0).all())


NAMES = ("gamma", "beta", "moving_mean", "moving_variance")
VARIANCE = "moving_variance"


def values(layer, name: str) -> np.ndarray | None:
    """Return a weight of a layer as float64, or None if it has none of that name."""
    variable = getattr(layer, name, None)
    if variable is None:
        return None
    return np.asarray(keras.ops.convert_to_numpy(variable), np.float64)


def changes_nothing(operation) -> bool:
    """Tell whether an operation is the identity in inference."""
    if type(operation) is keras.layers.Activation:
        return operation.activation is keras.activations.linear
    return type(operation) in _CHANGE_NOTHING


def is_linear_layer(operation) -> bool:
    """Tell whether an operation is a dense or convolutional layer of Keras."""
    kinds = (keras.layers.Dense, keras.layers.EinsumDense)
    return isinstance(operation, kinds) or is_convolution(operation)


def is_convolution(operation) -> bool:
    """Tell whether an operation is a convolution of any kind of Keras."""
    return isinstance(operation, _CONVOLUTIONS)


_CONVOLUTIONS = tuple(
    getattr(keras.layers, name)
    for name in (
        *(f"Conv{n}D" for n in (1, 2, 3)),
        *(f"Conv{n}DTranspose" for n in (1, 2, 3)),
        *(f"{kind}Conv{n}D" for kind in ("Depthwise", "Separable") for n in (1, 2)),
    )
)


def optimizer_of(model):
    """Return the optimizer of a compiled model, without its loss scaling, or None."""
    optimizer = getattr(model, "optimizer", None)
    return getattr(optimizer, "inner_optimizer", None) or optimizer


def _steps(model) -> int | None:
    optimizer = optimizer_of(model)
    iterations = getattr(optimizer, "iterations", None)
    if iterations is None:
        return None
    return int(keras.ops.convert_to_numpy(iterations))
