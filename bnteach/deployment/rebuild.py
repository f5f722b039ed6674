"""Build a model anew, as its plan for folding says."""

from __future__ import annotations

import keras

from bnteach.deployment.folding_plan import FoldingPlan
from bnteach.diagnostics import graph as graphs


def rebuild(model, plan: FoldingPlan, copies: dict) -> keras.Model:
    """Return a model of new layers, in which what was folded is left out.

    Args:
        model: a Functional or Sequential model.
        plan: what is folded where.
        copies: id of an old layer -> (old, new); filled here.
    """
    if id(model) in copies:
        return copies[id(model)][1]

    def copy(layer):
        if id(layer) in plan.gone:
            return _LeftOut()
        if graphs.is_graph(layer):
            return rebuild(layer, plan, copies)
        if id(layer) not in copies:
            config = layer.get_config()
            if id(layer) in plan.weights:
                config["use_bias"] = True
            copies[id(layer)] = (layer, type(layer).from_config(config))
        return copies[id(layer)][1]

    if isinstance(model, keras.Sequential):
        new = keras.Sequential(name=model.name, trainable=model.trainable)
        for layer in model._layers:  # the input layer among them
            if id(layer) not in plan.gone:
                new.add(copy(layer))
        if not new.built:  # it had no input layer: Keras built it at its first call
            new.build(model.input_shape)
        if model.compiled:  # as Keras does for the other kind
            new.compile_from_config(model.get_compile_config())
    else:
        new = keras.models.clone_model(model, clone_function=copy, call_function=_call)
    copies[id(model)] = (model, new)
    return new


class _LeftOut:
    """Stands for a layer that is gone: what comes in goes out."""


def _call(layer, *args, **kwargs):
    return args[0] if isinstance(layer, _LeftOut) else layer(*args, **kwargs)


def copy_weights(plan: FoldingPlan, copies: dict) -> None:
    """Give the new layers the weights of the old ones, or those of the plan."""
    for layer, new in copies.values():
        if graphs.is_graph(layer) or not isinstance(layer, keras.layers.Layer):
            continue
        if id(layer) in plan.weights:
            for name, value in plan.weights[id(layer)].items():
                getattr(new, name).assign(value)
        else:
            new.set_weights(layer.get_weights())
        new.trainable = layer.trainable
