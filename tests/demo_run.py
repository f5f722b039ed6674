"""Runs a small experiment; the tests of `runner` start, kill and double this script.

Usage: python demo_run.py FOLDER [SECONDS TO WAIT IN EACH PART]
"""

import sys
import time
import types

import numpy as np

from bnteach import datasets, experiments
from bnteach.experiments import base, cifar_comparison
from bnteach.runs import runner


def load(name, validation):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(90, 16, 16, 3)).astype("float32"), rng.integers(0, 3, 90)
    splits = {"train": slice(60), "validation": slice(60, 75), "test": slice(75, 90)}
    arrays = {f"x_{name}": x[rows] for name, rows in splits.items()}
    arrays |= {f"y_{name}": y[rows] for name, rows in splits.items()}
    return types.SimpleNamespace(name="noise", sha256="ab", note="", **arrays)


def build(arguments, seed):
    from bnteach import models

    model = models.conv_blocks((16, 16, 3), num_classes=3, seed=seed, **arguments)
    return base.compile_classifier(model, "rmsprop")


def measure(model, data):
    print("finished", model.name, flush=True)
    time.sleep(float(sys.argv[2]) if len(sys.argv) > 2 else 0)
    return base.test_metrics(model, data)


SMALL = {"filters": (8, 8)}
EXPERIMENT = experiments.Experiment(
    name="demo",
    title="Blocks of convolutions on noise",
    variants={"plain": {"normalization": None}, "BN": {"normalization": "batch"}},
    profiles={
        "quick": experiments.Settings("noise", 60, 20, 20, 2, 1.0, 0, SMALL, True)
    },
    prepare=lambda data, arguments: data,
    build=build,
    augmentation=cifar_comparison.augmentation,
    measure=measure,
)

if __name__ == "__main__":
    datasets.load = load
    experiments.EXPERIMENTS["demo"] = EXPERIMENT
    runner.run("demo", "quick", directory=sys.argv[1])
