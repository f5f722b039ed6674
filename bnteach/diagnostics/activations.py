"""What goes through a network while it trains: percentiles, saturation, gradients.

Nothing here changes the model that is looked at: no weight, no moving statistic, no
random state of a dropout layer.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from bnteach.training.retracing import no_retracing_advice


class LayerInputs:
    """Looks at what enters chosen layers of a Functional model.

    Args:
        model: a Functional Keras model.
        layers: names of layers, for example activations.

    Raises:
        ValueError: the model has no layer of that name, or is not Functional.
    """

    def __init__(self, model: keras.Model, layers: Sequence[str]):
        names = [layer.name for layer in model.layers]
        unknown = [name for name in layers if name not in names]
        if unknown:
            raise ValueError(
                f"expected names of layers of {model.name!r}, which has "
                f"{', '.join(names)}. Received: {', '.join(unknown)}"
            )
        entering = {name: model.get_layer(name).input for name in layers}
        self._view = keras.Model(model.input, entering)

    def __call__(self, x: np.ndarray, training: bool = True) -> dict[str, np.ndarray]:
        """Return the inputs of the layers for the batch `x`, by layer name.

        Args:
            x: one batch, shape (N, ...).
            training: True normalizes by the statistics of this batch, as a training
                step would (the moving statistics stay as they are); False by the
                moving statistics.

        Returns:
            Layer name -> array of shape (N, ...).
        """
        # A stateless call hands the new states back instead of storing them.
        outputs, _ = self._view.stateless_call(
            [v.value for v in self._view.trainable_variables],
            [v.value for v in self._view.non_trainable_variables],
            x,
            training=training,
        )
        return {k: keras.ops.convert_to_numpy(v) for k, v in outputs.items()}


class InputPercentiles:
    """A probe for `training.train`: percentiles of what enters one unit of a layer.

    This is the measurement of Ioffe and Szegedy (2015), figures 1b and 1c.

    Args:
        model: a Functional Keras model.
        layer: name of the layer whose input is looked at.
        x: the batch to look with, shape (N, ...).
        unit: index of the unit along the last axis.
        q: percentiles, from 0 to 100.
    """

    def __init__(
        self,
        model: keras.Model,
        layer: str,
        x: np.ndarray,
        unit: int = 0,
        q: Sequence[float] = (15, 50, 85),
    ):
        self.inputs = LayerInputs(model, [layer])
        self.layer, self.x, self.unit, self.q = layer, x, unit, q

    def __call__(self, model: keras.Model, step: int) -> dict[str, list[float]]:
        """Return {"percentiles of LAYER": one number a percentile}."""
        values = self.inputs(self.x)[self.layer]  # (N, ..., units)
        found = np.percentile(values[..., self.unit], self.q)
        return {f"percentiles of {self.layer}": [float(value) for value in found]}


class Saturation:
    """A probe for `training.train`: the saturated share of each activation layer.

    Args:
        model: a Functional Keras model.
        layers: names of the activation layers.
        x: the batch to look with, shape (N, ...).
        activation: see `saturated_share`.
    """

    def __init__(
        self,
        model: keras.Model,
        layers: Sequence[str],
        x: np.ndarray,
        activation: str = "sigmoid",
    ):
        self.inputs = LayerInputs(model, layers)
        self.x, self.activation = x, activation

    def __call__(self, model: keras.Model, step: int) -> dict[str, list[float]]:
        """Return {"saturated share": one number a layer}."""
        values = self.inputs(self.x).values()
        shares = [saturated_share(value, self.activation) for value in values]
        return {"saturated share": shares}


def saturated_share(
    values: np.ndarray, activation: str = "sigmoid", threshold: float = 0.05
) -> float:
    """Return the share of inputs at which an activation is all but flat.

    Flat means that the derivative is below `threshold` times its greatest value:
    for a sigmoid, 0.25 at input 0; for tanh, 1 at input 0; a ReLU is flat below 0.

    Args:
        values: inputs of the activation, any shape, not empty.
        activation: "sigmoid", "tanh" or "relu".
        threshold: share of the greatest derivative.

    Returns:
        A number from 0 to 1.

    Raises:
        ValueError: unknown activation or no values.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.size == 0:
        raise ValueError(
            f"expected at least one value. Received: values.shape={values.shape}"
        )
    if activation not in _RELATIVE_SLOPE:
        raise ValueError(
            f"expected activation to be one of {', '.join(_RELATIVE_SLOPE)}. "
            f"Received: {activation!r}"
        )
    return float(np.mean(_RELATIVE_SLOPE[activation](values) < threshold))


