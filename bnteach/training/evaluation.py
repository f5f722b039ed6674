"""Loss and metrics of a model, in inference mode."""

from __future__ import annotations

import keras
import numpy as np

from bnteach.training.retracing import no_retracing_advice


def evaluate(
    model: keras.Model, x: np.ndarray, y: np.ndarray, batch_size: int = 1000
) -> dict[str, float]:
    """Return the model's loss and metrics in inference mode, by name.

    Args:
        model: a Keras model after `compile`.
        x: inputs, shape (N, ...).
        y: targets, shape (N, ...).
        batch_size: examples at once; the result does not depend on it but for
            rounding.
    """
    with no_retracing_advice():  # each model has an evaluation function of its own
        result = model.evaluate(x, y, batch_size, verbose=0, return_dict=True)
    return {name: float(value) for name, value in result.items()}
