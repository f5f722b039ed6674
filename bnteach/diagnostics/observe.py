"""Send data through a model and note what reaches its batch normalizations.

Once as in inference; once as in training, where normalizations use batch statistics,
but without dropout; and, where there is dropout or its like, once more with it. The
model is left as it was.
"""

from __future__ import annotations

import contextlib
import inspect
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from bnteach.diagnostics import batches as reading
from bnteach.diagnostics.gap import class_numbers, right_answers
from bnteach.diagnostics.layer_paths import walk
from bnteach.diagnostics.moments import Moments
from bnteach.diagnostics.passes import (
    as_in_training,
    draws_in_training,
    eager_calls,
    unchanged,
    without_chance,
    wrapped_call,
)
from bnteach.training.progress import batch_bar

ALONE = 8  # examples that are asked one by one


@dataclass
class CallRecord:
    """What one call of a layer got, batch by batch.

    Attributes:
        moments: of all values in training without dropout, over the batches.
        with_chance: the same with dropout and its like, if there is any.
        values: values of a channel in each batch.
        example_means: per batch the mean of each example and channel, (N, C), in
            inference.
        non_finite: whether a value was NaN or infinite.
    """

    moments: Moments = field(default_factory=Moments)
    with_chance: Moments = field(default_factory=Moments)
    values: list[int] = field(default_factory=list)
    example_means: list[np.ndarray] = field(default_factory=list)
    non_finite: bool = False


@dataclass
class Observation:
    """What was seen of some data.

    Attributes:
        calls: (path of a layer, number of its call within a pass) -> record.
        sizes: examples of each batch.
        labels: per batch integer classes, or None where targets are no classes.
        right: "moving", "batch" -> per example whether the answer was right.
        alone: largest difference between answers to an example alone and among
            others, over the spread of the answers.
        chance: the same between two times of asking for the same examples together;
            0 unless the model draws at random in inference, too.
        trains_by_default: name of a layer that is in training where nobody says
            otherwise, and with it, in Keras, all that follows; "" if there is none.
        bad_inputs: batches with values that are NaN or infinite.
    """

    calls: dict[tuple[str, int], CallRecord] = field(
        default_factory=lambda: defaultdict(CallRecord)
    )
    sizes: list[int] = field(default_factory=list)
    labels: list[np.ndarray | None] = field(default_factory=list)
    right: dict[str, list] = field(default_factory=lambda: {"moving": [], "batch": []})
    alone: float | None = None
    chance: float = 0.0
    trains_by_default: str = ""
    bad_inputs: int = 0


def observe(
    model: keras.Model,
    norms: dict[str, keras.layers.Layer],
    data: Any,
    batch_size: int | None = None,
    max_batches: int | None = 20,
) -> Observation:
    """Look at what the data are in a model, see `Observation`.

    Args:
        model: a built model.
        norms: path -> layer with moving statistics.
        data: as `batches.batches` takes it.
        batch_size: with arrays.
        max_batches: look at so many.

    Raises:
        ValueError: the data are empty or do not fit.
    """
    seen = Observation(trains_by_default=_trains_by_default(model))
    by_chance = draws_in_training(model)
    total = reading.count(data, batch_size, max_batches)
    with unchanged(model), batch_bar("examine", total) as bar:
        for batch in reading.batches(data, batch_size, max_batches):
            seen.sizes.append(batch.size)
            seen.bad_inputs += not _is_finite(batch.x)
            outputs = {}
            with _taps(norms, seen, _note_inference):
                outputs["moving"] = model(batch.x, training=False)
            with as_in_training(model), _taps(norms, seen, _note_training):
                outputs["batch"] = model(batch.x, training=True)
            if by_chance:
                with as_in_training(model, True), _taps(norms, seen, _note_chance):
                    model(batch.x, training=True)
            _compare(seen, batch, outputs)
            if seen.alone is None and batch.size > 1:
                with without_chance(model):
                    mode = {"training": False} if seen.trains_by_default else {}
                    seen.alone, seen.chance = _asked_alone(model, batch, mode)
            bar.update()
    return seen


