"""Rules on who feeds whom, and on what is frozen; they need no data."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Iterator

import keras

from bnteach.diagnostics.codes import finding
from bnteach.diagnostics.facts import (
    Facts,
    changes_nothing,
    is_convolution,
    is_linear_layer,
)
from bnteach.diagnostics.layer_paths import has_statistics, walk
from bnteach.diagnostics.report import Finding

_L = keras.layers
_NORMALIZATIONS = (
    _L.BatchNormalization,
    _L.LayerNormalization,
    _L.GroupNormalization,
    _L.UnitNormalization,
    _L.RMSNormalization,
)
_DROPOUTS = (
    _L.Dropout,
    _L.SpatialDropout1D,
    _L.SpatialDropout2D,
    _L.SpatialDropout3D,
    _L.GaussianDropout,
)
_SHAPES = (_L.Flatten, _L.Reshape, _L.Permute, _L.ZeroPadding1D, _L.ZeroPadding2D)
_SHAPES += (_L.ZeroPadding3D, _L.Cropping2D, _L.UpSampling2D)
# Behind a convolution these leave the channels where they are.
_KEEP_CHANNELS = (
    _L.Activation, _L.ReLU, _L.LeakyReLU, _L.PReLU, _L.ELU,
    _L.MaxPooling1D, _L.MaxPooling2D, _L.MaxPooling3D,
    _L.AveragePooling1D, _L.AveragePooling2D, _L.AveragePooling3D,
    _L.ZeroPadding1D, _L.ZeroPadding2D, _L.ZeroPadding3D, _L.BatchNormalization,
)  # fmt: skip
MOSTLY_FROZEN = 0.8  # of the linear layers but the last


def check(facts: Facts) -> Iterator[Finding]:
    """Yield what the structure of the model shows."""
    yield from _flags(facts)
    yield from _shared(facts)
    yield from _at_output(facts)
    for graph in facts.graphs:
        for node in graph.nodes:
            if id(node.operation) in facts.path_of:
                yield from _around(facts, graph, node)
    yield from _not_recompiled(facts)
    yield from _frozen_base(facts)


def _flags(facts: Facts) -> Iterator[Finding]:
    for graph in facts.graphs:
        for node in graph.nodes:
            flag = node.arguments.kwargs.get("training")
            inside = _norms_inside(node.operation)
            if flag is True and inside:
                text = (
                    "it was built with training=True: model(x) and exported models "
                    "normalize by the batch, fit and predict do not"
                )
                yield finding("training-flag-baked-in", text, graph.name(node))
            elif (
                flag is False
                and not _is_false_by_default(node.operation)
                and any(layer.trainable for layer in inside)
            ):
                text = (
                    "it was built with training=False, which fit ignores: its moving "
                    "statistics go on changing"
                )
                yield finding("training-flag-ignored", text, graph.name(node))


def _is_false_by_default(layer) -> bool:
    """Tell whether `training` is False where nobody says so, as in Keras's RNN.

    Keras notes it for the call as if somebody had.
    """
    told = inspect.signature(layer.call).parameters.get("training")
    return told is not None and told.default is False


def _norms_inside(operation) -> list:
    if not isinstance(operation, keras.layers.Layer):
        return []
    return [one for one in operation._flatten_layers() if has_statistics(one)]


def _shared(facts: Facts) -> Iterator[Finding]:
    places = defaultdict(list)
    for graph in facts.graphs:
        for node in graph.nodes:
            if id(node.operation) in facts.path_of:
                places[id(node.operation)].append((graph, node))
    for key, calls in places.items():
        if len(calls) > 1 and not _is_one_network(calls):
            text = f"{len(calls)} places share its moving statistics"
            yield finding("shared-layer", text, facts.path_of[key], places=len(calls))


def _is_one_network(calls) -> bool:
    """Tell whether a layer is called several times as a part of a shared network.

    Each call then stands behind the same layer with weights; or, if it is the first
    of the network, before the same.
    """
    before = {_with_weights(graph, node, graph.source) for graph, node in calls}
    if before == {None}:
        before = {
            _with_weights(graph, node, graph.only_reader) for graph, node in calls
        }
    return len(before) == 1 and None not in before


def _with_weights(graph, node, step) -> int | None:
    """Return the id of the nearest layer with weights in one direction, or None."""
    node = step(node)
    while node is not None and not getattr(node.operation, "weights", None):
        node = step(node)
    return node and id(node.operation)


def _at_output(facts: Facts) -> Iterator[Finding]:
    if not facts.graphs:
        return
    graph = facts.graphs[0]
    for node in graph.results():
        before = node
        while before is not None and (
            changes_nothing(before.operation) or _is_last_activation(before.operation)
        ):
            before = graph.source(before)
        if before is not None and id(before.operation) in facts.path_of:
            path = facts.path_of[id(before.operation)]
            yield finding(
                "norm-at-output", "its output is an output of the model", path
            )


def _is_last_activation(operation) -> bool:
    last = (keras.activations.softmax, keras.activations.sigmoid)
    return isinstance(operation, _L.Softmax) or (
        isinstance(operation, _L.Activation) and operation.activation in last
    )


def _around(facts: Facts, graph, node) -> Iterator[Finding]:
    layer, path = node.operation, facts.path_of[id(node.operation)]
    before = graph.source(node)
    while before is not None and changes_nothing(before.operation):
        before = graph.source(before)
    if before is not None:
        feeder, name = before.operation, graph.name(before)
        if isinstance(feeder, _NORMALIZATIONS) or id(feeder) in facts.path_of:
            yield finding(
                "norm-after-norm", f"it normalizes the output of {name}", path
            )
        if _has_redundant_bias(graph, before, layer):
            text = f"the bias of {name} is taken away again with the mean"
            yield finding("redundant-bias", text, path)
    convolution = _convolution_before(graph, node)
    if convolution is not None and hasattr(layer, "axis"):
        yield from _axis(path, layer, node, convolution)
    dropout = _dropout_before(graph, node)
    if dropout is not None:
        rate = float(dropout.rate)
        text = f"{dropout.name} (rate {rate:g}) stands before it"
        yield finding("dropout-before-norm", text, path, rate=rate)


def _has_redundant_bias(graph, before, layer) -> bool:
    feeder = before.operation
    if not is_linear_layer(feeder) or getattr(feeder, "bias", None) is None:
        return False
    if feeder.activation not in (None, keras.activations.linear):
        return False
    return (
        bool(getattr(layer, "center", False)) and graph.only_reader(before) is not None
    )


def _convolution_before(graph, node):
    before = graph.source(node)
    while before is not None and (
        changes_nothing(before.operation)
        or isinstance(before.operation, _KEEP_CHANNELS)
    ):
        before = graph.source(before)
    found = before is not None and is_convolution(before.operation)
    return before.operation if found else None


def _axis(path: str, layer, node, convolution) -> Iterator[Finding]:
    rank = len(node.input_tensors[0].shape)
    first = getattr(convolution, "data_format", "channels_last") == "channels_first"
    wanted = 1 if first else rank - 1
    if layer.axis % rank != wanted:
        text = (
            f"it normalizes along axis {layer.axis}, the channels of "
            f"{convolution.name} are on axis {wanted}"
        )
        yield finding("wrong-axis", text, path, axis=layer.axis, channels=wanted)


def _dropout_before(graph, node):
    before = graph.source(node)
    while before is not None:
        operation = before.operation
        if isinstance(operation, _DROPOUTS):
            return operation if operation.rate > 0 else None
        through = is_linear_layer(operation) and operation.activation in (
            None,
            keras.activations.linear,
        )
        if not (
            through or isinstance(operation, _SHAPES) or changes_nothing(operation)
        ):
            return None
        before = graph.source(before)
    return None


def _not_recompiled(facts: Facts) -> Iterator[Finding]:
    model = facts.model
    # Private: Keras keeps it for a warning of its own, which comes once, at `fit`.
    kept = getattr(model, "_compiled_trainable_state", None)
    if not getattr(model, "compiled", False) or not kept:
        return
    changed = [
        layer.name
        for layer in model._flatten_layers()
        if layer in kept and kept[layer] != layer.trainable
    ]
    if changed:
        names = ", ".join(changed[:5]) + (", ..." if len(changed) > 5 else "")
        text = f"trainable has changed since the model was compiled: {names}"
        yield finding("not-recompiled", text, layers=changed)


def _frozen_base(facts: Facts) -> Iterator[Finding]:
    """Find normalizations that go on learning inside a base that is frozen."""
    feeder, linear, adapting = None, [], []
    for path, layer in walk(facts.model):
        if is_linear_layer(layer):
            feeder = layer
            linear.append(layer)
        elif (
            path in facts.norms
            and layer.trainable
            and feeder is not None
            and not feeder.trainable
        ):
            adapting.append(path)
    but_the_last = linear[:-1]
    if not adapting or not but_the_last:
        return
    share = sum(not layer.trainable for layer in but_the_last) / len(but_the_last)
    if share >= MOSTLY_FROZEN:
        text = (
            f"{share:.0%} of the linear layers before the last are frozen, "
            f"{len(adapting)} batch normalizations behind them are not"
        )
        yield finding("frozen-base-updates", text, adapting[0], layers=adapting)
