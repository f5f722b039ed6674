"""Chapter 4: where to put the layer, on Fashion-MNIST, with the missing controls."""

from bnteach.experiments.base import (
    Experiment,
    Settings,
    compile_classifier,
    test_metrics,
)


def _prepare(data, arguments):
    return data.scaled()


def _build(arguments, seed):
    import keras

    from bnteach import models

    leaky = arguments["activation"] == "leaky ReLU"
    model = models.mlp(
        (28, 28),
        (300, 100),
        activation=models.leaky_relu if leaky else "relu",
        normalization=arguments["normalization"],
        placement=arguments.get("placement", "before"),
        normalize_input=arguments.get("normalize_input", False),
        use_bias=arguments.get("use_bias", True),
        kernel_initializer=arguments["kernels"],
        seed=seed,
    )
    return compile_classifier(model, keras.optimizers.SGD(1e-3))


_LEAKY = {"activation": "leaky ReLU", "kernels": "he_normal"}
_RELU = {"activation": "ReLU", "kernels": "glorot_uniform"}
_AFTER = {"normalization": "batch", "placement": "after"}
_BEFORE = {"normalization": "batch", "placement": "before", "use_bias": False}
_INPUT = {"normalize_input": True}

EXPERIMENT = Experiment(
    name="fashion_placement",
    title="Fashion-MNIST, 300-100 units: before or after the activation, and controls",
    variants={
        # The three networks of the source, which differ in several things at once.
        "leaky ReLU, plain": {**_LEAKY, "normalization": None},
        "ReLU, after, on the input": {**_RELU, **_AFTER, **_INPUT},
        "ReLU, before, on the input": {**_RELU, **_BEFORE, **_INPUT},
        # The controls: each differs from one of those in one thing.
        "ReLU, plain": {**_RELU, "normalization": None},
        "ReLU, after": {**_RELU, **_AFTER},
        "ReLU, before": {**_RELU, **_BEFORE},
    },
    profiles={
        "quick": Settings("mnist5k", 1250, 32, 125, 1, 4.0, 500),
        "full": Settings("fashion_mnist", 17_180, 32, 1718, 5, 8.0, 5000),
    },
    prepare=_prepare,
    build=_build,
    measure=test_metrics,
    note={"optimizer": "SGD", "learning rate": 1e-3},
)
