"""Chapter 5: sigmoid or ReLU, without or with batch normalization, on CIFAR-100."""

from bnteach.experiments.base import (
    Experiment,
    Settings,
    compile_classifier,
    normalization_of,
    test_metrics,
)

# Glorot's kernels, Keras's default, are the source's. He's are drawn for ReLU, which
# passes on half of a signal's power: without them a plain ReLU network starts starved,
# and normalization gets the credit for what an initialization can do. They are uniform
# as Glorot's: the same numbers, times 1.4 in most layers. Global average
# pooling in place of flattening is the source's own next idea.
NETWORKS = {
    "sigmoid": {"activation": "sigmoid", "normalization": None},
    "sigmoid + BN": {"activation": "sigmoid", "normalization": "fastest"},
    "ReLU": {"activation": "relu", "normalization": None},
    "ReLU + BN": {"activation": "relu", "normalization": "fastest"},
    "ReLU, He": {"activation": "relu", "normalization": None, "kernels": "he_uniform"},
    "ReLU, He + BN": {
        "activation": "relu",
        "normalization": "fastest",
        "kernels": "he_uniform",
    },
    "ReLU + BN, pooling": {
        "activation": "relu",
        "normalization": "fastest",
        "pooling": "global_average",
    },
}
LIVE = ("sigmoid", "sigmoid + BN", "ReLU", "ReLU + BN")  # those of the source
# The short runs have a momentum of their own: with Keras's 0.99 the moving statistics
# would lag behind all along (chapter 3), and the accuracy in inference mode would say
# more about them than about the network.
SHORT = {"momentum": 0.9}
NARROW = {"filters": (12, 12, 12, 12, 20), **SHORT}  # a fifth of the source's filters
WIDE = {"num_classes": 100}
NOTE = {
    "optimizer": "RMSprop",
    "normalization 'fastest'": "bnteach's layer on TensorFlow, Keras's elsewhere",
    "augmentation": "shear 0.2, zoom 0.2, horizontal flip, where augment is true",
}
TRAIN_IMAGES = 10_000  # on which the accuracy on training images is measured
STATISTICS_BATCH = 80  # images normalized together where batch statistics are used


def prepare(data, arguments):
    """Subtract the mean of the training images, divide by their deviation."""
    return data.standardized(per="image set")


def build(arguments, seed):
    """Build one of the networks, at the width that the profile asks for."""
    import keras

    from bnteach import models

    model = models.conv_blocks(
        filters=arguments.get("filters", (60, 60, 60, 60, 100)),
        num_classes=arguments.get("num_classes", 10),
        activation=arguments["activation"],
        normalization=normalization_of(arguments),
        pooling=arguments.get("pooling", "flatten"),
        kernel_initializer=arguments.get("kernels", "glorot_uniform"),
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


def probes(model, data):
    """Record loss and accuracy on validation images by batch statistics as well.

    A network without batch normalization has no such record.
    """
    from bnteach import diagnostics, models

    if not models.batch_norm_layers(model):
        return ()
    evaluation = diagnostics.BatchStatisticsEvaluation(model)
    images = data.x_validation, data.y_validation

    def by_batch_statistics(model, step):
        found = evaluation(images, STATISTICS_BATCH)
        return {f"val_{name} by batch statistics": v for name, v in found.items()}

    return (by_batch_statistics,)


def _measure(model, data):
    """Measure on the test split, and on training images as they are."""
    from bnteach import training

    count = min(TRAIN_IMAGES, len(data.x_train))
    found = training.evaluate(model, data.x_train[:count], data.y_train[:count])
    train = {f"train_{name}": value for name, value in found.items()}
    return train | test_metrics(model, data)


def _facts(data, settings):
    """Time a step of each network, with both layers, in turns in one process."""
    if settings.dataset == "mnist_m":
        return {}  # the time of a narrow network says nothing about the wide one
    import keras
    import numpy as np

    from bnteach import training

    models = {}
    for network, arguments in NETWORKS.items():
        models[network] = _any_rate(arguments, settings)
    if keras.backend.backend() == "tensorflow":
        for network in ("sigmoid + BN", "ReLU + BN"):
            arguments = NETWORKS[network] | {"normalization": "batch"}
            models[f"{network}, Keras's layer"] = _any_rate(arguments, settings)
    batches = data.subset(train=10 * settings.batch_size).standardized(per="image set")
    turns = training.time_rounds(
        models,
        batches,
        settings.batch_size,
        rounds=15,
        augmentation=augmentation(0) if settings.augment else None,
    )
    return {
        "step seconds": {name: float(np.median(took)) for name, took in turns.items()},
        "step seconds of each turn": turns,
    }


def _any_rate(arguments, settings):
    return build({**settings.network, **arguments, "learning_rate": 1e-3}, 0)


def _rates(*rates):
    return {
        network: {"learning_rate": rate}
        for network, rate in zip(NETWORKS, rates, strict=True)
    }


# The best of `cifar_learning_rates` at that size, by its criterion. The full size takes
# those of "cpu", for want of a sweep of its own. The plain sigmoid network is at chance
# with every rate: it keeps the source's, and stops early at "cpu".
RATES = {
    "quick": _rates(0.001, 0.01, 0.001, 0.01, 0.001, 0.01, 0.01),
    "cpu": _rates(0.001, 0.0003, 0.001, 0.001, 0.001, 0.001, 0.001),
}
EARLY = {"sigmoid": {"learning_rate": 0.001, "steps": 1500}}

EXPERIMENT = Experiment(
    name="cifar_comparison",
    title="Sigmoid or ReLU, without or with batch normalization, on CIFAR-100",
    variants=NETWORKS,
    profiles={
        "quick": Settings(
            "mnist_m", 600, 40, 100, 3, 8.0, 500, NARROW, False, RATES["quick"], LIVE
        ),
        "cpu": Settings(
            "cifar100",
            4000,
            80,
            200,
            3,
            700.0,
            2000,
            {**WIDE, **SHORT},
            True,
            RATES["cpu"] | EARLY,
        ),
        "full": Settings(
            "cifar100", 40_000, 80, 2000, 3, 9000.0, 5000, WIDE, True, RATES["cpu"]
        ),
    },
    prepare=prepare,
    build=build,
    augmentation=augmentation,
    probes=probes,
    measure=_measure,
    facts=_facts,
    note=NOTE,
)
