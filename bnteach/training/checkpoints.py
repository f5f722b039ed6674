"""The whole state of a training run in one file, so that it can go on later."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from bnteach.files import atomic_path, npz_header, open_npz, read_npz_array


class Checkpoint:
    """Saves and restores a model, its optimizer and a JSON-able note beside them.

    Saved are all variables: weights, moving statistics, random seeds of dropout and
    the optimizer's slots. The file is replaced in one step, so that a run that is
    killed while saving still finds the state before.

    Args:
        path: an .npz file, or None to save nothing.
        model: built and compiled.
        identity: what must be equal for a saved state to belong to this run.
        more: further variables to keep, for example the seeds of an augmentation.
    """

    def __init__(
        self,
        path: str | os.PathLike | None,
        model: keras.Model,
        identity: Mapping[str, Any],
        more: Sequence[keras.Variable] = (),
    ):
        self.path = None if path is None else Path(path)
        self.model = model
        self.more = list(more)
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        shapes = [list(variable.shape) for variable in self._variables()]
        self.identity = json.loads(json.dumps({**identity, "shapes": shapes}))

    def save(self, note: Mapping[str, Any]) -> None:
        """Write the state and the note, atomically."""
        if self.path is None:
            return
        arrays = {
            f"v{number:04d}": keras.ops.convert_to_numpy(variable)
            for number, variable in enumerate(self._variables())
        }
        text = json.dumps({"identity": self.identity, "note": note})
        with atomic_path(self.path) as temporary, open(temporary, "wb") as file:
            np.savez(file, text=np.array(text), **arrays)

    def restore(self) -> dict[str, Any] | None:
        """Put the saved state back and return the note; None if nothing was saved.

        Raises:
            ValueError: the file is damaged or belongs to another run. It is left
                where it is, and the model as it was.
        """
        if self.path is None or not self.path.exists():
            return None
        try:
            identity, note, arrays = self._read()
        except Exception as error:  # a parser may raise anything on foreign bytes
            raise ValueError(
                f"expected a checkpoint of bnteach in {self.path}. Received a file "
                f"that cannot be read ({error}). Remove it to start anew."
            ) from error
        self._check(identity)
        for variable, array in zip(self._variables(), arrays, strict=True):
            variable.assign(array)
        return note

    def _read(self) -> tuple[dict, dict, list[np.ndarray]]:
        """Return identity, note and arrays; raise if they are of another form."""
        with open_npz(self.path) as saved:
            size = os.stat(self.path).st_size
            for key in saved.files:
                # Nothing is compressed: an array is no larger than its file.
                shape, dtype = npz_header(saved, key)
                if dtype.hasobject or dtype.itemsize * math.prod(shape) > size:
                    raise ValueError(f"an array of shape {shape!s:.100} for {key:.100}")
            arrays = {key: read_npz_array(saved, key) for key in saved.files}
        text = json.loads(str(arrays.pop("text")))
        identity, note = text["identity"], text["note"]
        if not isinstance(identity, dict) or not isinstance(note, dict):
            raise ValueError("identity or note of another type")
        if identity == self.identity:
            self._check_arrays(arrays)
        return identity, note, [arrays[key] for key in sorted(arrays)]

    def _check_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Raise unless the arrays are those that `save` writes, before one is used."""
        found = [(a.shape, a.dtype.itemsize) for _, a in sorted(arrays.items())]
        own = map(keras.ops.convert_to_numpy, self._variables())
        if found != [(a.shape, a.dtype.itemsize) for a in own]:
            raise ValueError("arrays of other shapes than the network has")

    def _variables(self) -> list[keras.Variable]:
        metrics = {id(variable) for variable in self.model.metrics_variables}
        own = [v for v in self.model.variables if id(v) not in metrics]
        return own + list(self.model.optimizer.variables) + self.more

    def _check(self, received: Mapping[str, Any]) -> None:
        keys = sorted(set(self.identity) | set(received))
        other = [k for k in keys if self.identity.get(k) != received.get(k)]
        if other:
            expected = {k: self.identity.get(k) for k in other}
            came = {k: received.get(k) for k in other}
            raise ValueError(
                f"expected a checkpoint of this run in {self.path}: {expected}. "
                f"Received: {came}. Remove the file or name another."
            )
