import json
import types

import keras
import numpy as np
import pytest

from bnteach import datasets, experiments, layers, runs
from bnteach.experiments import base, cifar_comparison, cifar_learning_rates
from bnteach.runs import costs, results, runner

RESULTS = results.RECORDED
NAMES = list(experiments.EXPERIMENTS)
# An interrupted run loses at most one pass over the training data, or what the source
# of an experiment calls an epoch.
EPOCHS = {"cifar_comparison": 2000, "cifar_learning_rates": 2000}


@pytest.mark.parametrize("name", NAMES)
def test_every_experiment_is_complete(name):
    experiment = experiments.get(name)
    assert experiment.name == name
    assert {"quick", "full"} <= set(experiment.profiles) <= set(experiments.PROFILES)
    quick, full = (experiment.profiles[p] for p in ("quick", "full"))
    assert quick.dataset in ("mnist5k", "mnist_m")  # needs no network
    assert full.steps >= quick.steps
    assert full.seeds >= 3
    assert full.record_every <= EPOCHS.get(name, 60_000 // full.batch_size)


@pytest.mark.parametrize("name", NAMES)
def test_variants_start_from_the_same_kernels_where_they_share_an_initializer(name):
    experiment = experiments.get(name)
    groups = {}
    for variant in experiment.variants:
        arguments = experiment.arguments(variant, experiment.profiles["quick"])
        model = experiment.build(arguments, seed=1)
        kernels = {w.path: w.numpy() for w in model.weights if "kernel" in w.path}
        shape = arguments.get("kernels"), arguments.get("pooling")
        groups.setdefault(shape, {})[variant] = kernels
    for group in groups.values():
        first, *others = group.values()
        for other in others:
            for path, kernel in first.items():
                np.testing.assert_array_equal(kernel, other[path], err_msg=path)


def test_unknown_names():
    with pytest.raises(ValueError, match=r"Received: 'internal_covariate'.*Did you"):
        experiments.get("internal_covariate")
    with pytest.raises(ValueError, match=r"quick, cpu, full.*Received: 'huge'"):
        experiments.profile_name("huge")


def test_profile_comes_from_the_argument_then_the_environment(monkeypatch):
    monkeypatch.delenv("BNTEACH_PROFILE", raising=False)
    assert experiments.profile_name() == "quick"
    monkeypatch.setenv("BNTEACH_PROFILE", "full")
    assert experiments.profile_name() == "full"
    assert experiments.profile_name("quick") == "quick"


def test_a_size_that_an_experiment_does_not_have():
    experiment = experiments.get("tanh_digits")
    with pytest.raises(ValueError, match=r"tanh_digits: quick, full.*Received: 'cpu'"):
        experiments.settings(experiment, "cpu")


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
    assert finished.settings["backend"] == keras.backend.backend()
    stored = results.read("demo-quick", tmp_path)
    assert stored == results.Run(**results.plain(vars(finished)))
    assert [path.name for path in tmp_path.iterdir()] == ["demo-quick.json"]


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
    with pytest.raises(runs.RunError):
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
    assert costs.cost_seconds("demo", "quick", factor=2.0) == 2 * 2 * 1.0 * 2.0
    assert costs.cost_seconds("demo", "full", factor=1.0, seeds=5) == 5 * 2 * 2.0
    assert 0.1 < costs.machine_factor() < 100


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("ours", layers.BatchNormalization),
        ("fastest", layers.BatchNormalization),
        ("batch", keras.layers.BatchNormalization),
    ],
)
def test_normalization_of_a_variant(kind, expected):
    arguments = {"normalization": kind, "momentum": 0.8, "filters": 3}
    layer = base.normalization_of(arguments)("batch_norm_1")
    assert type(layer) is expected
    assert (layer.name, layer.momentum) == ("batch_norm_1", 0.8)
    assert base.normalization_of({"normalization": None}) is None


