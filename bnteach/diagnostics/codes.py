"""What each code of a finding means: how bad it is, what to do, where to read on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from bnteach.diagnostics.report import Finding


class Code(NamedTuple):
    """A kind of finding.

    Attributes:
        severity: "error", "warning" or "info".
        remedy: what to do.
        link: page of the book and the section that shows the case.
    """

    severity: str
    remedy: str
    link: str


_STATISTICS = "04_keras_usage.html#which-statistics-and-when"
_MOMENTUM = "04_keras_usage.html#momentum-and-the-number-of-steps"
_PLACE = "04_keras_usage.html#before-or-after-the-activation"
_ALWAYS = "04_keras_usage.html#always-use-batch-normalization"
_AXES = "03_low_level_tensorflow.html#wrong-axes-train"
_EPSILON = "03_low_level_tensorflow.html#how-large-is-epsilon"
_GAP = "03_low_level_tensorflow.html#good-training-bad-validation"
_COLD = "08_your_own_model.html#validation-far-below-training"
_FORGOTTEN = "08_your_own_model.html#the-forgotten-training-true"
_FREEZING = "08_your_own_model.html#the-wrong-freezing"
_SORTED = "08_your_own_model.html#sorted-batches"
_POISONED = "08_your_own_model.html#one-poisoned-batch"
_AVERAGED = "08_your_own_model.html#averaged-weights"
_EXPORT = "08_your_own_model.html#the-export-trap"

_RECALIBRATE = "recalibrate on clean training data: bnteach.diagnostics.recalibrate"

CODES: Mapping[str, Code] = {
    "non-finite-statistics": Code(
        "error", f"find the batch that held NaN, then {_RECALIBRATE}", _POISONED
    ),
    "negative-variance": Code(
        "error",
        f"look at how the weights were loaded or averaged, then {_RECALIBRATE}",
        _STATISTICS,
    ),
    "never-updated": Code(
        "error",
        "call the model with training=True in the training loop and train again; "
        "recalibrating mends the statistics, not weights that were trained without",
        _FORGOTTEN,
    ),
    "frozen-at-start": Code(
        "error",
        "freeze a layer only after it has seen data: load trained weights, or "
        "recalibrate with include_frozen=True",
        _FREEZING,
    ),
    "momentum-convention": Code(
        "warning",
        "PyTorch's momentum is 1 - Keras's: write 0.9 for its 0.1",
        _MOMENTUM,
    ),
    "momentum-out-of-range": Code(
        "error", "choose a momentum between 0 and 1, such as 0.99 or 0.9", _MOMENTUM
    ),
    "cold-start": Code(
        "warning", f"train longer, or with a lower momentum, or {_RECALIBRATE}", _COLD
    ),
    "gamma-collapsed": Code(
        "warning",
        "look for a weight decay or a regularizer on gamma, or a learning rate that "
        "is too high",
        "04_keras_usage.html#weight-decay-and-gamma",
    ),
    "averaged-weights": Code(
        "warning",
        f"the statistics are of other weights: {_RECALIBRATE}",
        _AVERAGED,
    ),
    "training-flag-ignored": Code(
        "warning",
        "fit obeys its own mode: freeze with layer.trainable = False and compile, or "
        "call the model with training=False inside a call of your own",
        _FREEZING,
    ),
    "training-flag-baked-in": Code(
        "error",
        "leave training out where the model is built; export with "
        "bnteach.deployment.export",
        _EXPORT,
    ),
    "wrong-axis": Code(
        "error", "give axis the axis of the channels: -1 for channels last", _AXES
    ),
    "redundant-bias": Code(
        "info", "use_bias=False: beta does the work of the bias", _PLACE
    ),
    "dropout-before-norm": Code(
        "warning",
        "put the dropout behind the last normalization: in training it changes the "
        "variance that the layer learns, in inference it is off",
        _PLACE,
    ),
    "norm-after-norm": Code("warning", "leave one of the two out", _PLACE),
    "norm-at-output": Code(
        "info", "the outputs of an example depend on its batch in training", _PLACE
    ),
    "shared-layer": Code(
        "warning",
        "give each place a layer of its own: one set of moving statistics cannot fit "
        "several inputs",
        _STATISTICS,
    ),
    "not-recompiled": Code(
        "warning", "call model.compile again after a change of trainable", _FREEZING
    ),
    "frozen-base-updates": Code(
        "warning",
        "freeze the normalizations with the layers that feed them, unless they are "
        "meant to adapt",
        _FREEZING,
    ),
    "small-batch": Code(
        "warning",
        "use larger batches, or layer or group normalization",
        "02_batch_normalization_algorithm.html",
    ),
    "non-finite-data": Code(
        "error", "look for NaN and infinite values in the data and their scaling", _GAP
    ),
    "statistics-mismatch": Code(
        "warning",
        f"feed inference as training was fed (scaling, order of channels), or "
        f"{_RECALIBRATE}",
        _POISONED,
    ),
    "epsilon-dominates": Code(
        "warning",
        "scale the inputs of the layer up, or choose a smaller epsilon",
        _EPSILON,
    ),
    "grouped-batches": Code(
        "warning", "shuffle the training data over all groups", _SORTED
    ),
    "sorted-labels": Code(
        "warning",
        "shuffle the training data with a buffer larger than a class",
        _SORTED,
    ),
    "train-inference-gap": Code("warning", _RECALIBRATE, _COLD),
    "batch-dependent-inference": Code(
        "error",
        "call normalizations with training=False in inference",
        _EXPORT,
    ),
    "no-batch-normalization": Code("info", "", _ALWAYS),
    # Of an artifact, see bnteach.deployment.check_artifact.
    "answers-change": Code(
        "error", "export it in inference mode: bnteach.deployment.export", _EXPORT
    ),
    "differs-from-expected": Code(
        "error",
        "compare the preprocessing, the order of the outputs and the weights",
        _EXPORT,
    ),
    "non-finite-output": Code(
        "error",
        "examine the model that was exported: bnteach.diagnostics.examine",
        _STATISTICS,
    ),
}


def finding(
    code: str,
    message: str,
    layer: str = "",
    severity: str | None = None,
    **numbers: Any,
) -> Finding:
    """Return a finding with the severity, remedy and link of its code.

    Args:
        code: one of `CODES`.
        message: what was found, in a sentence.
        layer: path of the layer, or "" for the whole model.
        severity: where it is not that of the code.
        **numbers: what was measured.
    """
    kind = CODES[code]
    return Finding(
        code, severity or kind.severity, layer, message, numbers, kind.remedy, kind.link
    )
