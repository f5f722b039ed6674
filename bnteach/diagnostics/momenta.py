"""How accurate one training run would be in inference, for each of several momenta."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from bnteach.diagnostics.layer_paths import batch_norms


def accuracy_by_momentum(
    model: keras.Model,
    train: tuple[np.ndarray, np.ndarray],
    held_out: tuple[np.ndarray, np.ndarray],
    momenta: Sequence[float],
    *,
    steps: int,
    every: int,
    batch_size: int = 64,
) -> list[dict[str, float]]:
    """Train once, and evaluate in inference as each momentum would have it.

    The momentum changes nothing that is learned, since training normalizes by the
    statistics of the batch. So the statistics of every batch are noted once, and the
    moving statistics of all momenta are computed from them beside the training:
    ``moving <- momentum * moving + (1 - momentum) * batch`` (Ioffe and Szegedy, 2015,
    section 3.1). The model is trained, and its own momentum is 0 afterwards.

    Args:
        model: a compiled classifier whose outputs are logits.
        train: x and integer labels y, in the order in which batches are taken.
        held_out: x and y that the accuracy is measured on.
        momenta: in Keras's sense, each from 0 to below 1.
        steps: number of training steps.
        every: how many steps lie between two evaluations.
        batch_size: examples a batch.

    Returns:
        One dict a momentum and evaluation, with step, momentum and accuracy (0 to 1).
    """
    layers = list(batch_norms(model).values())
    for layer in layers:
        layer.momentum = 0.0  # its moving statistics are then those of the last batch
    moving = {momentum: _statistics(layers) for momentum in momenta}
    rows = []
    x, y = train
    for step in range(1, steps + 1):
        start = (step - 1) * batch_size % (len(x) - batch_size + 1)
        model.train_on_batch(x[start : start + batch_size], y[start:][:batch_size])
        batch = _statistics(layers)
        for momentum, old in moving.items():
            moving[momentum] = momentum * old + (1 - momentum) * batch
        if step % every == 0:
            for momentum, statistics in moving.items():
                _assign(layers, statistics)
                accuracy = _accuracy(model, *held_out)
                rows.append({"step": step, "momentum": momentum, "accuracy": accuracy})
            _assign(layers, batch)
    return rows


def _statistics(layers) -> np.ndarray:
    """Return all moving statistics in one row."""
    values = [v for one in layers for v in (one.moving_mean, one.moving_variance)]
    return np.concatenate([keras.ops.convert_to_numpy(value) for value in values])


def _assign(layers, row: np.ndarray) -> None:
    start = 0
    for layer in layers:
        for variable in (layer.moving_mean, layer.moving_variance):
            variable.assign(row[start : start + variable.shape[0]])
            start += variable.shape[0]


def _accuracy(model, x, y) -> float:
    return float(np.mean(np.argmax(model.predict_on_batch(x), axis=-1) == y))