# Derivative over its greatest value. The sigmoid's is 4 s (1 - s) = 1 / cosh(x / 2)^2,
# written with tanh so that nothing overflows.
_RELATIVE_SLOPE = {
    "sigmoid": lambda x: 1 - np.tanh(x / 2) ** 2,
    "tanh": lambda x: 1 - np.tanh(x) ** 2,
    "relu": lambda x: (x > 0).astype(float),
}


def gradients(
    model: keras.Model, x: np.ndarray, y: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the gradient of the loss for each trainable variable, in training mode.

    Works on any backend, none of which is named: a copy of the model takes one step
    of gradient descent with momentum. Momentum starts at 0, so after one step with
    learning rate 1 it is the negative gradient.

    Args:
        model: a Functional model after `compile`.
        x: inputs, shape (N, ...).
        y: targets, shape (N, ...).

    Returns:
        Path of the variable, for example "dense_1/kernel" -> array of its shape.
    """
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return gradients_of_a_step(copy, model.loss, x, y)


def gradients_of_a_step(
    model: keras.Model, loss, x: np.ndarray, y: np.ndarray
) -> dict[str, np.ndarray]:
    """Return what `gradients` does, of a model that may be changed by it.

    Args:
        model: it is compiled anew and takes a step.
        loss: as `compile` takes it.
        x: inputs, shape (N, ...).
        y: targets, shape (N, ...).

    Returns:
        Path of the variable -> array of its shape.
    """
    optimizer = keras.optimizers.SGD(learning_rate=1.0, momentum=0.5)
    model.compile(optimizer=optimizer, loss=loss, run_eagerly=True)
    with no_retracing_advice():
        model.train_on_batch(x, y)
    return {
        variable.path: -keras.ops.convert_to_numpy(momentum)
        for variable, momentum in zip(
            model.trainable_variables, optimizer.momentums, strict=True
        )
    }


def gradient_norms(
    model: keras.Model, x: np.ndarray, y: np.ndarray
) -> dict[str, float]:
    """Return the Euclidean norm of the gradient of each kernel, first layer first.

    Args:
        model: a Functional model after `compile`.
        x: inputs, shape (N, ...).
        y: targets, shape (N, ...).

    Returns:
        Layer name -> norm.
    """
    found = gradients(model, x, y)
    return {
        path.removesuffix("/kernel"): float(np.linalg.norm(value.astype(np.float64)))
        for path, value in found.items()
        if path.endswith("/kernel")
    }


class BatchModeAccuracy:
    """A probe for `training.train`: accuracy by the statistics of each batch.

    It answers "what would the accuracy be if the moving statistics were not used?".
    The network runs in training mode, so it should have no dropout;
    `modes.evaluate_with_batch_statistics` is the slower way that keeps dropout off.

    Args:
        x: inputs, shape (N, ...).
        y: class numbers, shape (N,), or one-hot labels, shape (N, classes).
        batch_size: examples that are normalized together; the last batch is left out
            if it is smaller.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, batch_size: int):
        if not 1 <= batch_size <= len(x):
            raise ValueError(
                f"expected a batch size from 1 to the {len(x)} examples. "
                f"Received: batch_size={batch_size}"
            )
        count = len(x) // batch_size * batch_size
        self.labels = (y.argmax(axis=-1) if y.ndim > 1 else y)[:count]
        self.batches = np.split(x[:count], count // batch_size)

    def __call__(self, model: keras.Model, step: int) -> dict[str, float]:
        """Return {"batch-mode accuracy": a share from 0 to 1}."""
        state = (
            [v.value for v in model.trainable_variables],
            [v.value for v in model.non_trainable_variables],
        )
        found = [
            keras.ops.convert_to_numpy(
                model.stateless_call(*state, batch, training=True)[0]
            ).argmax(axis=-1)
            for batch in self.batches
        ]
        return {"batch-mode accuracy": float(np.mean(np.hstack(found) == self.labels))}
