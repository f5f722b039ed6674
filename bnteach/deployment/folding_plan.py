"""Decide where each batch normalization of a model can be folded, or why it cannot."""

from __future__ import annotations

import keras

from bnteach.deployment import kernels
from bnteach.deployment.affine import affine_of, check_finite, is_affine
from bnteach.diagnostics import graph as graphs
from bnteach.diagnostics.facts import changes_nothing
from bnteach.diagnostics.layer_paths import batch_norms


class FoldingPlan:
    """Which batch normalization goes where, and the weights that come out."""

    def __init__(self, model):
        found = batch_norms(model)
        self.paths = {id(layer): path for path, layer in found.items()}
        for path, layer in found.items():
            check_finite(path, layer)
        several = graphs.graphs(model)
        self.calls = graphs.calls(several)
        self.folded, self.kept = {}, {}
        self.gone = set()  # ids of batch normalizations that were folded
        self.weights = {}  # id of a linear layer -> its new weights
        for graph in several:
            nodes = [node for node in graph.nodes if id(node.operation) in self.paths]
            for node in nodes:
                self._try_before(graph, node)
            # From the end, so that of two in a row both can go into what follows.
            for node in reversed(nodes):
                if id(node.operation) not in self.gone:
                    self._try_after(graph, node)

    def _try_before(self, graph, node) -> None:
        """Fold a batch normalization into the layer before it, or say why not."""
        path = self.paths[id(node.operation)]
        source, reason = self._linear_source(graph, node)
        reason = reason or self._obstacle(node, source.operation, source.outputs[0])
        if reason is None and not _is_linear_activation(source.operation):
            reason = f"{graph.name(source)} has its activation inside"
        if reason is None:
            self._take(graph, node, source.operation, kernels.fold_after)
        else:
            self.kept[path] = reason

    def _try_after(self, graph, node) -> None:
        """Fold a batch normalization into the layer after it, if that is right."""
        reader = graph.only_reader(node)
        while reader is not None and self._changes_nothing(reader):
            reader = graph.only_reader(reader)
        if reader is None or not kernels.is_linear(reader.operation):
            return
        after, path = reader.operation, self.paths[id(node.operation)]
        reason = self._obstacle(node, after, reader.input_tensors[0])
        if reason is None and type(after) in kernels.TRANSPOSED:
            reason = "at the border a transposed convolution sums fewer values"
        if reason is None and _pads(after):
            reason = (
                f"{graph.name(reader)} pads with zeros, which it would have to move"
            )
        if reason is None:
            self._take(graph, node, after, kernels.fold_before)
        else:
            self.kept[path] += f"; and after it: {reason}"

    def _take(self, graph, node, layer, fold_weights) -> None:
        normalization = node.operation
        weights = self.weights.get(id(layer)) or kernels.weights_of(layer)
        self.weights[id(layer)] = fold_weights(layer, weights, affine_of(normalization))
        path = self.paths[id(normalization)]
        self.folded[path] = graph.path + layer.name
        self.kept.pop(path, None)
        self.gone.add(id(normalization))

    def _linear_source(self, graph, node):
        """Return the linear layer's call that feeds a node, or why there is none."""
        before = graph.source(node)
        while before is not None and self._changes_nothing(before):
            if graph.only_reader(before) is None:
                return None, _used_elsewhere(graph, before)
            before = graph.source(before)
        if before is None:
            return None, "no layer of this model stands before it"
        if not kernels.is_linear(before.operation):
            return None, f"{graph.name(before)} stands before it, which is not linear"
        if graph.only_reader(before) is None:
            return None, _used_elsewhere(graph, before)
        return before, None

    def _changes_nothing(self, node) -> bool:
        return changes_nothing(node.operation) or id(node.operation) in self.gone

    def _obstacle(self, node, layer, tensor) -> str | None:
        """Return what forbids to fold a batch normalization into a layer, or None."""
        normalization = node.operation
        if self.calls[id(normalization)] > 1:
            return "it is shared by several places"
        if self.calls[id(layer)] > 1:
            return f"{layer.name} is shared by several places"
        if _is_rewritten(layer):
            return f"{layer.name} is quantized or has LoRA weights"
        if not is_affine(normalization):
            return f"its class {type(normalization).__name__} computes another map"
        rank = len(tensor.shape)
        if _channel_axis(layer) % rank != normalization.axis % rank:
            return f"its axis is not that of the channels of {layer.name}"
        return None


def _used_elsewhere(graph, node) -> str:
    return f"the output of {graph.name(node)} is used elsewhere too"


def _is_linear_activation(layer) -> bool:
    return layer.activation is None or layer.activation is keras.activations.linear


def _is_rewritten(layer) -> bool:
    return bool(
        getattr(layer, "lora_enabled", False)
        or getattr(layer, "quantization_mode", None)
    )


def _channel_axis(layer) -> int:
    return 1 if getattr(layer, "data_format", None) == "channels_first" else -1


def _pads(layer) -> bool:
    if type(layer) in kernels.DENSE or layer.padding == "valid":
        return False
    return any(size > 1 for size in layer.kernel_size)
