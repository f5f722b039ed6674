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
        self._merge(len(rows), mean, squares)

    def merge(self, other: Moments) -> None:
        """Add all that another one has counted."""
        if other.count:
            self._merge(other.count, other.mean, other._squares)

    def _merge(self, count: int, mean: np.ndarray, squares: np.ndarray) -> None:
        total, distance = self.count + count, mean - self.mean
        across = distance**2 * (self.count * count / total)
        self._squares = self._squares + squares + across
        self.mean = self.mean + distance * (count / total)
        self.count = total

    @property
    def variance(self) -> np.ndarray:
        """Variance divided by the count, shape (C,), float64."""
        return self._squares / self.count
