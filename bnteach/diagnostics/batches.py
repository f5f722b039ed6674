"""Batches out of whatever a Keras model can be trained on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import keras
import numpy as np


class Batch(NamedTuple):
    """Inputs, targets and sample weights of some examples; what is missing is None."""

    x: Any
    y: Any
    sample_weight: Any

    @property
    def size(self) -> int:
        """The number of examples."""
        return len(keras.tree.flatten(self.x)[0])


def batches(
    data: Any, batch_size: int | None = None, max_batches: int | None = None
) -> Iterator[Batch]:
    """Yield the batches of some data, in their order.

    Args:
        data: arrays x, or (x, y), or (x, y, sample_weight), where x may be one array
            or a dict, list or tuple of arrays; or batches of this form: a
            `tf.data.Dataset`, a `keras.utils.PyDataset`, or any iterable.
        batch_size: examples a batch; for arrays alone, and needed there. The last
            batch may be smaller.
        max_batches: stop after so many.

    Raises:
        ValueError: `batch_size` does not go with the data, the arrays have different
            lengths, the data are empty, or they have no end and `max_batches` is
            not given.
    """
    if max_batches is not None and max_batches < 1:
        raise ValueError(f"expected max_batches of at least 1. Received: {max_batches}")
    if _is_arrays(data):
        stream = _slices(data, batch_size)
    else:
        if batch_size is not None:
            raise ValueError(
                "expected batch_size=None with data that come in batches. Received: "
                f"data of type {type(data).__name__}, batch_size={batch_size}"
            )
        stream = _stream(data, max_batches)
    number = 0
    for number, batch in enumerate(stream, start=1):
        yield batch
        if number == max_batches:
            break
    if number == 0:
        raise ValueError("expected data with at least one batch. Received: none")


def count(data: Any, batch_size: int | None, max_batches: int | None) -> int | None:
    """Return how many batches `batches` yields, or None if that is not known."""
    known = None
    if _is_arrays(data) and batch_size:
        known = -(-len(_arrays(data)[0]) // batch_size)
    elif isinstance(data, keras.utils.PyDataset):
        known = data.num_batches
    elif hasattr(data, "__len__"):
        try:
            known = len(data)
        except TypeError:  # a tf.data.Dataset of unknown or no length
            known = None
    limits = [n for n in (known, max_batches) if n is not None]
    return min(limits) if limits else None


def _is_arrays(data) -> bool:
    """Tell arrays, whole, from something that yields batches."""
    if isinstance(data, Mapping):
        return True
    if isinstance(data, tuple):
        return bool(data)
    # An array, a tensor or a data frame has a shape; what yields batches has none.
    return hasattr(data, "shape")


def _arrays(data) -> list:
    return [leaf for leaf in keras.tree.flatten(data) if leaf is not None]


def _slices(data, batch_size: int | None) -> Iterator[Batch]:
    if batch_size is None or batch_size < 1:
        raise ValueError(
            "expected batch_size of at least 1 with arrays. "
            f"Received: batch_size={batch_size}"
        )
    data = keras.tree.map_structure(_sliceable, data)
    lengths = {len(array) for array in _arrays(data)}
    if len(lengths) != 1:
        raise ValueError(
            f"expected arrays of one length. Received: lengths {sorted(lengths)}"
        )
    for start in range(0, lengths.pop(), batch_size):
        rows = slice(start, start + batch_size)
        yield _batch(keras.tree.map_structure(lambda a, r=rows: _take(a, r), data))


def _take(array, rows: slice):
    return None if array is None else array[rows]


def _sliceable(array):
    if array is None or hasattr(array, "shape"):
        return array
    return np.asarray(array)


def _stream(data, max_batches: int | None) -> Iterator[Batch]:
    if max_batches is None and _is_endless(data):
        raise ValueError(
            "expected max_batches with data that have no end. "
            "Received: max_batches=None"
        )
    if isinstance(data, keras.utils.PyDataset):
        number = data.num_batches if max_batches is None else max_batches
        if data.num_batches is not None:
            number = min(number, data.num_batches)
        return (_batch(data[index]) for index in range(number))
    try:
        return map(_batch, iter(data))
    except TypeError as error:
        raise ValueError(
            "expected arrays, a tf.data.Dataset, a PyDataset or an iterable of "
            f"batches. Received: {type(data).__name__}"
        ) from error


def _is_endless(data) -> bool:
    if isinstance(data, keras.utils.PyDataset):
        return data.num_batches is None
    cardinality = getattr(data, "cardinality", None)
    return callable(cardinality) and int(cardinality()) == -1  # tf.data.INFINITE


def _batch(value) -> Batch:
    if isinstance(value, list):  # PyDataset and loaders return lists as well
        value = tuple(value) if len(value) <= 3 else (value,)
    return Batch(*keras.utils.unpack_x_y_sample_weight(value))
