"""What each experiment is: data, networks, optimizer, steps and seeds, at both sizes.

Reading this module loads no framework: the networks are built by functions that
import Keras when they are called, so that ``python -m bnteach list`` is quick.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

PROFILES = ("quick", "full")


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
        note: what else was fixed, in words and numbers.
    """

    name: str
    title: str
    variants: Mapping[str, Mapping[str, Any]]
    profiles: Mapping[str, Settings]
    prepare: Callable[[Any, Mapping[str, Any]], Any]
    build: Callable[[Mapping[str, Any], int], Any]
    probes: Callable[[Any, Any], Sequence[Any]] = lambda model, data: ()
    measure: Callable[[Any, Any], dict[str, Any]] = None
    note: Mapping[str, Any] = field(default_factory=dict)


def get(name: str) -> Experiment:
    """Return the experiment of that name.

    Raises:
        ValueError: there is none; the message names those that exist.
    """
    if name not in EXPERIMENTS:
        close = difflib.get_close_matches(name, EXPERIMENTS, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"expected an experiment: {', '.join(EXPERIMENTS)}. "
            f"Received: {name!r}.{hint}"
        )
    return EXPERIMENTS[name]


def profile_name(profile: str | None = None) -> str:
    """Return the profile asked for: the argument, BNTEACH_PROFILE, or "quick".

    Raises:
        ValueError: there is no such profile.
    """
    chosen = profile or os.environ.get("BNTEACH_PROFILE") or "quick"
    if chosen not in PROFILES:
        raise ValueError(
            f"expected profile to be one of {', '.join(PROFILES)}. Received: {chosen!r}"
        )
    return chosen


def test_accuracy(model, data) -> dict[str, float]:
    """Measure loss and accuracy on the test split, in inference mode."""
    from bnteach import training

    found = training.evaluate(model, data.x_test, data.y_test)
    return {f"test_{name}": value for name, value in found.items()}


def _compiled(model, optimizer):
    import keras

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    return model


# Chapter 1: the experiment of Ioffe and Szegedy (2015), section 4.1.


def _shift_data(data, arguments):
    # The paper's images are binary; those of most courses that repeat it are grey.
    prepared = data.binarized() if arguments["pixels"] == "binary" else data.scaled()
    return prepared.flattened()


def _shift_model(arguments, seed):
    import keras

    from bnteach import models

    model = models.mlp(
        activation="sigmoid",
        normalization=arguments["normalization"],
        kernel_initializer=models.small_gaussian,
        seed=seed,
    )
    return _compiled(model, keras.optimizers.SGD(arguments["learning_rate"]))


def _shift_probes(model, data):
    from bnteach import activations

    batch = data.x_validation[:500]
    layers = ["activation_1", "activation_2", "activation_3"]
    return (
        activations.InputPercentiles(model, "activation_3", batch),
        activations.Saturation(model, layers, batch),
    )


def _shift_variants():
    variants = {}
    for pixels, learning_rate in (("binary", 0.1), ("grey", 0.1), ("grey", 0.01)):
        for name, normalization in (("plain", None), ("batch norm", "batch")):
            variants[f"{name}, {pixels}, {learning_rate}"] = {
                "pixels": pixels,
                "learning_rate": learning_rate,
                "normalization": normalization,
            }
    return variants


EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        Experiment(
            name="internal_covariate_shift",
            title="A 3x100 sigmoid network on digits, plain and batch-normalized",
            variants=_shift_variants(),
            profiles={
                "quick": Settings("mnist5k", 5000, 60, 100, 1, 4.0, 500),
                "full": Settings("mnist", 50_000, 60, 500, 3, 30.0, 5000),
            },
            prepare=_shift_data,
            build=_shift_model,
            probes=_shift_probes,
            measure=test_accuracy,
            note={"optimizer": "SGD", "kernel standard deviation": 0.05},
        ),
    )
}
