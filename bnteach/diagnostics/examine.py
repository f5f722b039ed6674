"""Look for what is known to go wrong with batch normalization in a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import keras

from bnteach.diagnostics import rules_data, rules_graph, rules_statistics
from bnteach.diagnostics.codes import CODES, finding
from bnteach.diagnostics.cold_start import cold_starts
from bnteach.diagnostics.facts import Facts
from bnteach.diagnostics.observe import Observation, observe
from bnteach.diagnostics.report import Finding, Report

_FED = (
    "small-batch, sorted-labels, grouped-batches, statistics-mismatch and "
    "train-inference-gap hold for the data as they were given here: give the training "
    "data as they are fed."
)
_WITHOUT_DATA = "Without data, only what the model itself shows was looked at."
# What makes moving statistics wrong, and so everything that follows from them.
_CAUSES_OF_MISMATCH = {
    "non-finite-statistics",
    "negative-variance",
    "never-updated",
    "frozen-at-start",
    "momentum-convention",
    "momentum-out-of-range",
    "cold-start",
    "averaged-weights",
    "sorted-labels",
    "grouped-batches",
    "shared-layer",
    "non-finite-data",
}
_CAUSES_OF_GAP = _CAUSES_OF_MISMATCH | {
    "statistics-mismatch",
    "small-batch",
    "wrong-axis",
    "gamma-collapsed",
    "epsilon-dominates",
    "dropout-before-norm",
    "frozen-base-updates",
}


def examine(
    model: keras.Model,
    data: Any = None,
    *,
    batch_size: int | None = None,
    max_batches: int | None = 20,
    ignore: Iterable[str] = (),
) -> Report:
    """Examine a model and the data that it is trained on.

    Settings, values and structure are looked at in any case. With data, they go
    through the model twice: in inference, and with its batch normalizations on batch
    statistics. The model is left as it was, bit for bit.

    Args:
        model: a built Keras model of any kind; layers with a moving_mean and a
            moving_variance are looked at (Keras's, the package's, and others).
        data: the training data *as they are fed*, in the same batches and order:
            arrays x, (x, y) or (x, y, sample_weight), where x may be a dict, list or
            tuple; a `tf.data.Dataset`, a `PyDataset`, or an iterable of batches.
            Findings on batches and their order are findings on these data.
        batch_size: examples a batch; needed with arrays.
        max_batches: look at so many batches; None for all.
        ignore: codes that are not wanted.

    Returns:
        The report: `ok` if there is no error and no warning.

    Raises:
        ValueError: the model is not built, a code to ignore is unknown, or the data
            are empty or do not fit.
    """
    if not isinstance(model, keras.Model):
        raise ValueError(f"expected a Keras model. Received: {type(model).__name__}")
    ignore = [ignore] if isinstance(ignore, str) else list(ignore)
    unknown = [code for code in ignore if code not in CODES]
    if unknown:
        raise ValueError(
            f"expected codes to ignore among {', '.join(CODES)}. Received: {unknown}"
        )
    if not model.built:
        raise ValueError(
            "expected a built model. Received: a model that has never been called; "
            "call it once on a batch, or give its input shape with keras.Input"
        )
    facts = Facts(model)
    if not facts.norms:
        text = "no layer of the model keeps moving statistics"
        found, seen = [finding("no-batch-normalization", text)], None
    else:
        seen = None
        if data is not None:
            seen = observe(model, facts.norms, data, batch_size, max_batches)
        found = list(_findings(facts, seen))
    notes = [_WITHOUT_DATA if seen is None else _FED]
    subject = f"{model.name}, {len(facts.norms)} batch normalizations"
    if seen is not None:
        subject += f", {sum(seen.sizes)} examples in {len(seen.sizes)} batches"
    return Report(found, subject, notes).without(ignore)


def _findings(facts: Facts, seen: Observation | None) -> Iterator[Finding]:
    """Yield the findings, and no consequence beside its cause."""
    found = list(rules_statistics.check(facts))
    found += rules_graph.check(facts)
    averaged = list(rules_statistics.averaged_weights(facts))
    if seen is not None:
        found = _confirmed(facts, seen, found)
        found += rules_data.non_finite_data(facts, seen)
        found += rules_data.small_batch(facts, seen)
        found += rules_data.sorted_labels(seen)
        found += rules_data.grouped_batches(facts, seen)
        averaged = averaged if _is_off(facts, seen) else []
    found += averaged
    codes = {one.code for one in found}
    if "gamma-collapsed" not in codes:
        found += rules_statistics.epsilon_dominates(facts)
    if seen is not None:
        found += _consequences(facts, seen, found)
    yield from found


def _confirmed(facts: Facts, seen: Observation, found) -> list[Finding]:
    """Let the data decide on cold starts, which the counted steps only suggest."""
    kept = [one for one in found if one.code != "cold-start"]
    settled = {one.layer for one in kept if one.code in _CAUSES_OF_MISMATCH}
    return [*kept, *cold_starts(facts, seen, settled)]


def _is_off(facts: Facts, seen: Observation) -> bool:
    """Tell whether moving statistics are off by more than batches are by chance."""
    worst = 0.0
    for path in facts.norms:
        if not facts.finite(path):
            continue
        found = [
            rules_data.distances(facts, moments, path)
            for moments in rules_data.training(seen, path)
        ]
        off = [max(distance, ratio - 1) / 0.1 for distance, ratio in found]
        worst = max(worst, min(off, default=0.0))
    return worst > 1


def _consequences(facts: Facts, seen: Observation, found) -> Iterator[Finding]:
    codes = {one.code for one in found}
    causes = _CAUSES_OF_MISMATCH | {"gamma-collapsed", "epsilon-dominates"}
    # A batch of one value has a variance of 0, whatever the layer below holds.
    alone = any(o.code == "small-batch" and o.severity == "error" for o in found)
    if not alone and not codes & causes:
        for path in facts.norms:
            if facts.finite(path):
                mismatch = list(rules_data.statistics_mismatch(facts, seen, path))
                codes |= {one.code for one in mismatch}
                yield from mismatch
    if facts.trained and not codes & _CAUSES_OF_GAP:
        yield from rules_data.train_inference_gap(facts, seen)
    if not codes & {"training-flag-baked-in", "non-finite-data"}:
        yield from rules_data.batch_dependent(seen)
