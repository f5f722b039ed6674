"""The gradient on its way back through a network, and what multiplies it where."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from bnteach.diagnostics.activations import gradients_of_a_step


class _Tap(keras.layers.Layer):
    """Adds zeros to what passes: their gradient is that of what passes."""

    def __init__(self, examples: int, **kwargs):
        super().__init__(**kwargs)
        self.examples = examples

    def build(self, shape):
        self.zeros = self.add_weight(
            shape=(self.examples, *shape[1:]), initializer="zeros", name="zeros"
        )

    def call(self, x):
        return x + self.zeros


def output_gradients(
    model: keras.Model, x: np.ndarray, y: np.ndarray, layers: Sequence[str]
) -> dict[str, np.ndarray]:
    """Return the gradient of the loss for what layers give out, in training mode.

    Works on any backend, none of which is named: a copy of the model adds zeros to the
    output of each layer, and the gradient for these zeros is what is asked for.

    Args:
        model: a Functional model after `compile`, each of its layers called once.
        x: inputs, shape (N, ...).
        y: targets, shape (N, ...).
        layers: names of layers.

    Returns:
        Layer name -> array of the shape of its output, (N, ...).

    Raises:
        ValueError: the model has no layer of that name.
    """
    found = _tapped_gradients(model, x, y, layers)
    return {name: found[f"tap_{name}/zeros"] for name in layers}


def _tapped_gradients(model, x, y, layers) -> dict[str, np.ndarray]:
    """Return the gradients of all variables of a copy with taps behind some layers."""
    names = [layer.name for layer in model.layers]
    unknown = [name for name in layers if name not in names]
    if unknown:
        raise ValueError(
            f"expected names of layers of {model.name!r}, which has "
            f"{', '.join(names)}. Received: {', '.join(unknown)}"
        )

    def tapped(layer, *args, **kwargs):
        outputs = layer(*args, **kwargs)
        if layer.name not in layers:
            return outputs
        return _Tap(len(x), name=f"tap_{layer.name}")(outputs)

    copy = keras.models.clone_model(model, call_function=tapped)
    for layer in model.layers:
        if layer.weights:
            copy.get_layer(layer.name).set_weights(layer.get_weights())
    return gradients_of_a_step(copy, model.loss, x, y)


def backward_factors(
    model: keras.Model, x: np.ndarray, y: np.ndarray
) -> dict[str, np.ndarray]:
    """Return by what each layer of an `mlp` multiplies the gradient on its way back.

    On the way from the output of hidden layer l to its input, the output of layer
    l - 1, the gradient passes the activation, the normalization if there is one, and
    the kernel. Each factor is the Euclidean norm of the gradient behind over that
    before, over all examples and units together, so that their product is exact.

    Args:
        model: from `models.mlp`, after `compile`; a normalization stands before its
            activation.
        x: inputs, shape (N, ...).
        y: targets, shape (N, ...).

    Returns:
        Arrays of shape (depth - 1,), for the layers 2 to depth: "layer", its number;
        the factors "slope", "1/s" (1 without a normalization) and "weights"; their
        "product"; and the norms of the gradient for the layer's "input" and "kernel".

    Raises:
        ValueError: the model has fewer than two hidden layers of `mlp`.
    """
    names = {layer.name for layer in model.layers}
    depth = sum(f"activation_{number}" in names for number in range(1, len(names)))
    numbers = range(2, depth + 1)
    if not numbers:
        raise ValueError(
            "expected a network of models.mlp with two hidden layers or more. "
            f"Received: {model.name!r} with {', '.join(sorted(names))}"
        )
    wanted = [f"activation_{n}" for n in range(1, depth + 1)]
    wanted += [f"dense_{n}" for n in numbers]
    wanted += [f"batch_norm_{n}" for n in numbers if f"batch_norm_{n}" in names]
    norms = {
        path: float(np.linalg.norm(value.astype(np.float64)))
        for path, value in _tapped_gradients(model, x, y, wanted).items()
    }
    rows = [_factors(norms, number) for number in numbers]
    found = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    return {"layer": np.array(numbers), **found}


def _factors(norms: dict[str, float], number: int) -> dict[str, float]:
    """Return the factors of one layer from the norms of the gradients around it."""
    above, below = (norms[f"tap_activation_{n}/zeros"] for n in (number, number - 1))
    dense = norms[f"tap_dense_{number}/zeros"]
    normalized = norms.get(f"tap_batch_norm_{number}/zeros", dense)
    return {
        "slope": normalized / above,
        "1/s": dense / normalized,
        "weights": below / dense,
        "product": below / above,
        "input": below,
        "kernel": norms[f"dense_{number}/kernel"],
    }
