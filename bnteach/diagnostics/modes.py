"""What each way of calling a model does to its batch normalization, by running.

`truth_table` finds out which statistics normalize the batch and which variables
move, for every combination of the switches that Keras offers.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import keras
import numpy as np

from bnteach.diagnostics.batch_statistics import evaluate_with_batch_statistics
from bnteach.training.retracing import no_retracing_advice

__all__ = [
    "CALLERS",
    "ModeRow",
    "condense",
    "evaluate_with_batch_statistics",
    "format_table",
    "truth_table",
]

CALLERS = ("fit", "evaluate", "predict", "model(x)", "nested fit", "subclass fit")
# Numbers for which the two kinds of statistics give different outputs.
_X = np.float32([[1, 0], [3, 2], [5, 10], [7, 4]])  # (B, C) = (4, 2)
_Y = np.zeros((4, 1), "float32")
_EPSILON = 1e-3
_START = {
    "gamma": np.float32([2, 1]),
    "beta": np.float32([1, 3]),
    "moving_mean": np.float32([-6, 9]),
    "moving_variance": np.float32([4, 25]),
}


class ModeRow(NamedTuple):
    """One way to run a batch normalization layer, and what it did.

    Attributes:
        caller: One of `CALLERS`. "nested fit" calls a Functional model inside
            another, the recipe of the transfer-learning guides; "subclass fit" calls
            it with `training=False` in the `call` method of a subclassed model.
        at_building: The `training` argument when the graph was built; None: unset.
        at_call: The `training` argument of `model(x)`; None: unset. The other callers
            take no such argument.
        trainable: "True" or "False", the layer's attribute at `compile`; or "True,
            then False" and the reverse: changed after a run, not compiled again, and
            run on a batch of the same shape (for another shape, such as a smaller last
            batch, TensorFlow traces anew and meets the change there).
        statistics: "batch" or "moving", what normalized the batch; "refused" where
            Keras raised a ValueError instead.
        moving_statistics_move: Whether moving_mean or moving_variance changed.
            None where the run was refused.
        gamma_beta_move: Whether gamma or beta changed, likewise.
    """

    caller: str
    at_building: bool | None
    at_call: bool | None
    trainable: str
    statistics: str
    moving_statistics_move: bool | None
    gamma_beta_move: bool | None


def truth_table(
    layer: Callable[..., keras.Layer] = keras.layers.BatchNormalization,
) -> list[ModeRow]:
    """Runs a tiny compiled model in every mode and writes down what happened.

    Nothing runs eagerly: what a change of `trainable` does depends on what was
    compiled before it.

    Args:
        layer: The class of the layer, called as `layer(momentum=..., epsilon=...,
            name=...)`. Its instances must have gamma, beta, moving_mean and
            moving_variance, each of shape (C,).

    Returns:
        One row for every combination that exists, in a fixed order.

    Raises:
        RuntimeError: If an output fits neither kind of statistics.
    """
    switch = (None, True, False)
    with no_retracing_advice():
        return [
            row
            for caller in CALLERS
            for at_building in switch
            for at_call in (switch if caller == "model(x)" else (None,))
            for trainable in (True, False)
            for row in _observe(layer, caller, at_building, at_call, trainable)
        ]


def condense(rows: Sequence[ModeRow]) -> list[tuple]:
    """Merges rows that differ in one switch and not in the result.

    Args:
        rows: Rows of `truth_table`, all or some.

    Returns:
        Tuples with the fields of `ModeRow`, the three switches as text: the merged
        values with " / " between them, or "any" for all that `rows` holds.
    """
    merged = [(row[0], *map(_text, row[1:4]), *row[4:]) for row in rows]
    for column in (1, 2, 3):  # at_building, at_call, trainable
        values: dict[str, dict] = {}  # dicts, as they keep the order
        groups: dict[tuple, dict] = {}
        for row in merged:
            rest = row[:column], row[column + 1 :]
            values.setdefault(row[0], {})[row[column]] = None
            groups.setdefault(rest, {})[row[column]] = None
        merged = []
        for (before, after), group in groups.items():
            whole = 1 < len(group) == len(values[before[0]])
            merged.append((*before, "any" if whole else " / ".join(group), *after))
    return merged


def format_table(rows: Iterable[Sequence]) -> str:
    """Writes rows of `truth_table` or `condense` as a Markdown table.

    Args:
        rows: Sequences with the seven fields of `ModeRow`.

    Returns:
        The table: a header, then one line for each row.
    """
    lines = [
        "| run by | `training` at building | at the call | `trainable` "
        "| normalized by | moving statistics move | gamma, beta move |",
        "|---" * 7 + "|",
    ]
    answers = {None: "–", True: "yes", False: "no"}
    for caller, building, call, trainable, statistics, *moves in rows:
        if caller != "model(x)":
            call = "–"  # takes no such argument
        cells = [f"`{caller}`", _text(building), _text(call), trainable, statistics]
        lines.append("| " + " | ".join(cells + [answers[m] for m in moves]) + " |")
    return "\n".join(lines)


def _text(switch) -> str:
    return "unset" if switch is None else str(switch)


def _observe(layer, caller, at_building, at_call, trainable) -> Iterator[ModeRow]:
    """Yields the row for `trainable`, then the one for its later change."""
    norm = layer(momentum=0.9, epsilon=_EPSILON, name="batch_norm")
    model = _tiny_model(norm, caller, at_building)
    norm.trainable = trainable
    model.compile(keras.optimizers.SGD(0.1, name="sgd"), "mse")
    for name, start in _START.items():
        getattr(norm, name).assign(start)
    weights = model.get_weights()
    for label in (f"{trainable}", f"{trainable}, then {not trainable}"):
        norm.trainable = label.endswith("True")
        model.set_weights(weights)
        try:
            loss = _run(model, caller, at_call)
            result = (_statistics_behind(loss), *_moves(norm))
        except ValueError:
            if label == f"{trainable}":  # nothing was changed that Keras might refuse
                raise
            result = ("refused", None, None)
        yield ModeRow(caller, at_building, at_call, label, *result)


class _InferenceOnly(keras.Model):
    """Calls its base in inference mode whatever it is told."""

    def __init__(self, base, **kwargs):
        super().__init__(**kwargs)
        self.base = base

    def call(self, inputs):
        return self.base(inputs, training=False)


def _tiny_model(norm, caller, at_building) -> keras.Model:
    # Everything has a name: the counters behind automatic names stay as they are.
    inputs = keras.Input((2,), name="features")
    nested = caller == "nested fit"
    x = norm(inputs, training=None if nested else at_building)  # (B, 2)
    # A second layer, so that a weight is left to train when `norm` is frozen.
    total = keras.layers.Dense(1, kernel_initializer="ones", name="total")
    base = keras.Model(inputs, total(x), name="base")  # (B, 1)
    if nested:
        return keras.Model(inputs, base(inputs, training=at_building), name="nested")
    return _InferenceOnly(base, name="subclass") if caller == "subclass fit" else base


def _run(model, caller, at_call) -> float:
    """Mean squared output for the batch `_X`, which is the loss against zeros."""
    if caller.endswith("fit"):
        return model.fit(_X, _Y, batch_size=4, verbose=0).history["loss"][0]
    if caller == "evaluate":
        return model.evaluate(_X, _Y, batch_size=4, verbose=0)
    if caller == "predict":
        outputs = model.predict(_X, batch_size=4, verbose=0)
    else:
        outputs = keras.ops.convert_to_numpy(model(_X, training=at_call))
    return float(np.mean(outputs**2))


def _statistics_behind(loss) -> str:
    known = {
        "batch": (_X.mean(axis=0), _X.var(axis=0)),
        "moving": (_START["moving_mean"], _START["moving_variance"]),
    }
    expected = {}
    for name, (mean, variance) in known.items():
        x_hat = (_X - mean) / np.sqrt(variance + _EPSILON)  # (4, 2)
        outputs = (_START["gamma"] * x_hat + _START["beta"]).sum(axis=1)  # (4,)
        expected[name] = float(np.mean(outputs**2))
        if np.isclose(loss, expected[name], rtol=1e-3):
            return name
    raise RuntimeError(f"expected a loss among {expected}. Received: loss={loss}")


def _moves(norm) -> tuple[bool, bool]:
    moved = {
        name: not np.allclose(getattr(norm, name).numpy(), start)
        for name, start in _START.items()
    }
    return moved["moving_mean"] or moved["moving_variance"], (
        moved["gamma"] or moved["beta"]
    )
