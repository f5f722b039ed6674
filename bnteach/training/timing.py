"""How long a training step takes on this machine."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from bnteach.training.loops import make_loop
from bnteach.training.retracing import no_retracing_advice


def time_steps(
    networks: Mapping[str, keras.Model],
    data: Any,
    batch_size: int,
    *,
    steps: int = 3,
    rounds: int = 9,
) -> dict[str, float]:
    """Measure how long a training step of each network takes here, in seconds.

    The networks take turns, so that what else the machine does falls on all alike.

    Args:
        networks: name -> a compiled model. All of them are trained a little.
        data: has `x_train` and `y_train`, with at least one batch.
        batch_size: examples a step.
        steps: steps a turn.
        rounds: turns of each network; the median counts.
    """
    indices = np.tile(np.arange(batch_size), (steps, 1))
    taken = {name: [] for name in networks}
    with no_retracing_advice():
        loops = {
            name: make_loop(model, data.x_train, data.y_train, None, "auto")
            for name, model in networks.items()
        }
        for turn in range(rounds + 1):
            for name, run_steps in loops.items():
                started = time.perf_counter()
                run_steps(indices, lambda count: None)
                if turn:  # the first turn compiles
                    taken[name].append((time.perf_counter() - started) / steps)
    return {name: float(np.median(seconds)) for name, seconds in taken.items()}
