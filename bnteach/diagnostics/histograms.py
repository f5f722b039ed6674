"""A probe that counts what enters the activations of a network while it trains."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from bnteach.diagnostics.activations import LayerInputs


class InputHistograms:
    """A probe for `training.train`: histograms of what enters activation layers.

    Values beyond the first and the last edge count for the bin next to them.

    Args:
        model: a Functional Keras model.
        layers: names of layers, for example activations.
        x: the batch to look with, shape (N, ...).
        edges: of the bins, rising, shape (bins + 1,).
        unit: index along the last axis of the one unit that is also counted alone, in
            the last of the layers.

    Raises:
        ValueError: fewer than two edges, or edges that do not rise.
    """

    def __init__(
        self,
        model: keras.Model,
        layers: Sequence[str],
        x: np.ndarray,
        edges: Sequence[float],
        unit: int = 0,
    ):
        self.edges = np.asarray(edges, dtype=float)
        if self.edges.ndim != 1 or len(self.edges) < 2 or np.any(np.diff(edges) <= 0):
            raise ValueError(
                f"expected two or more rising edges. Received: {edges!r:.200}"
            )
        self.inputs = LayerInputs(model, layers)
        self.layers, self.x, self.unit = list(layers), x, unit

    def __call__(self, model: keras.Model, step: int) -> dict[str, list[int]]:
        """Return {"inputs of LAYER": counts a bin, ..., "inputs of one unit": ...}."""
        values = self.inputs(self.x)
        found = {f"inputs of {name}": self._count(values[name]) for name in self.layers}
        one = values[self.layers[-1]][..., self.unit]  # (N, ...)
        return {**found, "inputs of one unit": self._count(one)}

    def _count(self, values) -> list[int]:
        inside = np.clip(values, self.edges[0], self.edges[-1])
        counts, _ = np.histogram(inside, self.edges)
        return [int(count) for count in counts]
