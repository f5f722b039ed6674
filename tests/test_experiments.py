import json
import types

import numpy as np
import pytest

from bnteach import datasets, experiments, results, runner
from bnteach.experiments import base

NAMES = list(experiments.EXPERIMENTS)


@pytest.mark.parametrize("name", NAMES)
def test_every_experiment_is_complete(name):
    experiment = experiments.get(name)
    assert experiment.name == name
    assert set(experiment.profiles) == set(experiments.PROFILES)
    quick, full = (experiment.profiles[p] for p in experiments.PROFILES)
    assert quick.dataset in ("mnist5k", "mnist_m")  # needs no network
    assert full.steps >= quick.steps
    assert full.seeds >= 3
    # An interrupted run loses at most one pass over the training data.
    examples = {"mnist": 60_000, "fashion_mnist": 60_000, "cifar10": 50_000}
    training_examples = examples[full.dataset] - full.validation
    assert full.record_every * full.batch_size <= training_examples


@pytest.mark.parametrize("name", NAMES)
def test_variants_start_from_the_same_kernels_where_they_share_an_initializer(name):
    experiment = experiments.get(name)
    groups = {}
    for variant, arguments in experiment.variants.items():
        model = experiment.build(arguments, seed=1)
        kernels = {w.path: w.numpy() for w in model.weights if "kernel" in w.path}
        groups.setdefault(arguments.get("kernels"), {})[variant] = kernels
    for group in groups.values():
        first, *others = group.values()
        for other in others:
            for path, kernel in first.items():
                np.testing.assert_array_equal(kernel, other[path], err_msg=path)


def test_unknown_names():
    with pytest.raises(ValueError, match=r"Received: 'internal_covariate'.*Did you"):
        experiments.get("internal_covariate")
    with pytest.raises(ValueError, match=r"quick, full.*Received: 'huge'"):
        experiments.profile_name("huge")


def test_profile_comes_from_the_argument_then_the_environment(monkeypatch):
    monkeypatch.delenv("BNTEACH_PROFILE", raising=False)
    assert experiments.profile_name() == "quick"
    monkeypatch.setenv("BNTEACH_PROFILE", "full")
    assert experiments.profile_name() == "full"
    assert experiments.profile_name("quick") == "quick"


@pytest.fixture
def demo(monkeypatch, blobs):
    """A small experiment in place of the real ones, and what was trained for it."""
    trained = []

    def build(arguments, seed):
        from bnteach import models

        trained.append((arguments["activation"], seed))
        model = models.mlp(
            (12,), (6,), 3, activation=arguments["activation"], seed=seed
        )
        return base.compile_classifier(model, "sgd")

    experiment = experiments.Experiment(
        name="demo",
        title="A demonstration",
        variants={
            "sigmoid net": {"activation": "sigmoid"},
            "relu": {"activation": "relu"},
        },
        profiles={
            "quick": experiments.Settings("blobs", 24, 20, 6, 2, 1.0, 60),
            "full": experiments.Settings("blobs", 48, 20, 6, 3, 2.0, 60),
        },
        prepare=lambda data, arguments: data,
        build=build,
        measure=base.test_metrics,
    )
    data = types.SimpleNamespace(**vars(blobs), name="blobs", sha256="ab", note="")
    monkeypatch.setattr(datasets, "load", lambda name, validation: data)
    monkeypatch.setitem(experiments.EXPERIMENTS, "demo", experiment)
    experiment.__dict__["trained"] = trained
    return experiment


def test_run_records_every_variant_and_seed(demo, tmp_path):
    finished = runner.run("demo", "quick", directory=tmp_path)
    assert demo.trained == [("sigmoid", 0), ("relu", 0), ("sigmoid", 1), ("relu", 1)]
    assert list(finished.variants) == ["sigmoid net", "relu"]
    assert finished.seeds == [0, 1]
    assert list(finished.step("relu")) == [0, 6, 12, 18, 24]
    assert finished.curve("relu", "val_accuracy").shape == (2, 5)
    assert finished.measured("relu", "test_accuracy").shape == (2,)
    assert finished.settings["steps"] == 24
    assert finished.packages["keras"].startswith("3.")
    stored = results.read("demo", tmp_path)
    assert stored == results.Run(**results.plain(vars(finished)))
    assert [path.name for path in tmp_path.iterdir()] == ["demo.json"]


def test_an_interrupted_run_goes_on(demo, tmp_path, monkeypatch):
    measure = demo.measure
    calls = []

    def interrupted(model, data):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return measure(model, data)

    demo.__dict__["measure"] = interrupted
    with pytest.raises(KeyboardInterrupt):
        runner.run("demo", "quick", directory=tmp_path)
    demo.trained.clear()
    finished = runner.run("demo", "quick", directory=tmp_path)
    assert demo.trained == [("sigmoid", 1), ("relu", 1)]
    assert finished.seeds == [0, 1]


def test_parts_of_other_settings_are_refused_and_kept(demo, tmp_path):
    demo.__dict__["measure"] = lambda model, data: 1 / 0
    runner_parts = tmp_path / ".demo-quick"
    with pytest.raises(ZeroDivisionError):
        runner.run("demo", "quick", directory=tmp_path)
    part = {"identity": {"settings": "older"}, "part": {}}
    (runner_parts / "sigmoid-net-seed-0.json").write_text(json.dumps(part))
    with pytest.raises(results.ResultsError, match=r"older or other.*\.demo-quick"):
        runner.run("demo", "quick", directory=tmp_path)
    assert (runner_parts / "sigmoid-net-seed-0.json").exists()


def test_bad_arguments(demo):
    with pytest.raises(ValueError, match="seeds=0"):
        runner.run("demo", "quick", seeds=0)
    with pytest.raises(ValueError, match=r"sigmoid net, relu.*\['tanh'\]"):
        runner.run("demo", "quick", variants=["tanh"])


def test_cost(demo):
    assert runner.cost_seconds("demo", "quick", factor=2.0) == 2 * 2 * 1.0 * 2.0
    assert runner.cost_seconds("demo", "full", factor=1.0, seeds=5) == 5 * 2 * 2.0
    assert 0.1 < runner.machine_factor() < 100
