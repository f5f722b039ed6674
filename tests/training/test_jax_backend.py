"""The package with Keras on JAX, on a machine without TensorFlow."""

import functools
import json
import os
import subprocess
import sys

import jax_backend
import numpy as np
import pytest

from bnteach.runs import results

# Experiment -> (what to change in its quick size, which variants to keep).
SMALLER = {
    "internal_covariate_shift": (
        {"steps": 40, "record_every": 20},
        ["batch norm, grey, 0.1"],
    ),
    "cifar_comparison": (
        {
            "steps": 4,
            "record_every": 2,
            "batch_size": 16,
            "seeds": 1,
            "augment": True,
            "network": {"filters": [8, 8]},
        },
        ["sigmoid + BN"],
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the processes of this module work."""
    return tmp_path_factory.mktemp("jax")


@pytest.fixture(scope="module")
def process(folder):
    """A function that runs jax_backend.py and returns its output and its report."""
    environment = os.environ | {
        "KERAS_BACKEND": "jax",
        # What one process compiled need not be compiled by the next.
        "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }

    def run(*arguments, status=0, **plan):
        report = folder / "report.json"
        report.unlink(missing_ok=True)
        plan = json.dumps({"report": str(report), "smaller": SMALLER, **plan})
        done = subprocess.run(
            [sys.executable, jax_backend.__file__, plan, *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == status, done.stderr
        found = json.loads(report.read_text("utf-8")) if report.exists() else {}
        return done.stdout, found

    return run


@pytest.fixture(scope="module")
def unbroken(process, folder):
    """A function that runs an experiment once; returns its run and the report."""

    @functools.cache
    def run(name):
        _, report = process("run", name, "--profile", "quick", "--out", "unbroken")
        return results.read(f"{name}-quick", folder / "unbroken"), report

    return run


def saves(name):
    """Return how many states are saved in an experiment, for all variants together."""
    settings, variants = SMALLER[name]
    return settings["steps"] // settings["record_every"] * len(variants)


def frameworks(report):
    """Return the frameworks that a process had imported in the end."""
    tops = {name.partition(".")[0] for name in report["modules"]}
    return tops & {"tensorflow", "torch", "jax", "keras"}


def test_list_needs_no_framework(process):
    printed, report = process("list", smaller={})
    assert report["status"] == 0
    assert "internal_covariate_shift" in printed
    assert frameworks(report) == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALLER)
def test_an_experiment_runs(name, unbroken):
    recorded, report = unbroken(name)
    assert report["status"] == 0
    assert report["saves"] == saves(name)
    assert frameworks(report) == {"jax", "keras"}
    settings, variants = SMALLER[name]
    assert list(recorded.variants) == variants
    for variant in variants:
        assert recorded.step(variant)[-1] == settings["steps"]
        assert np.isfinite(recorded.curve(variant, "val_loss")).all()


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_in_the_same_weights(unbroken, process, folder):
    name = "cifar_comparison"
    arguments = ["run", name, "--profile", "quick", "--out", "killed"]
    process(*arguments, die_after=saves(name) - 1, status=jax_backend.DIED)
    assert not list((folder / "killed").glob("*.json"))
    _, report = process(*arguments)
    assert report["saves"] == 1  # all else was kept
    resumed, (whole, _) = (
        results.read(f"{name}-quick", folder / "killed"),
        unbroken(name),
    )
    for variant, (part,) in whole.variants.items():
        (other,) = resumed.variants[variant]
        for key in ("step", "curves", "probes", "measured", "weights_sha256"):
            assert part[key] == other[key], key


@pytest.mark.slow
def test_training_on_jax_equals_training_on_tensorflow(process):
    _, report = process()
    assert frameworks(report) == {"jax", "keras"}
    on_jax, on_tensorflow = report["trained"], jax_backend.train_small_network()
    # Equal but for rounding: the two add float32 numbers in other orders.
    for kind, expected in on_tensorflow.items():
        assert list(on_jax[kind]) == list(expected)
        for name, values in expected.items():
            received = np.array(on_jax[kind][name], float)
            np.testing.assert_allclose(
                received, np.array(values, float), 1e-4, 1e-5, err_msg=name
            )
