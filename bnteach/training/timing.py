"""How long a training step takes on this machine."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from bnteach.training.loops import make_loop
from bnteach.training.retracing import no_retracing_advice


def time_rounds(
    networks: Mapping[str, keras.Model],
    data: Any,
    batch_size: int,
    *,
    steps: int = 3,
    rounds: int = 9,
    augmentation: keras.layers.Layer | None = None,
) -> dict[str, list[float]]:
    """Measure how long a training step of each network takes here, turn by turn.

    The networks take turns, so that what else the machine does falls on all alike:
    compare them within a turn, and take the spread over the turns for the error.

    Args:
        networks: name -> a compiled model. All of them are trained a little.
        data: has `x_train` and `y_train`, with at least one batch.
        batch_size: examples a step.
        steps: steps a turn.
        rounds: turns of each network.
        augmentation: makes new inputs of each batch, as in `train`; its time counts.

    Returns:
        name -> seconds a step, one number a turn.
    """
    batches = len(data.x_train) // batch_size
    order = np.arange(batches * batch_size).reshape(batches, batch_size)
    indices = np.resize(order, (steps, batch_size))  # (steps, batch size), in turn
    taken = {name: [] for name in networks}
    with no_retracing_advice():
        loops = {
            name: make_loop(model, data.x_train, data.y_train, augmentation, "auto")
            for name, model in networks.items()
        }
        for turn in range(rounds + 1):
            for name, run_steps in loops.items():
                started = time.perf_counter()
                run_steps(indices, lambda count: None)
                if turn:  # the first turn compiles
                    taken[name].append((time.perf_counter() - started) / steps)
    return taken


def time_steps(
    networks: Mapping[str, keras.Model], data: Any, batch_size: int, **options: Any
) -> dict[str, float]:
    """Return the median of `time_rounds` for each network, in seconds a step.

    Args:
        networks: name -> a compiled model. All of them are trained a little.
        data: has `x_train` and `y_train`, with at least one batch.
        batch_size: examples a step.
        **options: see `time_rounds`.
    """
    turns = time_rounds(networks, data, batch_size, **options)
    return {name: float(np.median(seconds)) for name, seconds in turns.items()}
