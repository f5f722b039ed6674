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
Loop = Callable[[np.ndarray, Callable[[int], Any]], dict[str, float]]
STEPS_PER_EXECUTION = 16
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
        elapsed: seconds of training up to each record, over all sittings; what was
            measured in between does not count.
        seconds: wall-clock time of everything, over all sittings.
    """

    step: list[int] = field(default_factory=list)
    elapsed: list[float] = field(default_factory=list)
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
    augmentation: keras.layers.Layer | None = None,
    probes: Sequence[Probe] = (),
    checkpoint: str | os.PathLike | None = None,
    progress: bool | None = None,
    loop: str = "auto",
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
            that the backend has.
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
        from bnteach import distribution

        trained = distribution.replicate(model, strategy, batch_size)
        checkpoint = checkpoint if distribution.is_chief(strategy) else None
    run_steps = _make_loop(
        trained, data.x_train, data.y_train, augmentation, loop, strategy
    )
    order = Order(len(data.x_train), batch_size, seed)
    identity = {"batch_size": batch_size, "seed": seed, "record_every": record_every}
    drawn = [] if augmentation is None else augmentation.variables
    saved = Checkpoint(checkpoint, trained, identity, drawn)
    history = History(**(saved.restore() or {}))
    if not history.step:
        _record(history, model, data, 0, probes, None)
        history.elapsed.append(0.0)
    if strategy is not None:
        done = distribution.start_together(strategy, trained, drawn, history.step[-1])
        history.step[-1] = done
        model.set_weights(trained.get_weights())
    started = time.perf_counter() - history.seconds
    with _bar(steps, history.step[-1], progress, model.name) as bar:
        while (done := history.step[-1]) < steps:
            stop = min(done + record_every, steps)
            batches, began = order.batches(done, stop), time.perf_counter()
            metrics = run_steps(batches, bar.update)
            took = time.perf_counter() - began
            if strategy is not None:
                model.set_weights(trained.get_weights())
            _record(history, model, data, stop, probes, metrics)
            history.elapsed.append(history.elapsed[-1] + took)
            history.seconds = time.perf_counter() - started
            saved.save(history.to_dict())
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
            name: _make_loop(model, data.x_train, data.y_train, None, "auto")
            for name, model in networks.items()
        }
        for turn in range(rounds + 1):
            for name, run_steps in loops.items():
                started = time.perf_counter()
                run_steps(indices, lambda count: None)
                if turn:  # the first turn compiles
                    taken[name].append((time.perf_counter() - started) / steps)
    return {name: float(np.median(seconds)) for name, seconds in taken.items()}


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


def _make_loop(model, x, y, augmentation, loop: str, strategy=None) -> Loop:
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
    from bnteach.compiled_loop import CompiledLoop

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
