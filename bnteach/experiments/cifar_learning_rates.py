"""Chapter 5: a learning rate of its own for each of the four networks."""

from bnteach.experiments.base import Experiment, Settings
from bnteach.experiments.cifar_comparison import (
    NARROW,
    NETWORKS,
    NOTE,
    SHORT,
    WIDE,
    augmentation,
    build,
    prepare,
)

RATES = (0.0001, 0.0003, 0.001, 0.003, 0.01)


def _measure(model, data):
    """Measure on the validation split: the test split is for the comparison alone."""
    from bnteach import training

    found = training.evaluate(model, data.x_validation, data.y_validation)
    return {f"val_{name}": value for name, value in found.items()}


EXPERIMENT = Experiment(
    name="cifar_learning_rates",
    title="The four networks of the CIFAR comparison at five learning rates",
    variants={
        f"{network}, rate {rate:g}": arguments | {"learning_rate": rate}
        for rate in RATES
        for network, arguments in NETWORKS.items()
    },
    profiles={
        "quick": Settings("mnist_m", 600, 40, 100, 1, 8.0, 500, NARROW),
        "cpu": Settings("cifar10", 300, 80, 50, 1, 50.0, 2000, SHORT, True),
        "full": Settings("cifar100", 4000, 80, 1000, 1, 900.0, 5000, WIDE, True),
    },
    prepare=prepare,
    build=build,
    augmentation=augmentation,
    measure=_measure,
    note=NOTE,
)