def test_our_layer_needs_tensorflow(monkeypatch, demo):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ValueError, match=r"package's own layer.*Received: 'jax'"):
        base.normalization_of({"normalization": "ours"})
    fastest = base.normalization_of({"normalization": "fastest"})
    assert type(fastest("b")) is keras.layers.BatchNormalization
    demo.variants["relu"]["normalization"] = "ours"
    with pytest.raises(ValueError, match="package's own layer"):
        runner.run("demo", "quick")
    assert demo.trained == []  # it is said before anything is trained


def test_each_network_runs_at_the_best_of_its_learning_rates():
    """The recorded sweep decides; the rates in the code only say so."""
    sweep = results.read("cifar_learning_rates-quick", RESULTS)
    settings = cifar_comparison.EXPERIMENT.profiles["quick"]
    for network in cifar_comparison.EXPERIMENT.chosen(settings):
        found = {
            rate: sweep.measured(f"{network}, rate {rate:g}", "val_accuracy").mean()
            for rate in cifar_learning_rates.RATES
        }
        chosen = settings.variants[network]["learning_rate"]
        assert found[chosen] == max(found.values()), network


def sweep_of(scores, given_up=()):
    """A made-up sweep: (network, rate) -> the accuracies of the last record by seed."""
    variants, arguments = {}, {}
    for (network, rate), values in scores.items():
        name = cifar_learning_rates.variant(network, rate)
        arguments[name] = {"learning_rate": rate}
        # an early record that would mislead, then four like the last
        variants[name] = [{"curves": {"val_accuracy": [9.0, *[v] * 4]}} for v in values]
    settings = {"variants": arguments, "given up": dict.fromkeys(given_up, "diverged")}
    return types.SimpleNamespace(variants=variants, settings=settings)


def test_the_best_rate_is_that_of_the_mean_over_seeds_and_last_records():
    scores = {("ReLU", 0.001): [0.2, 0.2, 0.2], ("ReLU", 0.003): [0.1, 0.3, 0.1]}
    scores |= {("ReLU", 0.01): [0.9], ("tanh", 0.001): [0.1], ("tanh", 0.003): [0.1]}
    lost = [cifar_learning_rates.variant("ReLU", 0.01)]
    lost += [cifar_learning_rates.variant("tanh", rate) for rate in (0.001, 0.003)]
    sweep = sweep_of(scores, lost)
    assert cifar_learning_rates.best_rates(sweep) == {"ReLU": 0.001, "tanh": None}
    assert cifar_learning_rates.at_the_edge(sweep) == {"ReLU": 0.001}
    sweep = sweep_of(scores | {("ReLU", 0.0003): [0.1]}, lost)
    assert cifar_learning_rates.at_the_edge(sweep) == {}


@pytest.mark.parametrize(
    ("losses", "accuracy", "reason"),
    [
        ([None, 4.6, 4.0], 0.05, ""),
        ([None, 4.6, float("nan")], 0.05, "diverged"),
        ([None, float("inf"), 4.0], 0.05, "diverged"),
        ([None, None, 4.0], 0.05, "diverged"),  # as a file has it
        ([None, 4.6, 4.6], 0.012, "at chance"),
        ([None, 4.6, 4.6], 0.017, ""),  # chance 0.01, noise 0.0031
    ],
)
def test_when_a_rate_is_out_of_the_question(losses, accuracy, reason):
    curves = {"loss": losses, "val_accuracy": [0.01, *[accuracy] * 4]}
    data = types.SimpleNamespace(num_classes=100, x_validation=np.zeros((1000, 1)))
    assert cifar_learning_rates.give_up({"curves": curves}, data) == reason


def test_augmentation_keeps_images_images_and_draws_anew():
    x = np.random.default_rng(0).normal(size=(8, 32, 32, 3)).astype("float32")
    one, two = (cifar_comparison.augmentation(seed) for seed in (3, 3))
    first, second = (np.array(one(x, training=True)) for _ in range(2))
    assert first.shape == x.shape
    assert np.abs(first).max() <= np.abs(x).max() + 1e-5
    assert not np.allclose(first, x, atol=0.1)
    assert not np.allclose(first, second, atol=0.1)
    np.testing.assert_array_equal(first, two(x, training=True))
    np.testing.assert_array_equal(one(x, training=False), x)
