"""Statistics of many batches, added up without loss."""

from __future__ import annotations

import numpy as np


class Moments:
    """Count, mean and variance of each channel over all batches that were added.

    Sums are kept as mean and squared distances in float64 and merged by the formula
    of Chan, Golub and LeVeque (1979), so that a large mean costs no accuracy.

    Attributes:
        count: values a channel, over all batches.
        mean: shape (C,), float64.
    """

    def __init__(self):
        self.count, self.mean, self._squares = 0, 0.0, 0.0

    def add(self, x: np.ndarray, axis: int = -1, mask: np.ndarray | None = None):
        """Add a batch.

        Args:
            x: values of any shape with the channels on `axis`.
            axis: the axis of the C channels.
            mask: shape of x without the channels; False leaves values out.
        """
        rows = np.moveaxis(np.asarray(x, np.float64), axis, -1)  # (..., C)
        rows = rows[np.asarray(mask, bool)] if mask is not None else rows
        rows = rows.reshape(-1, rows.shape[-1])  # (M, C)
        if not len(rows):
            return
        mean = rows.mean(axis=0)  # (C,)
        squares = np.square(rows - mean).sum(axis=0)  # (C,)
        total, distance = self.count + len(rows), mean - self.mean
        self._squares = (
            self._squares + squares + distance**2 * (self.count * len(rows) / total)
        )
        self.mean = self.mean + distance * (len(rows) / total)
        self.count = total

    @property
    def variance(self) -> np.ndarray:
        """Variance divided by the count, shape (C,), float64."""
        return self._squares / self.count
