"""Rules on the values that a batch normalization holds; they need no data."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np

from bnteach.diagnostics.codes import finding
from bnteach.diagnostics.facts import VARIANCE, Facts, optimizer_of
from bnteach.diagnostics.report import Finding

LEFT_OF_START = 0.05  # of the starting values; below, a cold start does no harm
SMALL_GAMMA = 1e-3
MANY = 0.5  # of the channels


def check(facts: Facts) -> Iterator[Finding]:
    """Yield what the values of each layer and its settings show."""
    for path, layer in facts.norms.items():
        yield from _values(facts, path)
        found = list(_settings(path, layer))
        yield from found
        if facts.finite(path) and not found:
            yield from _history(facts, path, layer)
        if facts.finite(path):
            yield from _gamma(facts, path)


def _values(facts: Facts, path: str) -> Iterator[Finding]:
    for name in ("moving_mean", VARIANCE, "gamma", "beta"):
        value = facts.value(path, name)
        if value is None:
            continue
        bad = int(np.sum(~np.isfinite(value)))
        if bad:
            text = f"{bad} of {value.size} values of {name} are NaN or infinite"
            yield finding("non-finite-statistics", text, path, name=name, values=bad)
            return  # one is enough: the others follow
    variance = facts.value(path, VARIANCE)
    if (variance < 0).any():
        lowest = float(variance.min())
        text = f"moving_variance is as low as {lowest:.3g}"
        yield finding("negative-variance", text, path, lowest=lowest)


def _settings(path: str, layer) -> Iterator[Finding]:
    momentum = getattr(layer, "momentum", None)
    if momentum is None or not layer.trainable:
        return
    momentum = float(momentum)
    if not 0 < momentum < 1:
        text = f"momentum is {momentum:g}: " + (
            "the moving statistics never move"
            if momentum >= 1
            else "the moving statistics are those of the last batch"
        )
        yield finding("momentum-out-of-range", text, path, momentum=momentum)
    elif momentum < 0.5:
        text = (
            f"momentum is {momentum:g}, so that each batch replaces {1 - momentum:.0%} "
            "of the moving statistics: is it meant in PyTorch's convention?"
        )
        yield finding("momentum-convention", text, path, momentum=momentum)


def _history(facts: Facts, path: str, layer) -> Iterator[Finding]:
    if facts.at_start(path):
        moved = facts.parameters_moved(path)
        if not (moved or facts.steps):
            return
        sign = (
            f"the optimizer has made {facts.steps} steps"
            if facts.steps
            else "gamma or beta have moved"
        )
        code = "never-updated" if layer.trainable else "frozen-at-start"
        text = f"moving_mean is 0 and moving_variance 1 in every channel, while {sign}"
        yield finding(code, text, path, steps=facts.steps)
        return
    left = left_of_start(facts, path, layer)
    if left is not None and left > LEFT_OF_START:
        text = (
            f"after {facts.steps} steps with momentum {float(layer.momentum):g} the "
            f"moving statistics are still {left:.0%} their starting values"
        )
        yield finding("cold-start", text, path, share=left, steps=facts.steps)


def left_of_start(facts: Facts, path: str, layer) -> float | None:
    """Return the share that the starting values have in the moving statistics.

    It is momentum**steps, if the steps are known. None also where the variance says
    otherwise: it is at least that share, since variances are not negative, unless
    the layer had been trained before its optimizer counted.
    """
    momentum = getattr(layer, "momentum", None)
    if not facts.steps or momentum is None or not layer.trainable:
        return None
    share = float(momentum) ** facts.steps
    lowest = float(facts.value(path, VARIANCE).min())
    return share if lowest >= 0.99 * share else None


def _gamma(facts: Facts, path: str) -> Iterator[Finding]:
    gamma = facts.value(path, "gamma")
    if gamma is None or not facts.trained:
        return
    share = float(np.mean(np.abs(gamma) < SMALL_GAMMA))
    if share > MANY:
        text = f"gamma is nearly 0 in {share:.0%} of the channels, which are cut off"
        yield finding("gamma-collapsed", text, path, share=share)


def epsilon_dominates(facts: Facts) -> Iterator[Finding]:
    """Yield the layers whose moving variance is below epsilon in most channels."""
    for path, layer in facts.norms.items():
        epsilon = getattr(layer, "epsilon", None)
        if epsilon is None or not facts.finite(path):
            continue
        share = float(np.mean(facts.value(path, VARIANCE) < float(epsilon)))
        if share > MANY:
            text = (
                f"epsilon ({float(epsilon):g}) is larger than moving_variance in "
                f"{share:.0%} of the channels, which are hardly scaled"
            )
            yield finding("epsilon-dominates", text, path, share=share)


def averaged_weights(facts: Facts) -> Iterator[Finding]:
    """Yield a finding if the weights are the averages that an optimizer kept."""
    optimizer = optimizer_of(facts.model)
    if not getattr(optimizer, "use_ema", False) or not facts.steps:
        return
    averages = getattr(optimizer, "_model_variables_moving_average", None)
    variables = getattr(optimizer, "_trainable_variables", None)
    if not averages or not variables:
        return
    pairs = zip(variables, averages, strict=False)
    numpy = keras.ops.convert_to_numpy
    if all(np.array_equal(numpy(a), numpy(b)) for a, b in pairs):
        text = (
            "the weights are averages over the training (use_ema), the moving "
            "statistics are not of them"
        )
        yield finding("averaged-weights", text, steps=facts.steps)
