"""Chapter 5: a learning rate of its own for each network of the CIFAR comparison."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from bnteach.experiments.base import Experiment, Settings
from bnteach.experiments.cifar_comparison import (
    LIVE,
    NARROW,
    NETWORKS,
    NOTE,
    SHORT,
    WIDE,
    augmentation,
    build,
    prepare,
    probes,
)

RATES = (0.0001, 0.0003, 0.001, 0.003, 0.01)
LAST = 4  # records whose mean is the criterion: one alone jumps
# At "cpu" the records are taken often and on few images, 1,000: an evaluation of 2,000
# by both kinds of statistics takes as long as twenty steps.


def variant(network: str, rate: float) -> str:
    """Return the name of a network at one rate."""
    return f"{network}, rate {rate:g}"


def criterion(part: Mapping[str, Any]) -> float:
    """Return what a rate is judged by: mean validation accuracy of the last records."""
    return sum(part["curves"]["val_accuracy"][-LAST:]) / LAST


def _measure(model, data):
    """Measure on the validation split: the test split is for the comparison alone."""
    from bnteach import training

    found = training.evaluate(model, data.x_validation, data.y_validation)
    return {f"val_{name}": value for name, value in found.items()}


def give_up(part: Mapping[str, Any], data: Any) -> str:
    """Say why a rate is out of the question after one seed, or "" if it is not.

    Args:
        part: the part with the first seed.
        data: the data set, with its validation split.
    """
    losses = part["curves"]["loss"][1:]
    if not all(loss is not None and math.isfinite(loss) for loss in losses):
        return "diverged"
    chance, images = 1 / data.num_classes, len(data.x_validation)
    noise = math.sqrt(chance * (1 - chance) / images)  # of an accuracy at chance
    return "at chance" if criterion(part) <= chance + 2 * noise else ""


EXPERIMENT = Experiment(
    name="cifar_learning_rates",
    title="The networks of the CIFAR comparison at five learning rates",
    variants={
        variant(network, rate): arguments | {"learning_rate": rate}
        for rate in RATES
        for network, arguments in NETWORKS.items()
    },
    profiles={
        "quick": Settings(
            "mnist_m",
            600,
            40,
            50,
            3,
            8.0,
            500,
            NARROW,
            chosen=[variant(network, rate) for rate in RATES for network in LIVE],
        ),
        "cpu": Settings(
            "cifar100", 400, 80, 50, 3, 80.0, 1000, {**WIDE, **SHORT}, True
        ),
        "full": Settings("cifar100", 4000, 80, 500, 3, 900.0, 2000, WIDE, True),
    },
    prepare=prepare,
    build=build,
    augmentation=augmentation,
    probes=probes,
    measure=_measure,
    give_up=give_up,
    note=NOTE,
)
