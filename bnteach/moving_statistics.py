"""What is remembered of the batches, for inference: moving averages, in NumPy.

Source: Ioffe and Szegedy (2015), Algorithm 2, steps 8 to 10.
"""

from __future__ import annotations

import numpy as np

from bnteach.checks import check_momentum, check_number


def update_moving_average(
    moving: np.ndarray, batch: np.ndarray, momentum: float
) -> np.ndarray:
    """Move an average towards the statistic of a batch, in Keras's convention.

    Returns moving * momentum + batch * (1 - momentum). What PyTorch calls momentum is
    the weight of the new value: 1 - momentum here.

    Args:
        moving: Average so far, shape (C,).
        batch: Statistic of the batch, shape (C,).
        momentum: Weight of the old value, from 0 to 1.

    Returns:
        The new average, shape (C,); `moving` is left as it is.

    Raises:
        ValueError: If momentum is not a number from 0 to 1, or the shapes differ.
    """
    moving, batch = np.asarray(moving), np.asarray(batch)
    momentum = check_momentum(momentum)
    if moving.shape != batch.shape:
        raise ValueError(
            "expected moving and batch with one shape. "
            f"Received: {moving.shape=}, {batch.shape=}"
        )
    return moving * momentum + batch * (1 - momentum)


def unbiased_variance(batch_variance: np.ndarray, count: int) -> np.ndarray:
    """Correct a batch variance by M / (M - 1) (Algorithm 2 of the paper, step 10).

    Args:
        batch_variance: Variance divided by M, shape (C,).
        count: M, the number of values it was taken over, at least 2.

    Returns:
        The variance divided by M - 1, shape (C,).

    Raises:
        ValueError: If count is not a number of at least 2.
    """
    count = check_number("count", count, 2)
    return np.asarray(batch_variance) * count / (count - 1)
