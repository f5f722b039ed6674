"""What test_distribution.py runs in processes of their own.

Usage: python distributed_training.py train STRATEGY FOLDER NUMBER
       python distributed_training.py command [ARGUMENT ...]

"train" trains small networks and writes FOLDER/NUMBER.json; "command" is
``python -m bnteach ARGUMENT ...`` with a small experiment of the name "demo".
"""

import json
import sys
import types
from pathlib import Path

import keras
import numpy as np

from bnteach import datasets, experiments, models, training

STEPS, BATCH = 24, 12


def load(name="noise", validation=0):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(90, 8, 8, 3)).astype("float32"), rng.integers(0, 3, 90)
    # The mean and the variance of a part are not those of the whole.
    x *= rng.uniform(0.2, 3, size=(90, 1, 1, 1)).astype("float32")
    splits = {"train": slice(60), "validation": slice(60, 75), "test": slice(75, 90)}
    arrays = {f"x_{name}": x[rows] for name, rows in splits.items()}
    arrays |= {f"y_{name}": y[rows] for name, rows in splits.items()}
    return types.SimpleNamespace(name="noise", sha256="ab", note="", **arrays)


def network(normalization="batch", seed=0, filters=(4, 6)):
    model = models.conv_blocks(
        (8, 8, 3), filters, 3, dropout=0.0, normalization=normalization, seed=seed
    )
    # Not RMSprop: before batch normalization a bias has gradient 0, and RMSprop blows
    # its rounding error up to steps of full length.
    optimizer = keras.optimizers.SGD(0.05, momentum=0.9)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    return model


def ours(synchronized):
    from bnteach.layers.batch_normalization import BatchNormalization

    return lambda name: BatchNormalization(name=name, synchronized=synchronized)


def train(strategy, synchronized=True, checkpoint=None, steps=STEPS, seed=0):
    """Train a network; return its curves and its weights."""
    model = network(ours(synchronized), seed)
    history = training.train(
        model,
        load(),
        steps=steps,
        batch_size=BATCH,
        record_every=6,
        checkpoint=checkpoint,
        strategy=strategy,
    )
    weights = {w.path: np.asarray(w).tolist() for w in model.weights}
    return {"step": history.step, "curves": history.curves, "weights": weights}


def train_all(name, state):
    """Train in all ways, one of them with a stop half-way; return what came out."""
    from bnteach.training import distribution

    strategy = two_processors() if name == "mirrored" else distribution.make(name)
    train(strategy, steps=STEPS // 2, checkpoint=state)
    return {
        "joined": train(strategy, checkpoint=state, seed=9),  # goes on, so not from 9
        "apart": train(strategy, synchronized=False),
        "dropout": dropout(strategy),
        "saved": Path(state).exists(),
    }


def two_processors():
    """Make a strategy of two replicas on a machine that may have no GPU."""
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, two)
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def dropout(strategy):
    """Return what dropout lets through on each replica of this process."""
    import tensorflow as tf

    from bnteach.training import distribution

    model = keras.Sequential([keras.Input((40,)), keras.layers.Dropout(0.5, seed=1)])
    model.compile("sgd", "mse")
    copy = distribution.replicate(model, strategy, 2)
    distribution.start_together(strategy, copy, [], 0)
    ones = tf.ones((1, 40))

    @tf.function
    def run():
        return strategy.run(copy, (ones,), {"training": True})

    passed = run()
    return [
        mask.numpy().tolist() for mask in strategy.experimental_local_results(passed)
    ]


DEMO = experiments.Experiment(
    name="demo",
    title="Small networks on noise",
    variants={"plain": {"normalization": None}, "BN": {"normalization": "batch"}},
    profiles={"quick": experiments.Settings("noise", 12, 12, 6, 1, 1.0, 0, {}, True)},
    prepare=lambda data, arguments: data,
    augmentation=lambda seed: keras.layers.RandomFlip(seed=seed),
    build=lambda arguments, seed: network(**arguments, seed=seed, filters=(4,)),
)


def main():
    task, *arguments = sys.argv[1:]
    if task == "command":
        from bnteach import __main__ as command_line

        datasets.load = load
        experiments.EXPERIMENTS["demo"] = DEMO
        return command_line.main(arguments)
    name, folder, number = arguments
    report = train_all(name, f"{folder}/{number}.npz")
    Path(folder, f"{number}.json").write_text(json.dumps(report))


if __name__ == "__main__":
    sys.exit(main())
