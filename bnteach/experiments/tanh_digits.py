"""Chapter 4: a tanh network with orthogonal kernels on standardized digits."""

from bnteach.experiments.base import (
    Experiment,
    Settings,
    compile_classifier,
    normalization_of,
    test_metrics,
)


def _prepare(data, arguments):
    return data.standardized(per="pixel").flattened()


def _build(arguments, seed):
    import keras

    from bnteach import models

    model = models.mlp(
        activation="tanh",
        normalization=normalization_of(arguments),
        kernel_initializer="orthogonal",
        seed=seed,
    )
    return compile_classifier(model, keras.optimizers.Adam(1e-3))


def _measure(model, data):
    from bnteach.diagnostics import activations

    found = test_metrics(model, data)
    # The test split is shuffled: every batch is a fair sample of it.
    for batch_size, count in ((60, len(data.x_test)), (1, 200)):
        x, y = data.x_test[:count], data.y_test[:count]
        probe = activations.BatchModeAccuracy(x, y, batch_size)
        name = f"by batch statistics, batches of {batch_size}"
        found[name] = probe(model, 0)["batch-mode accuracy"]
    # In inference mode no image depends on its batch: one at a time as good as many.
    single = model.predict(x, batch_size=1, verbose=0).argmax(axis=-1)
    found["by moving statistics, batches of 1"] = float((single == y).mean())
    return found


def _facts(data, settings):
    """Describe the standardization of all training images, validation included."""
    import numpy as np

    x = np.concatenate([data.x_train, data.x_validation]).reshape(-1, 784)
    mean, std = x.mean(axis=0), x.std(axis=0)  # float64, (784,)
    scaled = (x - mean) / np.where(std > 0, std, 1)
    return {
        "scaler facts": {
            "images": len(x),
            "mean of pixel means": mean.mean(),
            "variance after scaling": scaled.var(),
            "largest value": scaled.max(),
            "smallest value": scaled.min(),
            "constant pixels": int((std == 0).sum()),
        }
    }


EXPERIMENT = Experiment(
    name="tanh_digits",
    title="784-100-100-100-10 tanh on standardized digits, with Keras's and our layer",
    variants={
        "plain": {"normalization": None},
        "Keras's layer": {"normalization": "batch"},
        "our layer": {"normalization": "ours"},
    },
    profiles={
        "quick": Settings("mnist5k", 660, 60, 66, 1, 4.0, 500),
        "full": Settings("mnist", 9160, 60, 916, 5, 5.0, 5000),
    },
    prepare=_prepare,
    build=_build,
    measure=_measure,
    facts=_facts,
    note={"optimizer": "Adam", "learning rate": 1e-3, "kernels": "orthogonal"},
)
