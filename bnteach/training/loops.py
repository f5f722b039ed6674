"""How the steps are run: by Keras's `fit`, or many in one compiled function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

Loop = Callable[[np.ndarray, Callable[[int], Any]], dict[str, float]]
STEPS_PER_EXECUTION = 16
LOOPS = ("auto", "compiled", "keras")


def make_loop(model, x, y, augmentation, loop: str, strategy=None) -> Loop:
    """Return a function that trains on batches of indices and returns the metrics."""
    if loop not in LOOPS:
        raise ValueError(f"expected loop to be one of {LOOPS}. Received: {loop!r}")
    on_tensorflow = keras.backend.backend() == "tensorflow"
    if loop == "compiled" and not on_tensorflow:
        raise ValueError(
            "expected the TensorFlow backend for loop='compiled'. "
            f"Received: {keras.backend.backend()!r}"
        )
    if strategy is not None and (loop == "keras" or not on_tensorflow):
        raise ValueError(
            "expected the compiled loop, on TensorFlow, for a strategy. "
            f"Received: loop={loop!r} on {keras.backend.backend()!r}"
        )
    if augmentation is not None and not augmentation.built:
        augmentation(x[:1], training=False)  # makes its variables
    if loop == "keras" or not on_tensorflow:
        return _keras_loop(model, x, y, augmentation)
    from bnteach.training.compiled_loop import CompiledLoop

    return CompiledLoop(model, x, y, augmentation, strategy).run


def _keras_loop(model, x, y, augmentation) -> Loop:
    model.steps_per_execution = max(model.steps_per_execution, STEPS_PER_EXECUTION)
    pipeline = None if augmentation is None else _Pipeline(augmentation)

    def run_chunk(indices: np.ndarray, advance=lambda steps: None) -> dict[str, float]:
        seen, total = 0, {}
        for rows in _slices(indices):  # each fits into memory twice
            inputs = x[rows.ravel()]
            if pipeline is not None:
                inputs = pipeline.predict(inputs, rows.shape[1], verbose=0)
            logs = model.fit(
                inputs,
                y[rows.ravel()],
                batch_size=rows.shape[1],
                epochs=1,
                shuffle=False,
                verbose=0,
            )
            for name, values in logs.history.items():
                total[name] = total.get(name, 0.0) + values[-1] * len(rows)
            seen += len(rows)
            advance(len(rows))
        return {name: value / seen for name, value in total.items()}

    return run_chunk


class _Pipeline(keras.Model):
    """Augments in inference mode too, and so in `predict`."""

    def __init__(self, augmentation: keras.layers.Layer):
        super().__init__(name="pipeline")
        self.augmentation = augmentation
        # On TensorFlow, XLA would draw other numbers than the layer does elsewhere.
        self.compile(jit_compile=keras.backend.backend() != "tensorflow")

    def call(self, x):
        return self.augmentation(x, training=True)


def _slices(indices: np.ndarray) -> list[np.ndarray]:
    """Cut batches into runs of whole executions, some tens of megabytes of images."""
    steps = 16 * STEPS_PER_EXECUTION
    return [indices[at : at + steps] for at in range(0, len(indices), steps)]
