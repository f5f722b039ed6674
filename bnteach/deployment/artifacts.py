"""Check an artifact, whatever it is, by asking it: SavedModel, ONNX session, server.

A model that was exported in training mode normalizes each batch by its own
statistics: the answer for one example then depends on the others, and may change from
call to call, since each call moves the moving statistics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from bnteach.diagnostics.codes import finding
from bnteach.diagnostics.report import Finding, Report

TOLERANCE = 1e-3  # relative to the largest output; batch statistics are far above


def check_artifact(
    call: Callable[[Any], Any],
    x: Any,
    *,
    expected: Any = None,
    tolerance: float = TOLERANCE,
) -> Report:
    """Ask an artifact for the same examples in several ways.

    Args:
        call: takes a batch of inputs and returns outputs: arrays, tensors, or a dict,
            list or tuple of them. For example a signature of a SavedModel,
            ``lambda x: session.run(None, {"x": x})``, or a function that asks a
            server.
        x: at least 2 different examples: an array, or a dict, list or tuple of arrays.
        expected: what the outputs should be, for example `model.predict(x)`.
        tolerance: largest difference that is taken for rounding, relative to the
            largest output.

    Returns:
        A report with the codes "batch-dependent-inference" (the answer for one
        example depends on the others), "answers-change" (the same call twice gives
        two answers), "differs-from-expected" and "non-finite-output".

    Raises:
        ValueError: fewer than 2 examples, or outputs of an unexpected form.
    """
    size = len(keras.tree.flatten(x)[0])
    if size < 2:
        raise ValueError(
            f"expected at least 2 examples, to compare them alone and together. "
            f"Received: {size}"
        )
    first = _outputs(call, x, size)
    single = [
        np.concatenate(parts) for parts in zip(*_one_by_one(call, x, size), strict=True)
    ]
    again = _outputs(call, x, size)
    findings = [
        _non_finite(first),
        _changed(_distance(first, again), tolerance),
        _dependent(_distance(first, single), _distance(first, again), tolerance),
    ]
    if expected is not None:
        findings.append(_unexpected(first, _flat(expected), tolerance))
    return Report(filter(None, findings), f"artifact, asked for {size} examples")


def _outputs(call, x, size: int) -> list[np.ndarray]:
    found = _flat(call(x))
    wrong = [array.shape for array in found if array.shape[:1] != (size,)]
    if wrong or not found:
        raise ValueError(
            f"expected outputs with {size} examples on their first axis. "
            f"Received: shapes {wrong or 'none'}"
        )
    return found


def _one_by_one(call, x, size: int):
    for row in range(size):
        alone = slice(row, row + 1)
        part = keras.tree.map_structure(lambda array, at=alone: array[at], x)
        yield _outputs(call, part, 1)


def _flat(outputs) -> list[np.ndarray]:
    """Return all outputs as float64, in the order of their names if they have any."""
    if isinstance(outputs, Mapping):
        outputs = [outputs[name] for name in sorted(outputs)]
    leaves = keras.tree.flatten(outputs)
    return [np.asarray(keras.ops.convert_to_numpy(v), np.float64) for v in leaves]


def _distance(found, wanted) -> float:
    """Largest difference over the largest output; infinite where NaN are elsewhere."""
    largest = 0.0
    for a, b in zip(found, wanted, strict=True):
        if a.shape != b.shape or (np.isfinite(a) != np.isfinite(b)).any():
            return float("inf")
        a, b = a[np.isfinite(a)], b[np.isfinite(b)]
        scale = max(np.abs(a).max(initial=0.0), np.abs(b).max(initial=0.0))
        if scale:
            largest = max(largest, float(np.abs(a - b).max() / scale))
    return largest


def _non_finite(outputs) -> Finding | None:
    count = int(sum(np.sum(~np.isfinite(array)) for array in outputs))
    if not count:
        return None
    text = f"{count} output values are NaN or infinite"
    return finding("non-finite-output", text, values=count)


def _changed(distance: float, tolerance: float) -> Finding | None:
    if distance <= tolerance:
        return None
    text = (
        f"the same examples get other answers in a later call, by {distance:.2g} of "
        "the largest output: a call changes the artifact, or it draws at random"
    )
    return finding("answers-change", text, distance=distance)


def _dependent(distance: float, chance: float, tolerance: float) -> Finding | None:
    # What changes from call to call anyway does not show a dependence.
    if distance <= max(tolerance, 2 * chance):
        return None
    text = (
        "an example asked alone gets another answer than in a batch, by "
        f"{distance:.2g} of the largest output: batch statistics are in use"
    )
    return finding("batch-dependent-inference", text, distance=distance)


def _unexpected(outputs, expected, tolerance: float) -> Finding | None:
    if len(outputs) != len(expected):
        raise ValueError(
            f"expected {len(expected)} outputs. Received: {len(outputs)} outputs"
        )
    distance = _distance(outputs, expected)
    if distance <= tolerance:
        return None
    text = f"the answers are not the expected ones, by {distance:.2g} of the largest"
    return finding("differs-from-expected", text, distance=distance)
