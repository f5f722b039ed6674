"""The form of an experiment, and what several experiments share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Settings:
    """The size of an experiment in one profile.

    Attributes:
        dataset: name for `datasets.load`.
        steps: training steps of one run.
        batch_size: examples a step.
        record_every: steps between two records; an interrupted run loses at most
            these.
        seeds: how many seeds, counted from 0.
        seconds: wall-clock time of one run on two cores, for estimates.
        validation: validation examples, taken from the training split.
    """

    dataset: str
    steps: int
    batch_size: int
    record_every: int
    seeds: int
    seconds: float
    validation: int


@dataclass(frozen=True)
class Experiment:
    """An experiment: variants that differ in the named arguments and nothing else.

    Attributes:
        name: name for the command line and the file of the recorded run.
        title: what it asks, in one line.
        variants: variant -> the arguments in which it differs from the others.
        profiles: "quick" and "full" -> their settings.
        prepare: (dataset, arguments) -> the dataset as the network sees it.
        build: (arguments, seed) -> a compiled model.
        probes: (model, data) -> probes for `training.train`.
        measure: (model, data) -> measurements at the end, on the test split.
        facts: data -> numbers about the raw data that the book speaks of.
        note: what else was fixed, in words and numbers.
    """

    name: str
    title: str
    variants: Mapping[str, Mapping[str, Any]]
    profiles: Mapping[str, Settings]
    prepare: Callable[[Any, Mapping[str, Any]], Any]
    build: Callable[[Mapping[str, Any], int], Any]
    probes: Callable[[Any, Any], Sequence[Any]] = lambda model, data: ()
    measure: Callable[[Any, Any], dict[str, Any]] = lambda model, data: {}
    facts: Callable[[Any], dict[str, Any]] = lambda data: {}
    note: Mapping[str, Any] = field(default_factory=dict)


def normalization_of(arguments):
    """Return the normalization of a variant; "ours" stands for the package's layer."""
    if arguments["normalization"] != "ours":
        return arguments["normalization"]
    from bnteach import layers

    def ours(name):
        return layers.BatchNormalization(name=name)

    return ours


def test_metrics(model, data) -> dict[str, float]:
    """Measure loss and accuracy on the test split, in inference mode."""
    from bnteach import training

    found = training.evaluate(model, data.x_test, data.y_test)
    return {f"test_{name}": value for name, value in found.items()}


def compile_classifier(model, optimizer):
    """Compile a model whose outputs are logits, and return it."""
    import keras

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    return model
