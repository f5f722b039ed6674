"""Chapter 2: batches of two, each network at its own best of several learning rates.

Two evaluations tell where the harm is done. By the moving statistics a network is
judged as it would be used. By the statistics of all training images it is judged with
the best statistics that its weights can have: what is still missing then was lost in
training.
"""

from __future__ import annotations

from typing import Any

from bnteach.experiments.base import Experiment, Settings, test_metrics
from bnteach.experiments.small_relu import build, prepare, variant

RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
NETWORKS = {"plain": None, "batch norm": "batch"}
GRADIENT_BATCHES = 40  # a seed
POPULATION = "test accuracy with population statistics"
GRADIENT = "norm of the first kernel's gradient at the start"


def best_rates(run: Any) -> dict[str, float]:
    """Return network -> the rate with the best mean validation accuracy at the end.

    Args:
        run: of this experiment, a `bnteach.runs.Run`.
    """

    def score(network: str, rate: float) -> float:
        return run.curve(variant(network, rate), "val_accuracy")[:, -1].mean()

    return {
        network: max(RATES, key=lambda rate: score(network, rate))
        for network in NETWORKS
    }


def _measure(model, data):
    from bnteach import models
    from bnteach.diagnostics import recalibrate

    found = test_metrics(model, data)
    by_population = found["test_accuracy"]
    if models.batch_norm_layers(model):
        recalibrate(model, data.x_train, batch_size=len(data.x_train))
        by_population = test_metrics(model, data)["test_accuracy"]
    return found | {POPULATION: by_population}


def _facts(data, settings):
    """Measure the gradient of the first kernel before training, on batches of two."""
    import numpy as np

    from bnteach.diagnostics import gradient_norms
    from bnteach.training.order import Order

    data = prepare(data, {})
    norms = {}
    for network, normalization in NETWORKS.items():
        arguments = {"normalization": normalization, "learning_rate": 1e-3}
        for seed in range(settings.seeds):
            model = build(arguments, seed)
            order = Order(len(data.x_train), settings.batch_size, seed)
            for rows in order.batches(0, GRADIENT_BATCHES):
                found = gradient_norms(model, data.x_train[rows], data.y_train[rows])
                norms.setdefault(network, []).append(found["dense_1"])
    return {
        GRADIENT: {
            network: {"mean": np.mean(found), "median": np.median(found)}
            for network, found in norms.items()
        }
    }


EXPERIMENT = Experiment(
    name="batch_of_two",
    title="784-32-32-10 ReLU on digits, batches of two, each at its own best rate",
    variants={
        variant(network, rate): {"normalization": layer, "learning_rate": rate}
        for rate in RATES
        for network, layer in NETWORKS.items()
    },
    profiles={
        "quick": Settings("mnist5k", 1000, 2, 500, 1, 2.0, 500),
        "full": Settings("mnist5k", 2000, 2, 500, 5, 4.0, 500),
    },
    prepare=prepare,
    build=build,
    measure=_measure,
    facts=_facts,
    note={"optimizer": "Adam"},
)
