"""Checks of the numbers that batch normalization is told: momentum, epsilon, axis."""

from __future__ import annotations

import math
import operator

import numpy as np


def check_number(
    name: str, value: float, least: float, most: float = math.inf
) -> float:
    """Return a finite number as a float.

    Args:
        name: Name of the argument, for the message.
        value: What was given.
        least: Smallest value that is allowed.
        most: Largest value that is allowed.

    Returns:
        The value as a float.

    Raises:
        ValueError: If value is not one finite number from `least` to `most`.
    """
    number = as_number(value)
    if not math.isfinite(number) or not least <= number <= most:
        wanted = "a finite number"
        if math.isfinite(most):
            wanted = f"a number from {least} to {most}"
        elif math.isfinite(least):
            wanted += f" of at least {least}"
        raise ValueError(f"expected {name} to be {wanted}. Received: {name}={value!r}")
    return number


def as_number(value) -> float:
    """Return one number as a float, and anything else as NaN."""
    if type(value) is float:  # nearly always, and the rest would take longer
        return value
    if isinstance(value, (str, bytes, bool, np.bool_)) or np.ndim(value) != 0:
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def check_momentum(momentum: float, name: str = "momentum") -> float:
    """Return the momentum as a float, or raise ValueError if it is not in [0, 1]."""
    return check_number(name, momentum, 0, 1)


def check_axis(axis: int) -> int:
    """Return the axis as an int; a list is refused, for it could mean either kind."""
    try:
        if not isinstance(axis, (bool, np.bool_)):
            return operator.index(axis)
    except TypeError:
        pass
    raise ValueError(
        "expected axis to be one integer: the axis of the channels, which is kept "
        f"while all others are reduced. Received: axis={axis!r}"
    )
