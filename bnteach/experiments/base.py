"""The form of an experiment, and what several experiments share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# What a variant or a profile may say about its batch normalization layers.
LAYER_ARGUMENTS = ("momentum", "renorm")


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
        network: arguments that `build` gets at this size, for example the classes.
        augment: whether training images are altered, where an experiment can.
        variants: variant -> arguments that it has at this size alone; "steps" among
            them is not for `build`, it takes the place of `steps`.
        chosen: the variants that are run at this size; empty for all.
    """

    dataset: str
    steps: int
    batch_size: int
    record_every: int
    seeds: int
    seconds: float
    validation: int
    network: Mapping[str, Any] = field(default_factory=dict)
    augment: bool = False
    variants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    chosen: Sequence[str] = ()


@dataclass(frozen=True)
class Experiment:
    """An experiment: variants that differ in the named arguments and nothing else.

    Attributes:
        name: name for the command line and the file of the recorded run.
        title: what it asks, in one line.
        variants: variant -> the arguments in which it differs from the others.
        profiles: "quick", "full" and, for some, "cpu" -> their settings.
        prepare: (dataset, arguments) -> the dataset as the network sees it.
        build: (arguments, seed) -> a compiled model; see `arguments`.
        augmentation: seed -> a layer for `training.train`, for profiles that augment.
        probes: (model, data) -> probes for `training.train`.
        measure: (model, data) -> measurements at the end, on the test split.
        facts: (data, settings) -> numbers that the book speaks of, and that belong
            to no variant.
        give_up: (part, dataset) -> why a variant needs no further seed after this
            first part of it, or "" if it does.
        note: what else was fixed, in words and numbers.
    """

    name: str
    title: str
    variants: Mapping[str, Mapping[str, Any]]
    profiles: Mapping[str, Settings]
    prepare: Callable[[Any, Mapping[str, Any]], Any]
    build: Callable[[Mapping[str, Any], int], Any]
    augmentation: Callable[[int], Any] | None = None
    probes: Callable[[Any, Any], Sequence[Any]] = lambda model, data: ()
    measure: Callable[[Any, Any], dict[str, Any]] = lambda model, data: {}
    facts: Callable[[Any, Settings], dict[str, Any]] = lambda data, settings: {}
    give_up: Callable[[Mapping[str, Any], Any], str] = lambda part, data: ""
    note: Mapping[str, Any] = field(default_factory=dict)

    def chosen(self, settings: Settings) -> list[str]:
        """Return the variants that are run at one size."""
        return [v for v in settings.chosen or self.variants if v in self.variants]

    def arguments(self, variant: str, settings: Settings) -> dict[str, Any]:
        """Return all that a variant's network is built from at one size."""
        own = settings.variants.get(variant, {})
        return {**settings.network, **self.variants[variant], **own}


def normalization_of(arguments):
    """Return the normalization of a network, as the builders of networks take it.

    Args:
        arguments: may have "normalization": None; "batch" for Keras's layer; "ours"
            for the package's, which needs TensorFlow; or "fastest" for ours on
            TensorFlow and Keras's elsewhere. May have arguments of the layer, see
            `LAYER_ARGUMENTS`.

    Raises:
        ValueError: our layer, and Keras does not run on TensorFlow.
    """
    kind = arguments.get("normalization")
    if kind is None:
        return None
    import keras

    backend = keras.backend.backend()
    if kind == "fastest":
        kind = "ours" if backend == "tensorflow" else "batch"
    if kind == "ours" and backend != "tensorflow":
        raise ValueError(
            "expected Keras on TensorFlow for the package's own layer. "
            f"Received: {backend!r}"
        )
    if kind == "ours":
        from bnteach.layers.batch_normalization import BatchNormalization
    else:
        from keras.layers import BatchNormalization
    given = {k: arguments[k] for k in LAYER_ARGUMENTS if k in arguments}
    return lambda name: BatchNormalization(name=name, **given)


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
