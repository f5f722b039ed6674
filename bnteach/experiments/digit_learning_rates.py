"""Chapter 1: how much batch normalization gains, learning rate by learning rate.

The network and the images are those of `internal_covariate_shift`. One more variant
has batch normalizations whose mean and variance the gradient does not see, which
Ioffe and Szegedy (2015) warn of in section 2.
"""

from bnteach.experiments.base import (
    Experiment,
    Settings,
    compile_classifier,
    test_metrics,
)

RATES = (0.1, 1.0, 3.0)


def variant(network: str, rate: float) -> str:
    """Return the name of a network at a learning rate."""
    return f"{network}, rate {rate:g}"


def _prepare(data, arguments):
    return data.binarized().flattened()


def _build(arguments, seed):
    import keras

    from bnteach import models, normalizations

    normalization = arguments["normalization"]
    if normalization == "hidden statistics":
        normalization = normalizations.hidden_statistics
    model = models.mlp(
        activation="sigmoid",
        normalization=normalization,
        kernel_initializer=models.small_gaussian,
        seed=seed,
    )
    return compile_classifier(model, keras.optimizers.SGD(arguments["learning_rate"]))


def _variants():
    networks = {"plain": None, "batch norm": "batch"}
    variants = {
        variant(name, rate): {"learning_rate": rate, "normalization": normalization}
        for rate in RATES
        for name, normalization in networks.items()
    }
    hidden = {"learning_rate": 1.0, "normalization": "hidden statistics"}
    return variants | {variant("batch norm, statistics hidden", 1): hidden}


EXPERIMENT = Experiment(
    name="digit_learning_rates",
    title="A 3x100 sigmoid network, plain and batch-normalized, at three rates",
    variants=_variants(),
    profiles={
        "quick": Settings("mnist5k", 2000, 60, 500, 3, 2.0, 500),
        "full": Settings("mnist", 2500, 60, 500, 3, 3.0, 5000),
    },
    prepare=_prepare,
    build=_build,
    measure=test_metrics,
    note={"optimizer": "SGD", "kernel standard deviation": 0.05},
)
