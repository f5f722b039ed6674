"""The fast path on TensorFlow: many training steps inside one compiled function.

A plain `model.fit` returns to Python after every step, which costs 3 to 4 ms; on a
small dense network that is most of the time. Here the data lie on the device once,
and one call runs a whole run of steps: gather a batch by its indices, take Keras's
own `train_step`, repeat. The arithmetic is Keras's, so the result is that of
`model.fit` on the same batches, within rounding.

Dense networks are compiled with XLA as well. Convolutions are not: XLA's are several
times slower on a processor than the ones TensorFlow calls otherwise. Their steps are
slow enough to come back to Python every few of them, for progress and for Ctrl-C.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bnteach.training import distribution

SLICE = 10  # steps between two returns to Python, where a step is slow


class CompiledLoop:
    """Trains a compiled Keras model on batches that are named by their indices.

    Args:
        model: built and compiled; metrics are allowed, custom `train_step` too.
        x: all training inputs, shape (N, ...).
        y: all training targets, shape (N, ...).
        augmentation: a layer that makes new inputs of each batch, or None.
        strategy: the one in whose scope the model was made, or None. It must get the
            same indices in every process that takes part.
    """

    def __init__(
        self,
        model: keras.Model,
        x: np.ndarray,
        y: np.ndarray,
        augmentation: keras.layers.Layer | None = None,
        strategy: tf.distribute.Strategy | None = None,
    ):
        self.model = model
        self.augmentation = augmentation
        self.train_step = model.train_step
        if strategy is not None:
            self.train_step = distribution.on_shares(strategy, model.train_step)
        self.x = tf.convert_to_tensor(x)
        self.y = tf.convert_to_tensor(y)
        _build_state(model, x[:1], y[:1])
        self.sliced = (
            has_convolution(model) or augmentation is not None or strategy is not None
        )
        self._run = tf.function(
            self._steps, jit_compile=not self.sliced, reduce_retracing=self.sliced
        )

    @distribution.worker_errors()
    def run(
        self, indices: np.ndarray, advance: Callable[[int], Any] = lambda steps: None
    ) -> dict[str, float]:
        """Take one training step for each row of `indices`.

        Args:
            indices: rows of `x` and `y`, integer, shape (steps, batch size).
            advance: called with the number of steps whenever some are done.

        Returns:
            The model's metrics over these steps, by name, "loss" among them.
        """
        self.model.reset_metrics()
        size = SLICE if self.sliced else len(indices)
        for start in range(0, len(indices), size):
            rows = tf.convert_to_tensor(indices[start : start + size], tf.int32)
            self._run(self.x, self.y, rows)
            advance(len(rows))
        return {k: float(v) for k, v in self.model.get_metrics_result().items()}

    def _steps(self, x: tf.Tensor, y: tf.Tensor, indices: tf.Tensor) -> None:
        for step in tf.range(tf.shape(indices)[0]):
            rows = indices[step]  # (batch size,)
            batch = tf.gather(x, rows)  # (batch size, ...)
            if self.augmentation is not None:
                batch = self.augmentation(batch, training=True)
            self.train_step((batch, tf.gather(y, rows)))


def has_convolution(model: keras.Model) -> bool:
    """Tell whether any layer of the model, nested ones included, is a convolution."""
    layers = model._flatten_layers(include_self=False, recursive=True)
    return any("Conv" in type(layer).__name__ for layer in layers)


def _build_state(model: keras.Model, x: np.ndarray, y: np.ndarray) -> None:
    """Make every variable now: a compiled function may not make any later."""
    with model.distribute_strategy.scope():
        # The optimizer's and, which need to see data for it, the metrics'.
        model._symbolic_build(data_batch=(x, y))
