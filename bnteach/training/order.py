"""The order in which a run takes its examples, drawn from the seed alone."""

from __future__ import annotations

import numpy as np


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
