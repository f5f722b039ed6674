"""Chapter 5: sigmoid or ReLU, without or with batch normalization, on CIFAR."""

from bnteach.experiments.base import (
    Experiment,
    Settings,
    compile_classifier,
    normalization_of,
    test_metrics,
)

NETWORKS = {
    "sigmoid": {"activation": "sigmoid", "normalization": None},
    "sigmoid + BN": {"activation": "sigmoid", "normalization": "fastest"},
    "ReLU": {"activation": "relu", "normalization": None},
    "ReLU + BN": {"activation": "relu", "normalization": "fastest"},
}
# A fifth of the source's filters. The short runs have a momentum of their own: with
# Keras's 0.99 the moving statistics would lag behind all along (chapter 3), and the
# accuracy in inference mode would say more about them than about the network.
SHORT = {"momentum": 0.9}
NARROW = {"filters": (12, 12, 12, 12, 20), **SHORT}
NOTE = {
    "optimizer": "RMSprop",
    "normalization 'fastest'": "bnteach's layer on TensorFlow, Keras's elsewhere",
    "augmentation": "shear 0.2, zoom 0.2, horizontal flip, where augment is true",
}


def prepare(data, arguments):
    """Subtract the mean of the training images, divide by their deviation."""
    return data.standardized(per="image set")


def build(arguments, seed):
    """Build one of the four networks, at the width that the profile asks for."""
    import keras

    from bnteach import models

    model = models.conv_blocks(
        filters=arguments.get("filters", (60, 60, 60, 60, 100)),
        num_classes=arguments.get("num_classes", 10),
        activation=arguments["activation"],
        normalization=normalization_of(arguments),
        seed=seed,
    )
    optimizer = keras.optimizers.RMSprop(arguments["learning_rate"])
    return compile_classifier(model, optimizer)


def augmentation(seed):
    """Return the source's random changes of an image: shear, zoom, flip."""
    import keras

    return keras.Sequential(
        [
            keras.layers.RandomShear(0.2, 0.2, fill_mode="nearest", seed=seed),
            keras.layers.RandomZoom(0.2, 0.2, fill_mode="nearest", seed=seed + 1),
            keras.layers.RandomFlip("horizontal", seed=seed + 2),
        ],
        name="augmentation",
    )


def _measure(model, data):
    """Measure on the test split, and on training images as they are."""
    from bnteach import training

    count = min(2000, len(data.x_train))
    found = training.evaluate(model, data.x_train[:count], data.y_train[:count])
    train = {f"train_{name}": value for name, value in found.items()}
    return train | test_metrics(model, data)


def _facts(data, settings):
    """Time a step of each network, with both layers, in turns in one process."""
    if settings.dataset == "mnist_m":
        return {}  # the time of a narrow network says nothing about the wide one
    import keras

    from bnteach import training

    models = {}
    for network, arguments in NETWORKS.items():
        models[network] = _any_rate(arguments, settings)
    if keras.backend.backend() == "tensorflow":
        for network in ("sigmoid + BN", "ReLU + BN"):
            arguments = NETWORKS[network] | {"normalization": "batch"}
            models[f"{network}, Keras's layer"] = _any_rate(arguments, settings)
    batch = data.subset(train=settings.batch_size).standardized(per="image set")
    return {"step seconds": training.time_steps(models, batch, settings.batch_size)}


def _any_rate(arguments, settings):
    return build({**settings.network, **arguments, "learning_rate": 1e-3}, 0)


def _rates(sigmoid, sigmoid_bn, relu, relu_bn):
    rates = (sigmoid, sigmoid_bn, relu, relu_bn)
    return {
        network: {"learning_rate": rate}
        for network, rate in zip(NETWORKS, rates, strict=True)
    }


# The best of `cifar_learning_rates` at that size, by validation accuracy. The full size
# takes those of "cpu", for want of a sweep of its own. The plain sigmoid network is at
# chance with every rate: it keeps the source's.
RATES = {
    "quick": _rates(0.001, 0.01, 0.001, 0.01),
    "cpu": _rates(0.001, 0.0003, 0.001, 0.001),
}
WIDE = {"num_classes": 100}

EXPERIMENT = Experiment(
    name="cifar_comparison",
    title="Sigmoid or ReLU, without or with batch normalization, on CIFAR",
    variants=NETWORKS,
    profiles={
        "quick": Settings(
            "mnist_m", 600, 40, 100, 1, 8.0, 500, NARROW, False, RATES["quick"]
        ),
        "cpu": Settings(
            "cifar10", 1500, 80, 75, 3, 250.0, 2000, SHORT, True, RATES["cpu"]
        ),
        "full": Settings(
            "cifar100", 40_000, 80, 2000, 3, 9000.0, 5000, WIDE, True, RATES["cpu"]
        ),
    },
    prepare=prepare,
    build=build,
    augmentation=augmentation,
    measure=_measure,
    facts=_facts,
    note=NOTE,
)
