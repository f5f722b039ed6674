"""Every layer of a model with the path that leads to it, nested models included."""

from __future__ import annotations

from collections.abc import Iterator

import keras


def walk(model: keras.Model) -> Iterator[tuple[str, keras.layers.Layer]]:
    """Yield the path and the layer of everything inside a model, each layer once.

    A path joins names from the outside in, for example ``"encoder/batch_norm_1"``;
    the model's own name is left out. Layers inside of layers that are no models
    (wrappers such as `TimeDistributed`, and subclassed layers) are found as well.

    Args:
        model: a Keras model of any kind.
    """
    seen = {id(model)}
    yield from _below(model, "", seen)


def _below(parent, prefix: str, seen: set[int]):
    for layer in _children(parent):
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        path = prefix + layer.name
        yield path, layer
        yield from _below(layer, f"{path}/", seen)


def _children(layer) -> list[keras.layers.Layer]:
    """Return what stands directly inside a layer, in the order of its making."""
    if isinstance(layer, keras.Model) and layer.layers:
        listed = list(layer.layers)
    else:
        listed = []
    # The public `layers` lists no layer inside a layer that is no model.
    inside = layer._flatten_layers(include_self=False, recursive=False)
    known = {id(one) for one in listed}
    own_graph = getattr(layer, "_functional", None)  # the inside of a Sequential
    return listed + [
        one for one in inside if id(one) not in known and one is not own_graph
    ]


def has_statistics(layer: keras.layers.Layer) -> bool:
    """Tell whether a layer is built and keeps a moving mean and a moving variance."""
    names = ("moving_mean", "moving_variance")  # None before the layer is built
    return all(getattr(layer, name, None) is not None for name in names)


def batch_norms(model: keras.Model) -> dict[str, keras.layers.Layer]:
    """Return path -> layer for every layer that keeps moving statistics."""
    return {path: layer for path, layer in walk(model) if has_statistics(layer)}
