"""Chapter 3: 19 convolutions on digits, with no, Keras's and our normalization."""

from dataclasses import replace

from bnteach.experiments.base import (
    Experiment,
    Settings,
    normalization_of,
    test_metrics,
)

NOTE = {"optimizer": "Adam", "learning rate": 0.002, "loss": "sigmoid, one-hot"}


def prepare(data, arguments):
    """Return digits as images, scaled, with one-hot labels."""
    import numpy as np

    data = data.scaled()
    changes = {}
    for split in ("train", "validation", "test"):
        x, y = getattr(data, f"x_{split}"), getattr(data, f"y_{split}")
        changes[f"x_{split}"] = x[..., np.newaxis]  # (N, 28, 28, 1)
        # The loss is a sigmoid for each class, so the labels are one-hot.
        changes[f"y_{split}"] = np.eye(10, dtype="float32")[y]
    return replace(data, **changes)


def _build(arguments, seed):
    from bnteach import models

    initializer = _truncated_normal if "kernels" in arguments else "glorot_uniform"
    model = models.deep_cnn(
        normalization=normalization_of(arguments),
        kernel_initializer=initializer,
        seed=seed,
    )
    return compile_yes_or_no(model)


def compile_yes_or_no(model):
    """Compile a network that answers yes or no for each class, and return it."""
    import keras

    model.compile(
        optimizer=keras.optimizers.Adam(0.002),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
    )
    return model


def _truncated_normal(seed):
    import keras

    return keras.initializers.TruncatedNormal(stddev=0.05, seed=seed)


def _probes(model, data):
    from bnteach.diagnostics import activations

    count = min(1024, len(data.x_validation))
    x, y = data.x_validation[:count], data.y_validation[:count]
    return (activations.BatchModeAccuracy(x, y, 64),)


def _measure(model, data):
    from bnteach.diagnostics import activations

    found = test_metrics(model, data)
    # One at a time, as the source does it: 100 images, each a batch of its own.
    x, y = data.x_test[:100], data.y_test[:100].argmax(axis=-1)
    single = model.predict(x, batch_size=1, verbose=0).argmax(axis=-1)
    batch_mode = activations.BatchModeAccuracy(x, y, 1)(model, 0)
    return found | {
        "accuracy on 100 single images": float((single == y).mean()),
        "the same by batch statistics": batch_mode["batch-mode accuracy"],
    }


EXPERIMENT = Experiment(
    name="deep_network",
    title="19 convolutions on digits: plain, Keras's and our batch normalization",
    variants={
        "plain": {"normalization": None},
        "Keras's layer": {"normalization": "batch"},
        "our layer": {"normalization": "ours"},
        "our layer, truncated normal": {
            "normalization": "ours",
            "kernels": "truncated normal, standard deviation 0.05",
        },
    },
    profiles={
        "quick": Settings("mnist5k", 300, 64, 25, 1, 20.0, 500),
        "full": Settings("mnist", 800, 64, 50, 3, 40.0, 5000),
    },
    prepare=prepare,
    build=_build,
    probes=_probes,
    measure=_measure,
    note=NOTE,
)