@contextlib.contextmanager
def _taps(norms, seen: Observation, note):
    with contextlib.ExitStack() as stack:
        stack.enter_context(eager_calls())
        for path, layer in norms.items():
            stack.enter_context(wrapped_call(layer, _tap(path, layer, seen, note)))
        yield


def _tap(path, layer, seen, note):
    number = 0

    def tap(call, inputs, *args, **kwargs):
        nonlocal number
        mask = kwargs.get("mask")
        mask = None if mask is None else keras.ops.convert_to_numpy(mask)
        x = np.asarray(keras.ops.convert_to_numpy(inputs))
        note(seen.calls[path, number], x, getattr(layer, "axis", -1), mask)
        number += 1
        return call(inputs, *args, **kwargs)

    return tap


def _note_inference(record: CallRecord, x, axis: int, mask) -> None:
    x = np.moveaxis(x.astype(np.float32), axis, -1)  # (N, ..., C)
    record.non_finite |= not np.isfinite(x).all()
    if mask is not None:
        x = np.where(np.asarray(mask, bool)[..., None], x, 0)
    middle = tuple(range(1, x.ndim - 1))
    record.example_means.append(x.mean(axis=middle) if middle else x)


def _note_training(record: CallRecord, x, axis: int, mask) -> None:
    record.moments.add(x, axis, mask)
    every = x.size // x.shape[axis] if x.shape[axis] else 0
    record.values.append(every if mask is None else int(np.sum(mask)))


def _note_chance(record: CallRecord, x, axis: int, mask) -> None:
    record.with_chance.add(x, axis, mask)


def _compare(seen: Observation, batch, outputs) -> None:
    seen.labels.append(class_numbers(batch))
    for name, found in outputs.items():
        flat = [keras.ops.convert_to_numpy(v) for v in keras.tree.flatten(found)]
        seen.right[name].append(right_answers(batch, flat))


def _trains_by_default(model) -> str:
    if not model._call_has_training_arg:
        return ""  # it cannot be told to do otherwise
    for path, layer in walk(model):
        told = inspect.signature(layer.call).parameters.get("training")
        if told is not None and told.default is True:
            return path
    return ""


def _asked_alone(model, batch, mode) -> tuple[float, float]:
    """Return how far answers to examples alone are from those among others.

    And how far answers to the same examples are from each other.
    """
    rows = min(ALONE, batch.size)

    def asked(start, stop):
        part = keras.tree.map_structure(lambda v: v[start:stop], batch.x)
        return _answers(model(part, **mode))

    together, again = asked(0, rows), asked(0, rows)
    single = zip(*(asked(row, row + 1) for row in range(rows)), strict=True)
    among = [answers.shape[:1] == (rows,) for answers in together]
    alone = [
        np.concatenate(parts) if fits else None
        for parts, fits in zip(single, among, strict=True)
    ]
    return _farthest(together, alone), _farthest(together, again)


def _farthest(answers, others) -> float:
    largest = 0.0
    for among, other in zip(answers, others, strict=True):
        if other is None:
            continue
        spread = max(float(np.std(among)), 1e-3 * float(np.abs(among).max(initial=0)))
        difference = np.abs(other - among)
        if spread and np.isfinite(difference).all():
            largest = max(largest, float(difference.max(initial=0)) / spread)
    return largest


def _answers(outputs) -> list[np.ndarray]:
    leaves = keras.tree.flatten(outputs)
    return [np.asarray(keras.ops.convert_to_numpy(v), np.float64) for v in leaves]


def _is_finite(x) -> bool:
    for leaf in keras.tree.flatten(x):
        array = np.asarray(keras.ops.convert_to_numpy(leaf))
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            return False
    return True
