"""Look into a model while data go through it, and leave the model as it was."""

from __future__ import annotations

import contextlib
import functools
import importlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import numpy as np

from bnteach.diagnostics.layer_paths import has_statistics, walk


@contextlib.contextmanager
def unchanged(model: keras.Model) -> Iterator[None]:
    """Put all variables of a model and of its metrics back at the end.

    Whatever happens inside: moving statistics, seeds of dropout and counters of
    metrics have their old values afterwards, also after an exception or Ctrl-C.
    """
    variables = list(model.variables)
    variables += [v for v in model.metrics_variables if id(v) not in _ids(variables)]
    values = [_copy(v) for v in variables]
    try:
        yield
    finally:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)


@contextlib.contextmanager
def batch_mode(layers: Iterable[keras.layers.Layer]) -> Iterator[None]:
    """Run these layers as in training, frozen or not, whatever they are told.

    What that does to their moving statistics is undone at the end.
    """
    with contextlib.ExitStack() as stack:
        for layer in layers:
            stack.enter_context(_in_training(layer))
        yield


@contextlib.contextmanager
def as_in_training(model: keras.Model, chance: bool = False) -> Iterator[None]:
    """Have `model(x, training=True)` train normalizations, and nothing else.

    Each batch normalization gets the mode that `fit` would give it. Everything that
    draws at random, dropout and its like, is told that it is inference, unless
    `chance` is wanted. What changes in the normalizations is undone at the end.
    """
    kept = [
        (variable, _copy(variable))
        for _, layer in walk(model)
        if has_statistics(layer)
        for variable in layer.variables
    ]
    with contextlib.nullcontext() if chance else without_chance(model):
        try:
            yield
        finally:
            for variable, value in kept:
                variable.assign(value)


@contextlib.contextmanager
def without_chance(model: keras.Model) -> Iterator[None]:
    """Tell all layers that have a mode, normalizations apart, that it is inference.

    Dropout and its like then draw nothing, nor do Keras's layers that alter images,
    which do so by default where nobody names a mode.
    """

    def in_inference(call, *args, **kwargs):
        return call(*args, **{**kwargs, "training": False})

    with contextlib.ExitStack() as stack:
        for layer in _with_a_mode(model):
            stack.enter_context(wrapped_call(layer, in_inference))
        yield


def draws_in_training(model: keras.Model) -> bool:
    """Tell whether a layer, a dropout or its like, may draw at random in training."""
    rates = (getattr(layer, "rate", None) for layer in _with_a_mode(model))
    return any(rate is None or rate != 0 for rate in rates)


def _with_a_mode(model) -> Iterator[keras.layers.Layer]:
    for _, layer in walk(model):
        if has_statistics(layer) or _has_layers_inside(layer):
            continue
        if layer._call_has_training_arg:
            yield layer


def _has_layers_inside(layer) -> bool:
    return any(True for _ in layer._flatten_layers(include_self=False))


def _copy(variable) -> np.ndarray:
    # A copy: a backend may hand out a view of memory that it reuses.
    return np.array(keras.ops.convert_to_numpy(variable))


@contextlib.contextmanager
def _in_training(layer) -> Iterator[None]:
    def in_training(call, *args, **kwargs):  # `training` is never positional in Keras
        return call(*args, **{**kwargs, "training": True})

    kept = [(v, _copy(v)) for v in layer.variables]
    trainable = layer.trainable
    with wrapped_call(layer, in_training):
        layer.trainable = True  # frozen, it would use its moving statistics
        try:
            yield
        finally:
            layer.trainable = trainable
            for variable, value in kept:
                variable.assign(value)


@contextlib.contextmanager
def wrapped_call(layer, wrapper: Callable[..., Any]) -> Iterator[None]:
    """Run `wrapper(call, *args, **kwargs)` wherever a layer's `call` would run."""
    call, own = layer.call, layer.__dict__.get("call")

    @functools.wraps(call)
    def replaced(*args, **kwargs):
        return wrapper(call, *args, **kwargs)

    layer.call = replaced
    try:
        yield
    finally:
        if own is None:
            del layer.call
        else:  # somebody else had wrapped it before
            layer.call = own


@contextlib.contextmanager
def eager_calls() -> Iterator[None]:
    """Compile nothing that a model calls, so that what goes through it has values.

    A `call` that its owner has compiled, by `tf.function` or `jax.jit`, would hand
    symbols to whoever looks into it.
    """
    name = keras.backend.backend()
    backend = importlib.import_module(name)
    if name == "jax":
        with backend.disable_jit():
            yield
        return
    before = backend.config.functions_run_eagerly()
    backend.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        backend.config.run_functions_eagerly(before)


def _ids(objects) -> set[int]:
    return {id(one) for one in objects}
