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
# Further rates of a network, so that its best one does not lie at the edge of the grid.
MORE_RATES: dict[str, tuple[float, ...]] = {}
LAST = 4  # records whose mean is the criterion: one alone jumps
# At "cpu" the records are taken often and on few images, 1,000: an evaluation of 2,000
# by both kinds of statistics takes as long as twenty steps.


def rates_of(network: str) -> list[float]:
    """Return the rates at which a network is tried, in order."""
    return sorted({*RATES, *MORE_RATES.get(network, ())})


def variant(network: str, rate: float) -> str:
    """Return the name of a network at one rate."""
    return f"{network}, rate {rate:g}"


def criterion(part: Mapping[str, Any]) -> float:
    """Return what a rate is judged by: mean validation accuracy of the last records."""
    return sum(part["curves"]["val_accuracy"][-LAST:]) / LAST


def best_rates(run: Any) -> dict[str, float | None]:
    """Return the best rate of each network of a recorded sweep.

    Args:
        run: the sweep, a `bnteach.runs.Run`. A rate that was given up after one seed
            does not take part.

    Returns:
        Network -> the rate with the highest mean of the criterion over the seeds; None
        where every rate was given up.
    """
    found: dict[str, dict[float, float]] = {}
    for name, parts in run.variants.items():
        network = name.rpartition(", rate ")[0]
        scores = found.setdefault(network, {})
        if name not in run.settings.get("given up", {}):
            rate = run.settings["variants"][name]["learning_rate"]
            scores[rate] = sum(map(criterion, parts)) / len(parts)
    return {n: max(s, key=s.get) if s else None for n, s in found.items()}


def at_the_edge(run: Any) -> dict[str, float]:
    """Return network -> its best rate, where no rate beyond it was tried.

    Args:
        run: the sweep, a `bnteach.runs.Run`.
    """
    tried: dict[str, list[float]] = {}
    for name, arguments in run.settings["variants"].items():
        network = name.rpartition(", rate ")[0]
        tried.setdefault(network, []).append(arguments["learning_rate"])
    return {
        network: rate
        for network, rate in best_rates(run).items()
        if rate in (min(tried[network]), max(tried[network]))
    }


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


ALL_RATES = sorted({rate for network in NETWORKS for rate in rates_of(network)})
EXPERIMENT = Experiment(
    name="cifar_learning_rates",
    title="The networks of the CIFAR comparison at five learning rates",
    variants={
        variant(network, rate): arguments | {"learning_rate": rate}
        for rate in ALL_RATES
        for network, arguments in NETWORKS.items()
        if rate in rates_of(network)
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
            chosen=[
                variant(network, rate)
                for rate in ALL_RATES
                for network in LIVE
                if rate in rates_of(network)
            ],
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
