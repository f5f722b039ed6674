"""One training loop for all experiments: history, progress, resume.

`train` works on any Keras backend. The order of the examples depends on the seed
alone, and so does not change with the backend, the loop or an interruption.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import keras
import numpy as np
from tqdm import tqdm

from bnteach.checkpoints import Checkpoint
from bnteach.retracing import no_retracing_advice

Probe = Callable[[keras.Model, int], Mapping[str, Any]]
LOOPS = ("auto", "compiled", "keras")


@dataclass
class History:
    """What was recorded while a model trained.

    Attributes:
        step: training steps done at each record; the first is 0, before training.
        curves: name -> one number a record. "loss" and "accuracy" are means over the
            steps since the record before, in training mode, and None at step 0;
            "val_loss" and "val_accuracy" are measured at the record, in inference
            mode.
        probes: name -> one value a record, as the probes returned it.
        seconds: wall-clock time, over all sittings.
    """

    step: list[int] = field(default_factory=list)
    curves: dict[str, list[float | None]] = field(default_factory=dict)
    probes: dict[str, list[Any]] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def final(self) -> dict[str, float]:
        """The last number of each curve."""
        return {name: values[-1] for name, values in self.curves.items()}

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists and numbers, fit for JSON."""
        return asdict(self)


def train(
    model: keras.Model,
    data: Any,
    *,
    steps: int,
    batch_size: int,
    seed: int = 0,
    record_every: int | None = None,
    probes: Sequence[Probe] = (),
    checkpoint: str | os.PathLike | None = None,
    progress: bool | None = None,
    loop: str = "auto",
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
        probes: called as `probe(model, step)` at each record; what they return is
            kept in `History.probes`. They must leave the model as it is.
        checkpoint: a file that keeps the state after each record, from which an
            interrupted run goes on; it is removed at the end.
        progress: show a bar with the time left. By default only where a person looks.
        loop: "compiled" (TensorFlow only), "keras", or "auto" for the faster one
            that the backend has.

    Returns:
        The history. The model is left trained.

    Raises:
        ValueError: a size is out of range, the loop is unknown, or the checkpoint
            is damaged or belongs to another run.
    """
    _check_sizes(len(data.x_train), steps, batch_size, record_every)
    record_every = record_every or max(1, len(data.x_train) // batch_size)
    run_steps = _make_loop(model, data.x_train, data.y_train, loop)
    order = Order(len(data.x_train), batch_size, seed)
    identity = {"batch_size": batch_size, "seed": seed, "record_every": record_every}
    saved = Checkpoint(checkpoint, model, identity)
    history = History(**(saved.restore() or {}))
    if not history.step:
        _record(history, model, data, 0, probes, None)
    started = time.perf_counter() - history.seconds
    with _bar(steps, history.step[-1], progress, model.name) as bar:
        while (done := history.step[-1]) < steps:
            stop = min(done + record_every, steps)
            metrics = run_steps(order.batches(done, stop))
            _record(history, model, data, stop, probes, metrics)
            history.seconds = time.perf_counter() - started
            saved.save(history.to_dict())
            bar.update(stop - done)
    saved.remove()
    return history


class Order:
    """The endless stream of seeded permutations, cut into full batches.

    Any stretch of it can be had without drawing what came before, which is how an
    interrupted run finds its place again.
    """

    def __init__(self, size: int, batch_size: int, seed: int):
        self.size = size
        self.batch_size = batch_size
        self.seed = seed
        self.steps_per_pass = max(1, size // batch_size)

    def batches(self, start: int, stop: int) -> np.ndarray:
        """Return the indices of batches start..stop-1, shape (stop-start, batch)."""
        first, last = start * self.batch_size, stop * self.batch_size
        passes = range(first // self.size, -(-last // self.size))
        stream = np.concatenate([self._permutation(number) for number in passes])
        offset = first - passes.start * self.size
        rows = stream[offset : offset + last - first]
        return rows.reshape(stop - start, self.batch_size)

    def _permutation(self, number: int) -> np.ndarray:
        return np.random.default_rng((self.seed, number)).permutation(self.size)


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


def someone_is_watching() -> bool:
    """Tell whether output goes to a terminal or to a notebook that a person opened."""
    return sys.stderr.isatty() or "JPY_SESSION_NAME" in os.environ


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


def _make_loop(model, x, y, loop: str) -> Callable[[np.ndarray], dict[str, float]]:
    """Return a function that trains on batches of indices and returns the metrics."""
    if loop not in LOOPS:
        raise ValueError(f"expected loop to be one of {LOOPS}. Received: {loop!r}")
    on_tensorflow = keras.backend.backend() == "tensorflow"
    if loop == "compiled" and not on_tensorflow:
        raise ValueError(
            "expected the TensorFlow backend for loop='compiled'. "
            f"Received: {keras.backend.backend()!r}"
        )
    if loop == "keras" or not on_tensorflow:
        return _keras_loop(model, x, y)
    from bnteach.compiled_loop import CompiledLoop

    return CompiledLoop(model, x, y).run


def _keras_loop(model, x, y) -> Callable[[np.ndarray], dict[str, float]]:
    model.steps_per_execution = max(model.steps_per_execution, 16)

    def run_chunk(indices: np.ndarray) -> dict[str, float]:
        rows = indices.ravel()
        logs = model.fit(
            x[rows],
            y[rows],
            batch_size=indices.shape[1],
            epochs=1,
            shuffle=False,
            verbose=0,
        )
        return {name: values[-1] for name, values in logs.history.items()}

    return run_chunk


def _record(history, model, data, step: int, probes, metrics) -> None:
    """Append one record. `metrics` is None before training: the curve has a gap."""
    row = {}
    if getattr(data, "x_validation", None) is not None and len(data.x_validation):
        measured = evaluate(model, data.x_validation, data.y_validation)
        row = {f"val_{name}": value for name, value in measured.items()}
    if metrics is None:
        metrics = dict.fromkeys(evaluate(model, data.x_train[:1], data.y_train[:1]))
    history.step.append(step)
    for name, value in {**metrics, **row}.items():
        history.curves.setdefault(name, []).append(value)
    for probe in probes:
        for name, value in probe(model, step).items():
            history.probes.setdefault(name, []).append(value)


def _bar(steps: int, done: int, progress: bool | None, name: str) -> tqdm:
    shown = someone_is_watching() if progress is None else progress
    return tqdm(
        total=steps,
        initial=done,
        desc=name,
        unit="step",
        leave=False,
        disable=not shown,
    )
