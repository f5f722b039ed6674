"""Chapter 1: what enters the sigmoids of a network while it learns, as histograms.

The network, the images and the learning rate are those of `internal_covariate_shift`.
A third variant changes the start alone: kernels with which each layer hands on its
gradient as long as it is, 0.25 * 0.4 * sqrt(100) = 1.
"""

from bnteach.experiments.base import (
    Experiment,
    Settings,
    compile_classifier,
    test_metrics,
)

EDGES = tuple(number / 2 for number in range(-16, 17))  # 32 bins from -8 to 8
LAYERS = ("activation_1", "activation_2", "activation_3")


def _prepare(data, arguments):
    return data.binarized().flattened()


def _build(arguments, seed):
    import keras

    from bnteach import models

    def kernel(seed):
        return keras.initializers.RandomNormal(stddev=arguments["kernels"], seed=seed)

    model = models.mlp(
        activation="sigmoid",
        normalization=arguments["normalization"],
        kernel_initializer=kernel,
        seed=seed,
    )
    return compile_classifier(model, keras.optimizers.SGD(0.1))


def _probes(model, data):
    from bnteach.diagnostics import histograms

    batch = data.x_validation[:500]
    return (histograms.InputHistograms(model, LAYERS, batch, EDGES),)


EXPERIMENT = Experiment(
    name="activation_histograms",
    title="Histograms of what enters the sigmoids of a 3x100 network as it learns",
    variants={
        "plain": {"normalization": None, "kernels": 0.05},
        "batch norm": {"normalization": "batch", "kernels": 0.05},
        "plain, larger kernels": {"normalization": None, "kernels": 0.4},
    },
    profiles={
        "quick": Settings("mnist5k", 5000, 60, 250, 1, 5.0, 500),
        "full": Settings("mnist", 8000, 60, 250, 3, 9.0, 5000),
    },
    prepare=_prepare,
    build=_build,
    probes=_probes,
    measure=test_metrics,
    note={"optimizer": "SGD", "learning rate": 0.1, "edges": list(EDGES)},
)
