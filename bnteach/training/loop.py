"""One training loop for all experiments: history, progress, resume.

`train` works on any Keras backend. The order of the examples depends on the seed
alone, and so does not change with the backend, the loop or an interruption.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from bnteach.training.checkpoints import Checkpoint
from bnteach.training.history import History, record
from bnteach.training.loops import Loop, make_loop
from bnteach.training.order import Order
from bnteach.training.progress import step_bar

Probe = Callable[[keras.Model, int], Mapping[str, Any]]


def train(
    model: keras.Model,
    data: Any,
    *,
    steps: int,
    batch_size: int,
    seed: int = 0,
    record_every: int | None = None,
    augmentation: keras.layers.Layer | None = None,
    probes: Sequence[Probe] = (),
    checkpoint: str | os.PathLike | None = None,
    progress: bool | None = None,
    loop: str | Loop = "auto",
    strategy: Any = None,
) -> History:
    """Train a compiled model for a number of steps and record what happens.

    Each pass takes the examples in a new order drawn from `seed`. The passes are
    joined end to end and cut into full batches, so that no batch is a partial one.

    Args:
        model: a Keras model after `compile`.
        data: has `x_train`, `y_train` and, for validation, `x_validation` and
            `y_validation`; a `bnteach.datasets.Dataset` does.
        steps: how many batches to train on.
        batch_size: examples a batch.
        seed: decides the order of the examples.
        record_every: steps between two records; by default one pass over the data.
        augmentation: a layer that makes new inputs (batch, ...) of each training batch,
            for example a `keras.Sequential` of random image layers. What it draws
            depends on its own seeds and the step, not on the model.
        probes: called as `probe(model, step)` at each record; what they return is
            kept in `History.probes`. They must leave the model as it is.
        checkpoint: a file that keeps the state after each record. An interrupted run
            goes on from it, and a finished one is not run again; remove the file to
            train anew.
        progress: show a bar with the time left. By default only where a person looks.
        loop: "compiled" (TensorFlow only), "keras", or "auto" for the faster one
            that the backend has; or what `make_loop` returned for this model, these
            training data and this augmentation, so that nothing is compiled again.
        strategy: what `distribution.make` returns, to train copies of the model on
            several devices or machines (TensorFlow only). Each has an equal share of
            every batch. The model itself stays where it is and gets their weights at
            each record. With several machines all must make the same call; only the
            chief uses the checkpoint and has a whole history after going on from it.

    Returns:
        The history. The model is left trained.

    Raises:
        ValueError: a size is out of range, the loop is unknown, or the checkpoint
            is damaged or belongs to another run.
    """
    _check_sizes(len(data.x_train), steps, batch_size, record_every)
    record_every = record_every or max(1, len(data.x_train) // batch_size)
    trained = model
    if strategy is not None:
        from bnteach.training import distribution, workers

        trained = distribution.replicate(model, strategy, batch_size)
        checkpoint = checkpoint if workers.is_chief(strategy) else None
    run_steps = loop
    if not callable(loop):
        run_steps = make_loop(
            trained, data.x_train, data.y_train, augmentation, loop, strategy
        )
    order = Order(len(data.x_train), batch_size, seed)
    identity = {"batch_size": batch_size, "seed": seed, "record_every": record_every}
    drawn = [] if augmentation is None else augmentation.variables
    saved = Checkpoint(checkpoint, trained, identity, drawn)
    found = saved.restore()
    history = History() if found is None else History.restored(found)
    if not history.step:
        record(history, model, data, 0, probes, None)
        history.elapsed.append(0.0)
    if strategy is not None:
        done = distribution.start_together(strategy, trained, drawn, history.step[-1])
        history.step[-1] = done
        model.set_weights(trained.get_weights())
    started = time.perf_counter() - history.seconds
    with step_bar(steps, history.step[-1], progress, model.name) as bar:
        while (done := history.step[-1]) < steps:
            stop = min(done + record_every, steps)
            batches, began = order.batches(done, stop), time.perf_counter()
            metrics = run_steps(batches, bar.update)
            took = time.perf_counter() - began
            if strategy is not None:
                model.set_weights(trained.get_weights())
            record(history, model, data, stop, probes, metrics)
            history.elapsed.append(history.elapsed[-1] + took)
            history.seconds = time.perf_counter() - started
            saved.save(history.to_dict())
    return history


def _check_sizes(size: int, steps: int, batch_size: int, every: int | None) -> None:
    if steps < 1:
        raise ValueError(f"expected at least 1 step. Received: steps={steps}")
    if not 1 <= batch_size <= size:
        raise ValueError(
            f"expected a batch size from 1 to the {size} training examples. "
            f"Received: batch_size={batch_size}"
        )
    if every is not None and every < 1:
        raise ValueError(f"expected record_every >= 1. Received: {every}")
