"""Moving statistics that still hold a part of the values that they started with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bnteach.diagnostics.codes import finding
from bnteach.diagnostics.facts import VARIANCE, Facts
from bnteach.diagnostics.moments import Moments
from bnteach.diagnostics.observe import Observation
from bnteach.diagnostics.report import Finding
from bnteach.diagnostics.rules_data import is_early, training
from bnteach.diagnostics.rules_statistics import LEFT_OF_START, left_of_start

ROUGHLY = 0.8  # the share is an estimate
UNEXPLAINED = 0.25  # of the length of what is to be explained


def cold_starts(
    facts: Facts, seen: Observation, settled: set[str]
) -> Iterator[Finding]:
    """Yield the layers in which the data show a share of the starting values.

    Too few steps leave a share in all layers alike. One that shows in half of them
    or fewer has other causes, such as a batch that was far from the others, unless the
    counted steps leave about as much.

    Args:
        facts: of the model.
        seen: of the data.
        settled: paths of layers that something else is wrong with.
    """
    shares, asked, counted = {}, 0, {}
    for path, layer in facts.norms.items():
        usual = layer.trainable and facts.finite(path) and not facts.at_start(path)
        if path in settled or not usual:
            continue
        asked += 1
        counted[path] = left_of_start(facts, path, layer)
        share = _share(facts, seen, path)
        if share is not None and share >= _least(facts, path, counted[path]):
            shares[path] = share
    for path, share in shares.items():
        expected = (counted[path] or 0) > LEFT_OF_START and share > counted[path] / 2
        if expected or 2 * len(shares) > asked:
            text = f"the moving statistics are still {share:.0%} their starting values"
            yield finding("cold-start", text, path, share=share, steps=facts.steps)


def _least(facts: Facts, path: str, counted: float | None) -> float:
    """Return the share below which a fit may be chance.

    Where enough steps were counted, more than chance must speak against them, and
    early in training more than the lag behind the weights.
    """
    if counted is None or counted >= LEFT_OF_START:
        return LEFT_OF_START
    return 0.5 if is_early(facts, path) else 0.2


def _share(facts: Facts, seen: Observation, path: str) -> float | None:
    """Return the share of the starting values in moving statistics, or None.

    Where there is dropout, statistics with it and without it are right, and the
    smaller share counts. A variance is at least the share, since the start is 1 and
    no variance is negative.
    """
    fits = [_share_of_start(facts, one, path) for one in training(seen, path)]
    share = min((fit for fit in fits if fit is not None), default=None)
    if share is None or not LEFT_OF_START < share < 1 - LEFT_OF_START:
        return None
    lowest = float(facts.value(path, VARIANCE).min())
    return share if lowest > ROUGHLY * share else None


def _share_of_start(facts: Facts, moments: Moments, path: str) -> float | None:
    """Return the share by least squares, or None if it explains too little.

    With weight w of the start, moving_mean is (1 - w) * mean and moving_variance is
    (1 - w) * variance + w.
    """
    scale = np.sqrt(moments.variance + 1e-3)
    weight = 1 / (1 + moments.variance)
    true = np.concatenate([moments.mean / scale, (moments.variance - 1) * weight])
    found = np.concatenate(
        [
            facts.value(path, "moving_mean") / scale,
            (facts.value(path, VARIANCE) - 1) * weight,
        ]
    )
    norm = float(true @ true)
    if norm == 0:
        return None
    kept = float(true @ found) / norm
    residual = float(np.linalg.norm(found - kept * true)) / np.sqrt(norm)
    return 1 - kept if residual < UNEXPLAINED else None
