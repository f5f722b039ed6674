"""Give a model the moving statistics of whole data, as Algorithm 2 of the paper wants.

Moving averages are estimates: they lag behind the weights, remember a bad batch, and
know nothing of weights that were averaged or swapped after training. One pass over
training data replaces them by what they stand for.

Source: Ioffe and Szegedy (2015), Algorithm 2, steps 7 to 10; called "precise batch
normalization" by Wu and Johnson (2021), section 3.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from bnteach.diagnostics import batches as reading
from bnteach.diagnostics.gap import OutputGap
from bnteach.diagnostics.layer_paths import batch_norms
from bnteach.diagnostics.moments import Moments
from bnteach.diagnostics.passes import (
    batch_mode,
    eager_calls,
    unchanged,
    wrapped_call,
)
from bnteach.training.progress import batch_bar


@dataclass(frozen=True)
class LayerStatistics:
    """Moving statistics of one layer before and after, each of shape (C,).

    Attributes:
        old_mean: moving_mean as it was.
        old_variance: moving_variance as it was.
        new_mean: mean over all values that the layer saw.
        new_variance: their variance.
        count: values of a channel that these were taken over.
    """

    old_mean: np.ndarray
    old_variance: np.ndarray
    new_mean: np.ndarray
    new_variance: np.ndarray
    count: int


@dataclass(frozen=True)
class Recalibration:
    """What `recalibrate` did.

    Attributes:
        layers: path of a layer -> its statistics, old and new.
        skipped: path of a layer -> why it kept its statistics.
        examples: how many examples were used.
        gap_before: distance between what the model answers in inference and with
            batch statistics, see `OutputGap`, with the old statistics.
        gap_after: the same with the new ones.
        accuracy: "before", "batch statistics", "after" -> share of right answers on
            the same examples, 0 to 1; empty if the targets are no classes.
    """

    layers: Mapping[str, LayerStatistics]
    skipped: Mapping[str, str]
    examples: int
    gap_before: float
    gap_after: float
    accuracy: Mapping[str, float]
    _variables: Mapping[str, tuple] = field(repr=False, default_factory=dict)

    def undo(self) -> None:
        """Give the model its old moving statistics back."""
        for path, (mean, variance) in self._variables.items():
            mean.assign(self.layers[path].old_mean)
            variance.assign(self.layers[path].old_variance)

    def __str__(self) -> str:
        lines = [
            f"{len(self.layers)} layers recalibrated on {self.examples} examples",
            "distance between inference and batch statistics: "
            f"{self.gap_before:.3g} before, {self.gap_after:.3g} after",
        ]
        if self.accuracy:
            found = ", ".join(f"{value:.3f} {k}" for k, value in self.accuracy.items())
            lines.append(f"accuracy on these examples: {found}")
        lines += [f"{path}: skipped, {why}" for path, why in self.skipped.items()]
        return "\n".join(lines)


def recalibrate(
    model: keras.Model,
    data: Any,
    *,
    batch_size: int | None = None,
    max_batches: int | None = None,
    layers: Iterable[str | keras.layers.Layer] | None = None,
    include_frozen: bool = False,
) -> Recalibration:
    """Replace moving statistics by the statistics of whole data, in one pass.

    Every chosen layer normalizes each batch by its own statistics, as in training,
    and all else runs as in inference: no dropout, no other change. The statistics of
    the batches are pooled in float64. They are written only when the pass is over,
    and only if all are finite. A layer that is called several times pools its calls;
    masked values do not count.

    Args:
        model: a built Keras model of any kind, with layers that have moving_mean and
            moving_variance (Keras's, the package's, or others).
        data: training data, as the model is fed with them: arrays x or (x, y), a
            `tf.data.Dataset`, a `PyDataset`, or an iterable of batches; targets are
            used for the accuracy alone. Mixed: a batch of one class has statistics
            of its own.
        batch_size: examples a batch; with arrays. Statistics are best from batches
            as large as in training.
        max_batches: use so many batches alone.
        layers: paths, names or layers to recalibrate; by default all.
        include_frozen: also layers with trainable=False, which keep their statistics
            otherwise, and normalize by them meanwhile.

    Returns:
        Old and new statistics, and the gap before and after; `undo()` takes it back.

    Raises:
        ValueError: the model has no such layer or is not built; a layer is unknown,
            uses renorm, was never reached or got values that are not finite; the data
            are empty or do not fit. The model is as it was.
    """
    chosen, skipped = _choose(model, layers, include_frozen)
    found, gap = _one_pass(model, data, batch_size, max_batches, chosen)
    statistics = {
        path: _statistics(path, layer, found[path]) for path, layer in chosen.items()
    }
    _write(chosen, statistics)
    with unchanged(model):
        gap.after(model)
    return Recalibration(
        layers=statistics,
        skipped=skipped,
        examples=gap.examples,
        gap_before=gap.before_distance,
        gap_after=gap.after_distance,
        accuracy=gap.accuracy,
        _variables={p: (v.moving_mean, v.moving_variance) for p, v in chosen.items()},
    )


def _choose(model, layers, include_frozen: bool):
    """Return path -> layer to recalibrate, and path -> reason for the others."""
    known = batch_norms(model)
    if not known:
        built = "" if model.built else " that was never called, so that it is not built"
        raise ValueError(
            "expected a built model with layers that have moving_mean and "
            f"moving_variance. Received: {type(model).__name__} {model.name!r}{built}"
        )
    wanted = set(known) if layers is None else _paths(known, layers)
    chosen, skipped = {}, {}
    for path, layer in known.items():
        if path not in wanted:
            skipped[path] = "not asked for"
        elif not layer.trainable and not include_frozen:
            skipped[path] = "frozen (trainable=False); see include_frozen"
        elif getattr(layer, "renorm", False):
            raise ValueError(
                f"expected layers without renorm. Received: {path} with renorm=True, "
                "which normalizes training by moving statistics of its own; leave it "
                "out with layers="
            )
        else:
            chosen[path] = layer
    if not chosen:
        raise ValueError(
            "expected at least one layer to recalibrate. Received: none, for "
            + "; ".join(f"{path}: {why}" for path, why in skipped.items())
        )
    return chosen, skipped


def _paths(known: Mapping[str, Any], layers) -> set[str]:
    """Return the paths of layers that are given by path, by name or themselves."""
    paths = set()
    for wanted in [layers] if isinstance(layers, str) else layers:
        found = {
            path
            for path, layer in known.items()
            if wanted is layer or wanted in (path, layer.name)
        }
        if not found:
            name = getattr(wanted, "name", wanted)
            raise ValueError(
                f"expected layers of this model: {', '.join(known)}. Received: {name!r}"
            )
        paths |= found
    return paths


def _one_pass(model, data, batch_size, max_batches, chosen):
    """Return path -> moments, and the outputs for the gap before."""
    found = {path: Moments() for path in chosen}
    gap = OutputGap()
    count = reading.count(data, batch_size, max_batches)
    with contextlib.ExitStack() as stack:
        stack.enter_context(unchanged(model))
        bar = stack.enter_context(batch_bar("recalibrate", count))
        for batch in reading.batches(data, batch_size, max_batches):
            gap.before(model, batch)
            with _recording(chosen, found), batch_mode(chosen.values()):
                gap.by_batch_statistics(batch, model(batch.x, training=False))
            bar.update()
    return found, gap


@contextlib.contextmanager
def _recording(chosen, found):
    with contextlib.ExitStack() as stack:
        stack.enter_context(eager_calls())
        for path, layer in chosen.items():
            add = found[path].add
            stack.enter_context(wrapped_call(layer, _recorder(layer, add)))
        yield


def _recorder(layer, add):
    def record(call, inputs, *args, **kwargs):
        mask = kwargs.get("mask")
        mask = None if mask is None else keras.ops.convert_to_numpy(mask)
        values = keras.ops.convert_to_numpy(inputs)
        add(values, getattr(layer, "axis", -1), mask)
        return call(inputs, *args, **kwargs)

    return record


def _statistics(path: str, layer, moments: Moments) -> LayerStatistics:
    if moments.count == 0:
        raise ValueError(
            f"expected the data to reach {path}. Received: no value of it; leave it "
            "out with layers="
        )
    variance = moments.variance
    if getattr(layer, "moving_variance_estimator", "biased") == "unbiased":
        variance = variance * (moments.count / max(moments.count - 1, 1))
    for name, values in (("mean", moments.mean), ("variance", variance)):
        if not np.isfinite(values).all():
            raise ValueError(
                f"expected finite values in {path}. Received: a {name} that is not "
                "finite. Look for NaN in the data and in the layers before it"
            )
    old = [_old(layer.moving_mean), _old(layer.moving_variance)]
    return LayerStatistics(*old, moments.mean, variance, moments.count)


def _old(variable) -> np.ndarray:
    return np.array(keras.ops.convert_to_numpy(variable))


def _write(chosen, statistics) -> None:
    for path, layer in chosen.items():
        layer.moving_mean.assign(statistics[path].new_mean)
        layer.moving_variance.assign(statistics[path].new_variance)
