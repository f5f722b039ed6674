"""What a few seeds show: paired intervals, several claims at once, and verdicts.

Two networks that were run with the same seed started from the same kernels and saw the
same images in the same order. So differences are taken seed by seed, and what is said
of them rests on Student's t (Student 1908), with Holm's correction (Holm 1979) where
several claims are read off one table.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from bnteach.runs.results import Run

SHOWN, UNDECIDED, REFUTED = "shown", "undecided", "refuted"


class Interval(NamedTuple):
    """A mean with the t interval around it.

    Attributes:
        mean: of the values, or of their differences.
        low, high: the ends of the interval.
        p: two-sided probability of a mean at least as far from 0, were 0 the truth.
    """

    mean: float
    low: float
    high: float
    p: float

    def points(self, digits: int = 1) -> str:
        """Return shares from 0 to 1 in percentage points: "+10.0 [1.8, 18.3]"."""
        mean, low, high = (100 * value + 0.0 for value in self[:3])
        return f"{mean:+.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


class Claim(NamedTuple):
    """A claim about a difference, and what the seeds say of it.

    Attributes:
        interval: of the paired difference, for this claim alone.
        p: the interval's `p` after Holm's correction for all claims of the table.
        verdict: "shown", "undecided" or "refuted".
    """

    interval: Interval
    p: float
    verdict: str


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Return the mean of independent values and its t interval.

    Args:
        values: one a seed, shape (seeds,), at least two.
        confidence: between 0 and 1.

    Raises:
        ValueError: fewer than two values, a value that is not finite, or a confidence
            that is no share.
    """
    values = _checked("values", values)
    error = values.std(ddof=1) / math.sqrt(len(values))
    return _interval(values.mean(), error, len(values) - 1, confidence)


def paired_difference(
    values: Sequence[float], others: Sequence[float], confidence: float = 0.95
) -> Interval:
    """Return the mean of `values` minus `others`, seed by seed, and its t interval.

    Args:
        values: one a seed, shape (seeds,).
        others: with the same seeds in the same order.
        confidence: between 0 and 1.

    Raises:
        ValueError: different counts, or see `mean_interval`.
    """
    values, others = _checked("values", values), _checked("others", others)
    if values.shape != others.shape:
        raise ValueError(
            f"expected as many others as values, {len(values)}, seed by seed. "
            f"Received: {len(others)}"
        )
    return mean_interval(values - others, confidence)


def product_interval(
    values: Sequence[float], factors: Sequence[float], confidence: float = 0.95
) -> Interval:
    """Return the product of two independent means and its interval.

    For example the steps to an accuracy, one a seed, and the seconds of a step, one a
    turn of the timing: the spread of both goes into the interval. To first order the
    relative errors add up in squares; the degrees of freedom are those of Welch (1947).

    Args:
        values: shape (seeds,), at least two.
        factors: shape (turns,), at least two.
        confidence: between 0 and 1.

    Raises:
        ValueError: see `mean_interval`.
    """
    samples = _checked("values", values), _checked("factors", factors)
    means = [sample.mean() for sample in samples]
    counts = np.array([len(sample) for sample in samples])
    errors = np.array([s.std(ddof=1) for s in samples]) / np.sqrt(counts)
    shares = (errors * means[::-1]) ** 2  # of the variance of the product
    total = shares.sum()
    freedom = total**2 / (shares**2 / (counts - 1)).sum() if total else counts.min() - 1
    return _interval(means[0] * means[1], math.sqrt(total), freedom, confidence)


def seconds_to(
    run: Run, variant: str, level: float, name: str = "val_accuracy"
) -> Interval | None:
    """Return the seconds of training until a curve reaches a level, with the interval.

    A second is a step times the time of a step, both with their spread: over the seeds,
    and over the turns of the timing. `Run.seconds_to` has the seeds one by one.

    Args:
        run: has "step seconds of each turn" in its settings.
        variant: name of the variant.
        level: for example an accuracy, from 0 to 1.
        name: name of the curve, one that rises.

    Returns:
        The interval; None where a seed has never reached the level.

    Raises:
        KeyError: the run has no such timing.
    """
    steps = run.steps_to(variant, level, name)
    if np.isnan(steps).any():
        return None
    return product_interval(steps, run.settings["step seconds of each turn"][variant])


def holm(probabilities: Sequence[float]) -> np.ndarray:
    """Return probabilities corrected for their number, as Holm (1979) does it.

    Held against a level, they are wrong about any true null hypothesis of the table
    with at most that probability, whatever the dependence between the claims.

    Args:
        probabilities: of the single claims, shape (claims,).

    Returns:
        The corrected ones in the same order, shape (claims,); at most 1.

    Raises:
        ValueError: a probability is not between 0 and 1.
    """
    given = np.asarray(probabilities, dtype=float)
    if given.ndim != 1 or not ((given >= 0) & (given <= 1)).all():
        raise ValueError(
            f"expected probabilities from 0 to 1. Received: {probabilities!r:.200}"
        )
    order = np.argsort(given, kind="stable")
    raised = given[order] * np.arange(len(given), 0, -1)
    corrected = np.empty_like(given)
    corrected[order] = np.minimum(np.maximum.accumulate(raised), 1)
    return corrected


def verdict(mean: float, p: float, level: float = 0.05) -> str:
    """Return what is to be said of the claim that a difference is above 0.

    Args:
        mean: of the differences.
        p: two-sided probability, corrected if there are several claims.
        level: the greatest `p` at which the seeds decide.

    Returns:
        "shown", "refuted" if the difference is below 0, else "undecided".
    """
    if not p <= level or mean == 0:
        return UNDECIDED
    return SHOWN if mean > 0 else REFUTED


def judge(
    claims: Mapping[str, tuple[Sequence[float], Sequence[float]]], level: float = 0.05
) -> dict[str, Claim]:
    """Judge all claims that are read off one table, with Holm's correction.

    Args:
        claims: claim -> the values that are claimed to be greater, and the others;
            both of shape (seeds,), with the same seeds in the same order.
        level: probability of calling any claim of the table shown or refuted that is
            neither; the intervals are those of 1 - level for a claim alone.

    Raises:
        ValueError: see `paired_difference`.
    """
    intervals = [paired_difference(*pair, 1 - level) for pair in claims.values()]
    corrected = holm([interval.p for interval in intervals])
    return {
        name: Claim(interval, float(p), verdict(interval.mean, p, level))
        for name, interval, p in zip(claims, intervals, corrected, strict=True)
    }


def _interval(mean, error, freedom, confidence: float) -> Interval:
    from scipy import stats

    if not 0 < confidence < 1:
        raise ValueError(
            f"expected a confidence between 0 and 1. Received: {confidence!r}"
        )
    half = error * stats.t.ppf((1 + confidence) / 2, freedom)
    p = 2 * stats.t.sf(abs(mean) / error, freedom) if error else mean == 0
    return Interval(float(mean), float(mean - half), float(mean + half), float(p))


def _checked(name: str, values: Sequence[float]) -> np.ndarray:
    found = np.asarray(values, dtype=float)
    if found.ndim != 1 or len(found) < 2 or not np.isfinite(found).all():
        raise ValueError(
            f"expected {name} as at least two finite numbers, one a seed. "
            f"Received: {found.tolist()!r:.200}"
        )
    return found
