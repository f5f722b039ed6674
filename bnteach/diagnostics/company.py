"""Does the answer for an example depend on the examples that come with it?"""

from __future__ import annotations

import keras
import numpy as np

from bnteach.diagnostics.batch_statistics import BatchStatisticsEvaluation


def accuracy_by_company(
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    batch_size: int = 50,
    alone: int = 200,
) -> dict[str, dict[str, float]]:
    """Ask a classifier for the same examples in three ways, in both modes.

    Args:
        model: A compiled classifier with the metric "accuracy" and layers that have
            moving statistics. It is left as it was.
        x: Examples in mixed order, shape (N, ...).
        y: Their classes, integers, shape (N,).
        batch_size: Examples in a batch, for two of the ways.
        alone: How many examples are asked for one by one.

    Returns:
        For "mixed" (batches in the order of x), "of one class" (batches of examples
        sorted by class) and "one alone" (batches of one): "inference mode" and
        "training mode" -> accuracy, from 0 to 1.

    Raises:
        ValueError: If the model has no such layer or is not built.
    """
    by_batch = BatchStatisticsEvaluation(model)
    by_class = np.argsort(y, kind="stable")
    ways = {
        "mixed": (np.arange(len(y)), batch_size),
        "of one class": (by_class, batch_size),
        "one alone": (np.arange(min(alone, len(y))), 1),
    }
    found = {}
    for way, (rows, size) in ways.items():
        data = x[rows], y[rows]
        usual = model.evaluate(*data, batch_size=size, verbose=0, return_dict=True)
        found[way] = {
            "inference mode": float(usual["accuracy"]),
            "training mode": float(by_batch(data, size)["accuracy"]),
        }
    return found
