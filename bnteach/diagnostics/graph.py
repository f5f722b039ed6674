"""Who feeds whom in a Functional or Sequential model, nested models included."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import keras


class Graph:
    """The nodes of one Functional or Sequential model.

    A node is one call of a layer or of an operation.

    Attributes:
        path: names of the models that lead to this one, each with a slash; "" for the
            outermost.
        nodes: in an order in which a node stands behind all that feed it.
    """

    def __init__(self, model: keras.Model, path: str = ""):
        self.path = path
        inner = getattr(model, "_functional", None) or model
        self.nodes = [
            node
            for depth in sorted(inner._nodes_by_depth, reverse=True)
            for node in inner._nodes_by_depth[depth]
        ]
        self._source = {id(t): node for node in self.nodes for t in node.outputs}
        self._readers = {}
        for node in self.nodes:
            for tensor in node.input_tensors:
                self._readers.setdefault(id(tensor), []).append(node)
        self._results = {id(tensor) for tensor in keras.tree.flatten(inner.outputs)}

    def source(self, node):
        """Return the node that makes the only input of a node, or None.

        None also if this input is that of the model.
        """
        if len(node.input_tensors) != 1:
            return None
        found = self._source.get(id(node.input_tensors[0]))
        return None if found is None or found.is_input else found

    def only_reader(self, node):
        """Return the node that alone uses the output of a node, or None."""
        if len(node.outputs) != 1 or id(node.outputs[0]) in self._results:
            return None
        readers = self._readers.get(id(node.outputs[0]), [])
        return readers[0] if len(readers) == 1 else None

    def results(self) -> list:
        """Return the nodes that make outputs of the model."""
        return [
            node
            for node in self.nodes
            if any(id(tensor) in self._results for tensor in node.outputs)
        ]

    def name(self, node) -> str:
        """Return the path of the layer that a node calls."""
        return self.path + node.operation.name


def is_graph(layer) -> bool:
    """Tell whether a layer is a Functional or a built Sequential model."""
    if isinstance(layer, keras.Sequential):
        return layer.built and layer._functional is not None
    return isinstance(layer, keras.Model) and hasattr(layer, "_nodes_by_depth")


def graphs(model: keras.Model) -> list[Graph]:
    """Return the graph of a model and those of all models nested in it, each once."""
    return list(_graphs(model, "", set()))


def _graphs(model, path: str, seen: set[int]) -> Iterator[Graph]:
    if id(model) in seen:
        return
    seen.add(id(model))
    graph = Graph(model, path)
    yield graph
    for node in graph.nodes:
        if is_graph(node.operation):
            inside = f"{path}{node.operation.name}/"
            yield from _graphs(node.operation, inside, seen)


def calls(several: list[Graph]) -> Counter:
    """Return how many times each layer is called, by the layer's id."""
    return Counter(id(node.operation) for graph in several for node in graph.nodes)
