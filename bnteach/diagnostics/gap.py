"""How far the answers in inference are from those by batch statistics."""

from __future__ import annotations

import keras
import numpy as np

from bnteach.diagnostics.batches import Batch

KEPT_BATCHES = 20  # enough to see a gap; more would hold a whole data set


class OutputGap:
    """Compares outputs of the same examples before, with batch statistics, and after.

    The distance is the norm of the difference of two outputs over the norm of what
    varies in them: sqrt(sum (a - b)**2) / sqrt(sum (b - mean of b)**2), with b by
    batch statistics. It is 0 where inference answers as training would.

    Attributes:
        examples: how many examples all batches had.
    """

    def __init__(self):
        self.examples = 0
        self._batches: list[Batch] = []
        self._outputs = {"before": [], "batch statistics": [], "after": []}

    def before(self, model, batch: Batch) -> None:
        """Take the outputs of a batch in inference, if it is one of the first."""
        self.examples += batch.size
        if len(self._batches) < KEPT_BATCHES:
            self._batches.append(batch)
            self._keep("before", model(batch.x, training=False))

    def by_batch_statistics(self, batch: Batch, outputs) -> None:
        """Take the outputs of a batch by its own statistics."""
        if self._batches[-1] is batch:
            self._keep("batch statistics", outputs)

    def after(self, model) -> None:
        """Take the outputs of the same batches in inference, with what is new."""
        for batch in self._batches:
            self._keep("after", model(batch.x, training=False))

    @property
    def before_distance(self) -> float:
        """The distance with the old statistics."""
        return self._distance("before")

    @property
    def after_distance(self) -> float:
        """The distance with the new statistics."""
        return self._distance("after")

    @property
    def accuracy(self) -> dict[str, float]:
        """Share of right classes by kind of statistics; {} if there are no classes."""
        if any(class_numbers(batch) is None for batch in self._batches):
            return {}
        right = {}
        for name, several in self._outputs.items():
            pairs = zip(self._batches, several, strict=True)
            parts = [right_answers(batch, outputs) for batch, outputs in pairs]
            if any(part is None for part in parts):
                return {}
            right[name] = float(np.mean(np.concatenate(parts)))
        return right

    def _keep(self, name: str, outputs) -> None:
        flat = [keras.ops.convert_to_numpy(v) for v in keras.tree.flatten(outputs)]
        self._outputs[name].append([v.astype(np.float64) for v in flat])

    def _distance(self, name: str) -> float:
        squares = spread = 0.0
        pairs = zip(self._outputs[name], self._outputs["batch statistics"], strict=True)
        for found, wanted in pairs:
            for a, b in zip(found, wanted, strict=True):
                squares += np.square(a - b).sum()
                spread += np.square(b - b.mean()).sum()
        if squares == 0:
            return 0.0
        return float(np.sqrt(squares / spread)) if spread else float("inf")


def class_numbers(batch: Batch, width: int = 0) -> np.ndarray | None:
    """Return integer classes, shape (N,), from class numbers or one-hot rows."""
    flat = keras.tree.flatten(batch.y) if batch.y is not None else []
    if len(flat) != 1 or flat[0] is None:
        return None
    y = np.asarray(keras.ops.convert_to_numpy(flat[0]))
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim == 2 and width in (0, y.shape[1]):
        return y.argmax(axis=1)
    return y.astype(int) if y.ndim == 1 and np.equal(np.mod(y, 1), 0).all() else None


def right_answers(batch: Batch, outputs: list[np.ndarray]) -> np.ndarray | None:
    """Return whether each example is right, or None where that makes no sense."""
    if len(outputs) != 1 or outputs[0].ndim != 2 or outputs[0].shape[1] < 2:
        return None
    width = outputs[0].shape[1]
    classes = class_numbers(batch, width)
    if classes is None or classes.min(initial=0) < 0 or classes.max(initial=0) >= width:
        return None
    return outputs[0].argmax(axis=1) == classes
