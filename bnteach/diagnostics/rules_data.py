"""Rules on what data are in a model: batches, their order, and the statistics."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.stats

from bnteach.diagnostics.codes import finding
from bnteach.diagnostics.facts import VARIANCE, Facts
from bnteach.diagnostics.moments import Moments
from bnteach.diagnostics.observe import Observation
from bnteach.diagnostics.report import Finding

FEW_VALUES, FEW_EXAMPLES = 16, 4  # in a typical batch
FAR_MEAN, FAR_VARIANCE = 1.0, 3.0  # standard deviations, ratio
# Where a distance is to be expected: frozen statistics are often of other data, on
# purpose, and early in training the moving ones are of weights that are long gone.
EXPECTED_MEAN, EXPECTED_VARIANCE = 3.0, 30.0
EARLY = 10  # times the memory 1 / (1 - momentum) of a moving average, in steps
GROUPED_F = 3.0
CHANCE = 1e-6  # that an F as large comes from batches drawn at random
SORTED_Z = 6.0
VARIANCE_SHIFT = 1.2  # of a variance with dropout, over the one without
GAP, GAP_ERRORS = 0.05, 4.0  # of accuracy; standard errors
DEPENDENT = 1e-2


def non_finite_data(facts: Facts, seen: Observation) -> Iterator[Finding]:
    """Yield where values that are not finite come in first."""
    if seen.bad_inputs:
        text = f"{seen.bad_inputs} of {len(seen.sizes)} batches hold NaN or infinity"
        yield finding("non-finite-data", text, batches=seen.bad_inputs)
        return
    for (path, _), record in seen.calls.items():
        if not facts.finite(path):
            return  # from here on they come from the statistics
        if record.non_finite:
            yield finding("non-finite-data", "what enters it is not finite", path)
            return


def small_batch(facts: Facts, seen: Observation) -> Iterator[Finding]:
    """Yield the layer with the fewest values a channel, if these are few."""
    examples = float(np.median(seen.sizes))
    fewest = {}
    for (path, _), record in seen.calls.items():
        if facts.norms[path].trainable and record.values:
            fewest[path] = min(fewest.get(path, np.inf), np.median(record.values))
    if not fewest:
        return
    path = min(fewest, key=fewest.get)
    values = float(fewest[path])
    if values >= FEW_VALUES and examples >= FEW_EXAMPLES:
        return
    text = (
        f"a batch of {examples:g} examples gives {values:g} values a channel to take "
        "mean and variance of"
    )
    severity = "error" if values < 2 else None
    yield finding("small-batch", text, path, severity, values=values, examples=examples)


def statistics_mismatch(
    facts: Facts, seen: Observation, path: str
) -> Iterator[Finding]:
    """Yield a finding if moving statistics are far from those of the data."""
    kinds = training(seen, path)
    if not kinds or facts.at_start(path):
        return
    far_mean, far_variance = FAR_MEAN, FAR_VARIANCE
    if not facts.norms[path].trainable or is_early(facts, path):
        far_mean, far_variance = EXPECTED_MEAN, EXPECTED_VARIANCE
    found = [distances(facts, moments, path) for moments in kinds]
    distance, ratio = min(
        found, key=lambda d: max(d[0] / far_mean, d[1] / far_variance)
    )
    if distance > far_mean or ratio > far_variance:
        text = (
            f"moving_mean is {distance:.2g} standard deviations from the mean of these "
            f"data, moving_variance off by a factor of {ratio:.2g} (medians)"
        )
        yield finding("statistics-mismatch", text, path, mean=distance, variance=ratio)


def is_early(facts: Facts, path: str) -> bool:
    """Tell whether moving statistics must lag, so few steps have been made.

    They are averages over the last 1 / (1 - momentum) steps or so, in which the
    weights move by far the most at the beginning. Where nobody counted steps, this
    is not known, and the answer is no.
    """
    momentum = getattr(facts.norms[path], "momentum", None)
    if not facts.steps or momentum is None or not 0 < float(momentum) < 1:
        return False
    return facts.steps * (1 - float(momentum)) < EARLY


def distances(facts: Facts, moments, path: str) -> tuple[float, float]:
    """Return the median distance of means in deviations, and ratio of variances."""
    epsilon = float(getattr(facts.norms[path], "epsilon", 1e-3))
    variance = moments.variance
    difference = np.abs(facts.value(path, "moving_mean") - moments.mean)
    distance = float(np.median(difference / np.sqrt(variance + epsilon)))
    ratio = (facts.value(path, VARIANCE) + epsilon) / (variance + epsilon)
    return distance, float(np.median(np.maximum(ratio, 1 / ratio)))


def training(seen: Observation, path: str) -> list[Moments]:
    """Return the moments of all calls of a layer: without dropout, and with it.

    Moving statistics are right if they are of either kind: `fit` leaves those with
    dropout and all that draws at random, a recalibration those without. There is one
    kind alone where nothing draws, and none if the layer got no value.
    """
    kinds = []
    for name in ("moments", "with_chance"):
        whole = Moments()
        for (called, _), record in seen.calls.items():
            if called == path:
                whole.merge(getattr(record, name))
        if whole.count and np.isfinite(whole.variance).all():
            kinds.append(whole)
    return kinds


def grouped_batches(facts: Facts, seen: Observation) -> Iterator[Finding]:
    """Yield the layer in which batches differ more than chance lets them.

    The F of an analysis of variance: how much the means of batches differ, beside
    how much the examples within a batch do; the median over the channels.
    """
    best, at = 0.0, ""
    for (path, _), record in seen.calls.items():
        found = median_f(record.example_means)
        if found > best:
            best, at = found, path
    examples, count = sum(seen.sizes), len(seen.sizes)
    if count < 3 or examples <= 2 * count:
        return
    limit = max(
        GROUPED_F, float(scipy.stats.f.isf(CHANCE, count - 1, examples - count))
    )
    if best > limit:
        text = (
            f"its inputs differ {best:.1f} times as much between batches as chance "
            "would have it: the batches are of different kinds"
        )
        yield finding("grouped-batches", text, at, f=best)


def median_f(groups: list[np.ndarray]) -> float:
    """Return the median over the channels of the F of groups, each of shape (N, C).

    Of ranks, so that a few large examples do not decide; the median, so that a few
    channels do not. A channel that hardly varies is left out: what varies in it is
    rounding.
    """
    groups = [g.astype(np.float64) for g in groups if len(g) > 1]
    if len(groups) < 3 or not all(np.isfinite(g).all() for g in groups):
        return 0.0
    everything = np.concatenate(groups)
    size = np.abs(everything).max(axis=0)
    varies = everything.std(axis=0) > 1e-4 * np.maximum(size, 1e-12)
    if not varies.any():
        return 0.0
    ranks = scipy.stats.rankdata(everything[:, varies], axis=0)
    centre = ranks.mean(axis=0)
    parts = np.split(ranks, np.cumsum([len(g) for g in groups])[:-1])
    between = sum(len(g) * (g.mean(axis=0) - centre) ** 2 for g in parts)
    within = sum(((g - g.mean(axis=0)) ** 2).sum(axis=0) for g in parts)
    between = between / (len(parts) - 1)
    within = within / (len(ranks) - len(parts))
    return float(np.median(between / np.maximum(within, 1e-12 * between + 1e-30)))


def sorted_labels(seen: Observation) -> Iterator[Finding]:
    """Yield a finding if the classes of a batch are not those of the others."""
    if any(labels is None for labels in seen.labels) or len(seen.labels) < 2:
        return
    every, codes = np.unique(np.concatenate(seen.labels), return_inverse=True)
    if len(every) < 2:
        return
    ends = np.cumsum([len(labels) for labels in seen.labels])[:-1]
    table = np.stack(
        [np.bincount(c, minlength=len(every)) for c in np.split(codes, ends)]
    )
    expected = np.outer(table.sum(1), table.sum(0)) / table.sum()
    square = float(((table - expected) ** 2 / expected).sum())
    freedom = (len(table) - 1) * (len(every) - 1)
    z = (square - freedom) / np.sqrt(2 * freedom)
    if z > SORTED_Z:
        text = (
            f"the classes are spread unevenly over the batches (chi-square "
            f"{square:.0f} for {freedom} expected): the data seem to be sorted"
        )
        yield finding("sorted-labels", text, z=float(z))


def train_inference_gap(facts: Facts, seen: Observation) -> Iterator[Finding]:
    """Yield a finding if inference is less accurate than batch statistics are.

    It is information alone while the moving statistics must lag, see `is_early`, and
    where they are those of a training with dropout (Li et al., 2019).
    """
    if not seen.right["moving"] or any(r is None for r in seen.right["moving"]):
        return
    moving, batch = (np.concatenate(seen.right[n]) for n in ("moving", "batch"))
    a, b = float(moving.mean()), float(batch.mean())
    error = np.sqrt((a * (1 - a) + b * (1 - b)) / len(moving))
    if b - a > max(GAP, GAP_ERRORS * error):
        text = (
            f"accuracy is {a:.3f} by moving statistics and {b:.3f} by those of the "
            f"batches, on the same {len(moving)} examples"
        )
        reason = _reason_of_gap(facts, seen)
        severity = "info" if reason else None
        text += reason
        yield finding("train-inference-gap", text, "", severity, moving=a, batch=b)


def _reason_of_gap(facts: Facts, seen: Observation) -> str:
    """Return why a gap is to be expected, or "" if it is not."""
    if any(is_early(facts, path) for path in facts.norms):
        return f"; after {facts.steps} steps the moving statistics still lag"
    for path in facts.norms:
        kinds = training(seen, path) if facts.finite(path) else []
        if len(kinds) == 2:
            without, with_chance = (distances(facts, kind, path)[1] for kind in kinds)
            if without > VARIANCE_SHIFT > with_chance:
                return "; they are of training, where dropout raises the variance"
    return ""


def batch_dependent(seen: Observation) -> Iterator[Finding]:
    """Yield a finding if answers in inference depend on the other examples."""
    if seen.alone is not None and seen.alone > max(DEPENDENT, 5 * seen.chance):
        text = (
            "model(x) answers an example alone otherwise than among others, by "
            f"{seen.alone:.2g} of the spread of its answers"
        )
        yield finding("batch-dependent-inference", text, distance=seen.alone)
    elif seen.trains_by_default:
        path = seen.trains_by_default
        text = (
            f"model(x) without training=False is in training, as {path} is where "
            "nobody names a mode; fit and predict are not"
        )
        yield finding("batch-dependent-inference", text, path, "info")
