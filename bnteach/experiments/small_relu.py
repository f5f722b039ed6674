"""The 784-32-32-10 ReLU network on digits that several experiments train with Adam."""

from __future__ import annotations

from bnteach.experiments.base import compile_classifier, normalization_of


def variant(network: str, rate: float) -> str:
    """Return the name of a network at one rate."""
    return f"{network}, Adam {rate:g}"


def prepare(data, arguments):
    """Return the digits scaled and flattened, shape (N, 784)."""
    return data.scaled().flattened()


def build(arguments, seed):
    """Return the compiled network; arguments name its normalization and rate."""
    import keras

    from bnteach import models

    model = models.mlp(
        units=(32, 32),
        activation="relu",
        normalization=normalization_of(arguments),
        seed=seed,
    )
    return compile_classifier(model, keras.optimizers.Adam(arguments["learning_rate"]))
