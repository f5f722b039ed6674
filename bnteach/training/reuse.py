"""Use a compiled network once more: put it into the state of one that is built anew.

Compiling takes seconds, which is most of the time of a short run. Two networks that
one function built with different seeds differ in the values of their variables alone.
"""

from __future__ import annotations

import keras


def restart(used: keras.layers.Layer, fresh: keras.layers.Layer) -> None:
    """Give a network, or layers that augment, the state of one that was built anew.

    Weights, moving statistics, seeds of dropout and the optimizer's slots are those of
    `fresh` afterwards; what was compiled for `used` stays compiled.

    Args:
        used: a model, or layers that were called.
        fresh: from the same function, with another seed perhaps; compiled like `used`.

    Raises:
        ValueError: they have other variables.
    """
    pairs = _state(used), _state(fresh)
    shapes = [[tuple(variable.shape) for variable in state] for state in pairs]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"expected two networks with the same {len(shapes[0])} variables. "
            f"Received: {len(shapes[1])} variables, or others"
        )
    for variable, value in zip(*pairs, strict=True):
        variable.assign(value)


def _state(layers) -> list[keras.Variable]:
    optimizer = getattr(layers, "optimizer", None)
    if optimizer is None:
        return list(layers.variables)
    if not optimizer.built:
        optimizer.build(layers.trainable_variables)
    metrics = {id(variable) for variable in layers.metrics_variables}
    own = [v for v in layers.variables if id(v) not in metrics]
    return own + list(optimizer.variables)
