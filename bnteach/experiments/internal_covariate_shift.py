"""Chapter 1: the experiment of Ioffe and Szegedy (2015), section 4.1."""

from bnteach.experiments.base import (
    Experiment,
    Settings,
    compile_classifier,
    test_metrics,
)


def _prepare(data, arguments):
    # The paper's images are binary; those of most courses that repeat it are grey.
    prepared = data.binarized() if arguments["pixels"] == "binary" else data.scaled()
    return prepared.flattened()


def _build(arguments, seed):
    import keras

    from bnteach import models

    model = models.mlp(
        activation="sigmoid",
        normalization=arguments["normalization"],
        kernel_initializer=models.small_gaussian,
        seed=seed,
    )
    return compile_classifier(model, keras.optimizers.SGD(arguments["learning_rate"]))


def _probes(model, data):
    from bnteach.diagnostics import activations

    batch = data.x_validation[:500]
    layers = ["activation_1", "activation_2", "activation_3"]
    return (
        activations.InputPercentiles(model, "activation_3", batch),
        activations.Saturation(model, layers, batch),
    )


def _variants():
    variants = {}
    for pixels, learning_rate in (("binary", 0.1), ("grey", 0.1), ("grey", 0.01)):
        for name, normalization in (("plain", None), ("batch norm", "batch")):
            variants[f"{name}, {pixels}, {learning_rate}"] = {
                "pixels": pixels,
                "learning_rate": learning_rate,
                "normalization": normalization,
            }
    return variants


EXPERIMENT = Experiment(
    name="internal_covariate_shift",
    title="A 3x100 sigmoid network on digits, plain and batch-normalized",
    variants=_variants(),
    profiles={
        "quick": Settings("mnist5k", 5000, 60, 100, 1, 4.0, 500),
        "full": Settings("mnist", 50_000, 60, 500, 3, 30.0, 5000),
    },
    prepare=_prepare,
    build=_build,
    probes=_probes,
    measure=test_metrics,
    note={"optimizer": "SGD", "kernel standard deviation": 0.05},
)
