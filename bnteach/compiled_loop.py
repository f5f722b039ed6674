"""The fast path on TensorFlow: many training steps inside one compiled function.

A plain `model.fit` returns to Python after every step, which costs 3 to 4 ms; on a
small dense network that is most of the time. Here the data lie on the device once,
and one call runs a whole run of steps: gather a batch by its indices, take Keras's
own `train_step`, repeat. The arithmetic is Keras's, so the result is that of
`model.fit` on the same batches, within rounding.

Dense networks are compiled with XLA as well. Convolutions are not: XLA's are several
times slower on a processor than the ones TensorFlow calls otherwise.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from bnteach.retracing import no_retracing_advice


class CompiledLoop:
    """Trains a compiled Keras model on batches that are named by their indices.

    Args:
        model: built and compiled; metrics are allowed, custom `train_step` too.
        x: all training inputs, shape (N, ...).
        y: all training targets, shape (N, ...).
    """

    def __init__(self, model: keras.Model, x: np.ndarray, y: np.ndarray):
        self.model = model
        self.x = tf.convert_to_tensor(x)
        self.y = tf.convert_to_tensor(y)
        _build_state(model, x[:1], y[:1])
        self._run = tf.function(self._steps, jit_compile=not has_convolution(model))

    def run(self, indices: np.ndarray) -> dict[str, float]:
        """Take one training step for each row of `indices`.

        Args:
            indices: rows of `x` and `y`, integer, shape (steps, batch size).

        Returns:
            The model's metrics over these steps, by name, "loss" among them.
        """
        self.model.reset_metrics()
        self._run(self.x, self.y, tf.convert_to_tensor(indices, tf.int32))
        return {k: float(v) for k, v in self.model.get_metrics_result().items()}

    def _steps(self, x: tf.Tensor, y: tf.Tensor, indices: tf.Tensor) -> None:
        for step in tf.range(tf.shape(indices)[0]):
            rows = indices[step]  # (batch size,)
            self.model.train_step((tf.gather(x, rows), tf.gather(y, rows)))


def has_convolution(model: keras.Model) -> bool:
    """Tell whether any layer of the model, nested ones included, is a convolution."""
    layers = model._flatten_layers(include_self=False, recursive=True)
    return any("Conv" in type(layer).__name__ for layer in layers)


def _build_state(model: keras.Model, x: np.ndarray, y: np.ndarray) -> None:
    """Make every variable now: a compiled function may not make any later."""
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    # Metrics make their variables when they first see data; this changes no weight.
    with no_retracing_advice():
        model.test_on_batch(x, y)
    model.reset_metrics()
