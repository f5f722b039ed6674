"""Take the batch normalizations of a trained model into the layers beside them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import keras

from bnteach.deployment.folding_plan import FoldingPlan
from bnteach.deployment.rebuild import copy_weights, rebuild
from bnteach.diagnostics import graph as graphs


@dataclass(frozen=True)
class Folded:
    """A model without the batch normalizations that could be folded.

    Attributes:
        model: a new model for inference, with weights of its own.
        folded: path of a batch normalization -> path of the layer that took it in.
        kept: path of a batch normalization -> why it is still there.
    """

    model: keras.Model
    folded: Mapping[str, str]
    kept: Mapping[str, str]

    def __str__(self) -> str:
        rows = [f"{path}: folded into {into}" for path, into in self.folded.items()]
        rows += [f"{path}: kept, {reason}" for path, reason in self.kept.items()]
        return "\n".join(rows) or "no batch normalization"


def fold(model: keras.Model) -> Folded:
    """Fold each batch normalization into the linear layer before or after it.

    In inference mode the new model computes what `model` does, up to rounding: the
    map of a batch normalization is taken into the kernel and the bias of a dense or
    convolutional layer. A layer after it can take it only if it pads nothing.

    Args:
        model: a built Functional or Sequential model, with models of these kinds
            nested in it. It is left as it is.

    Returns:
        The new model, and what became of every batch normalization.

    Raises:
        TypeError: the model is subclassed, so that who feeds whom is not known.
        ValueError: the model is not built, or a batch normalization holds values
            that are not finite, or a negative variance.
    """
    if not isinstance(model, keras.Model):
        raise TypeError(f"expected a Keras model. Received: {type(model).__name__}")
    if not model.built:
        raise ValueError(
            "expected a built model. Received: a model that has never been called; "
            "call it once, or give its input shape with keras.Input"
        )
    if not graphs.is_graph(model):
        raise TypeError(
            "expected a Functional or Sequential model. Received: "
            f"{type(model).__name__}, a subclass, in which the layer before a batch "
            "normalization cannot be found"
        )
    plan = FoldingPlan(model)
    copies = {}
    new_model = rebuild(model, plan, copies)
    copy_weights(plan, copies)
    _warn_if_trained(new_model)
    kept = {path: plan.kept.get(path, _INSIDE) for path in plan.paths.values()}
    kept = {path: reason for path, reason in kept.items() if path not in plan.folded}
    return Folded(new_model, dict(plan.folded), kept)


_INSIDE = (
    "it stands inside a layer that is no Functional or Sequential model, such as "
    "TimeDistributed or a subclassed layer"
)


def _warn_if_trained(model: keras.Model) -> None:
    make = model.make_train_function

    def warn_and_make(*args, **kwargs):
        warnings.warn(
            "this model was folded for inference: its batch normalizations are gone, "
            "so it trains as a network without them. Train the model that was folded",
            stacklevel=3,
        )
        return make(*args, **kwargs)

    model.make_train_function = warn_and_make
