"""What test_jax_backend.py runs in new processes, where Keras runs on JAX.

As a program: ``python jax_backend.py PLAN [ARGUMENT ...]``. It hides TensorFlow, then
runs ``python -m bnteach ARGUMENT ...``, or trains a small network if there is no
argument. PLAN is JSON: "report" names the file for what happened; "smaller" maps
experiments to what makes them smaller; "die_after" is the number of saved states after
which the process ends without any clearing up.
"""

import importlib.machinery
import json
import os
import runpy
import sys
import types
from dataclasses import replace

import numpy as np

DIED = 9


class WithoutTensorFlow(importlib.machinery.PathFinder):
    """Finds every installed package but TensorFlow."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] == "tensorflow":
            return None
        return super().find_spec(name, path, target)


def hide_tensorflow():
    """From now on this process is on a machine without TensorFlow."""
    place = sys.meta_path.index(importlib.machinery.PathFinder)
    sys.meta_path[place] = WithoutTensorFlow


def make_smaller(name, settings, variants):
    """Change the quick size of an experiment and keep some of its variants."""
    from bnteach import experiments

    experiment = experiments.get(name)
    size = experiment.profiles["quick"]
    network = {**size.network, **settings.get("network", {})}
    # Steps of a variant's own would take the place of the smaller number.
    own = {
        variant: {key: value for key, value in given.items() if key != "steps"}
        for variant, given in size.variants.items()
    }
    smaller = {**settings, "network": network, "variants": own, "chosen": ()}
    quick = replace(size, **smaller)
    experiments.EXPERIMENTS[name] = replace(
        experiment,
        profiles={**experiment.profiles, "quick": quick},
        variants={variant: experiment.variants[variant] for variant in variants},
    )


def count_saves(report, die_after):
    """Count the saved states; after the given one end at once, as if killed."""
    from bnteach.training.checkpoints import Checkpoint

    save = Checkpoint.save

    def counted(self, note):
        save(self, note)
        report["saves"] += 1
        if report["saves"] == die_after:
            os._exit(DIED)

    report["saves"] = 0
    Checkpoint.save = counted


def run_bnteach(plan, arguments, report):
    """Run ``python -m bnteach`` with the arguments and return its exit status."""
    for name, (settings, variants) in plan.get("smaller", {}).items():
        make_smaller(name, settings, variants)
    if arguments[0] == "run":
        count_saves(report, plan.get("die_after"))
    sys.argv = ["bnteach", *arguments]
    try:
        runpy.run_module("bnteach", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code


def numpy_gaussian(seed):
    """Return an initializer that draws the same numbers on any backend."""

    def initialize(shape, dtype=None):
        return np.random.default_rng(seed).normal(scale=0.2, size=shape)

    return initialize


def train_small_network():
    """Train a convolutional network; return its curves and what it ends with.

    Its normalization is "fastest": bnteach's layer on TensorFlow, Keras's elsewhere.
    """
    import keras

    from bnteach import models, training
    from bnteach.experiments.base import normalization_of

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(300, 9, 9, 1)).astype("float32"), rng.integers(3, size=300)
    data = types.SimpleNamespace(
        x_train=x[:240], y_train=y[:240], x_validation=x[240:], y_validation=y[240:]
    )
    model = models.deep_cnn(
        (9, 9, 1),
        num_conv=3,
        num_classes=3,
        activation="tanh",  # smooth: a rounding error stays one
        normalization=normalization_of({"normalization": "fastest"}),
        kernel_initializer=numpy_gaussian,
    )
    model.compile(
        optimizer=keras.optimizers.SGD(0.05, momentum=0.9),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    history = training.train(model, data, steps=20, batch_size=20, seed=3)
    weights = {weight.path: np.asarray(weight).tolist() for weight in model.weights}
    return {"curves": history.curves, "weights": weights}


def main():
    plan, *arguments = sys.argv[1:]
    plan, report = json.loads(plan), {}
    hide_tensorflow()
    if arguments:
        report["status"] = run_bnteach(plan, arguments, report)
    else:
        report["trained"] = train_small_network()
    report["modules"] = sorted(sys.modules)
    with open(plan["report"], "w", encoding="utf-8") as file:
        json.dump(report, file)


if __name__ == "__main__":
    main()
