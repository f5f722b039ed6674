import json
import os
import socket
import subprocess
import sys
import time
import types
from pathlib import Path

import distributed_training
import keras
import numpy as np
import pytest

from bnteach import datasets, experiments, training
from bnteach.runs import results, runner
from bnteach.training import distribution

SCRIPT = Path(distributed_training.__file__)
ENVIRONMENT = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
# Equal but for rounding: the sums of float32 numbers are taken in another order.
TOLERANCE = {"rtol": 1e-3, "atol": 1e-5}


def start(arguments, output, cluster=None, kind="worker", index=0):
    """Start the script, as one worker of a cluster if there is one."""
    environment = dict(ENVIRONMENT)
    environment.pop("TF_CONFIG", None)
    if cluster is not None:
        task = {"type": kind, "index": index}
        environment["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": task})
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        env=environment,
        stdout=output,  # a file: a full pipe would make the others wait
        stderr=subprocess.STDOUT,
    )


def run_together(folder, *tasks, seconds=300):
    """Run processes that must all end well; return what each of them printed."""
    paths = [folder / f"{number}.log" for number in range(len(tasks))]
    processes = []
    try:
        for path, task in zip(paths, tasks, strict=True):
            with open(path, "w") as output:
                processes.append(start(output=output, **task))
        end = time.monotonic() + seconds
        for process in processes:
            process.wait(max(0, end - time.monotonic()))
    finally:
        for process in processes:
            process.kill()
    printed = [path.read_text("utf-8") for path in paths]
    for process, text in zip(processes, printed, strict=True):
        assert process.returncode == 0, text[-3000:]
    return printed


def two_addresses():
    """Return two addresses of this machine where nobody listens."""
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{place.getsockname()[1]}" for place in (one, two)]


def reports(folder):
    paths = sorted(folder.glob("*.json"))
    return [json.loads(path.read_text("utf-8")) for path in paths]


@pytest.fixture(scope="module")
def mirrored(tmp_path_factory):
    """What one process with two replicas trained: a list of one report."""
    folder = tmp_path_factory.mktemp("mirrored")
    run_together(folder, {"arguments": ["train", "mirrored", folder, 0]})
    return reports(folder)


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    """What each of two workers with one replica trained: two reports."""
    folder = tmp_path_factory.mktemp("workers")
    cluster = {"worker": two_addresses()}
    train = ["train", "multi-worker", folder]
    tasks = [{"arguments": [*train, index], "index": index} for index in range(2)]
    run_together(folder, *({**task, "cluster": cluster} for task in tasks))
    return reports(folder)


@pytest.fixture(scope="module")
def alone():
    """What one process with one replica trained on the joined batches, unbroken."""
    return distributed_training.train(strategy=None)


def largest_difference(one, two):
    """Return the largest difference of two trainings in units of the tolerance."""
    pairs = [(one["weights"][path], two["weights"][path]) for path in one["weights"]]
    pairs += [
        (one["curves"][name][1:], two["curves"][name][1:]) for name in one["curves"]
    ]
    differences = []
    for a, b in pairs:
        allowed = TOLERANCE["atol"] + TOLERANCE["rtol"] * np.abs(b)
        differences.append(np.max(np.abs(np.subtract(a, b)) / allowed))
    return max(differences)


@pytest.mark.slow
@pytest.mark.parametrize("processes", ["mirrored", "workers"])
class TestReplicas:
    @pytest.fixture
    def replicas(self, processes, request):
        return request.getfixturevalue(processes)

    def test_train_as_one_process_does_on_the_joined_batch(self, replicas, alone):
        chief = replicas[0]["joined"]
        assert chief["step"] == alone["step"] == [0, 6, 12, 18, 24]
        assert chief["curves"].keys() == alone["curves"].keys()
        assert largest_difference(chief, alone) < 1

    def test_train_otherwise_without_synchronization(self, replicas, alone):
        # If they did not, the test above would not show that they share statistics.
        assert largest_difference(replicas[0]["apart"], alone) > 100

    def test_have_equal_weights_and_one_file_of_the_chief(self, replicas):
        weights = [report["joined"]["weights"] for report in replicas]
        assert all(other == weights[0] for other in weights)
        assert [report["saved"] for report in replicas] == [True, False][: len(weights)]

    def test_draw_dropout_apart(self, replicas):
        one, two = [mask for report in replicas for mask in report["dropout"]]
        assert one != two


@pytest.mark.exhaustive  # the workers above train alike without the command line
def test_command_with_two_workers(tmp_path, monkeypatch):
    first, second = two_addresses()
    task = {"cluster": {"chief": [first], "worker": [second]}}
    command = ["command", "run", "demo", "--strategy", "multi-worker", "--out"]
    task["arguments"] = [*command, tmp_path / "out"]
    printed = run_together(tmp_path, task | {"kind": "chief"}, task)
    assert "demo-quick.json" in printed[0]
    assert "This worker is done" in printed[1]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["demo-quick.json"]
    finished = results.read("demo-quick", tmp_path / "out")
    assert finished.settings["strategy"] == "multi-worker, replicas: 2"

    monkeypatch.setattr(datasets, "load", distributed_training.load)
    monkeypatch.setitem(experiments.EXPERIMENTS, "demo", distributed_training.DEMO)
    alone = runner.run("demo", "quick")
    mirrored = runner.run("demo", "quick", strategy="mirrored", variants=["BN"])
    for run, variant in ((finished, "plain"), (finished, "BN"), (mirrored, "BN")):
        for name in ("loss", "val_loss"):
            curves = [each.curve(variant, name)[0, 1:] for each in (run, alone)]
            np.testing.assert_allclose(*curves, **TOLERANCE)


def test_unknown_strategy():
    with pytest.raises(ValueError, match=r"mirrored, multi-worker. Received: 'tpu'"):
        distribution.make("tpu")


@pytest.mark.parametrize(
    "text",
    [
        None,
        "worker 0",
        "[]",
        '{"cluster": {"worker": ["a:1"]}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": -1}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "ps", "index": 0}}',
        '{"cluster": {"worker": "a:1"}, "task": {"type": "worker", "index": 0}}',
    ],
)
def test_a_cluster_that_is_not_described(text, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if text is not None:
        monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match=r"expected.*TF_CONFIG") as caught:
        distribution.make("multi-worker")
    assert str(caught.value).endswith(f"Received: {text!r}")


def test_a_batch_that_cannot_be_shared_equally():
    strategy = types.SimpleNamespace(num_replicas_in_sync=5)
    with pytest.raises(ValueError, match=r"5 replicas.*batch_size=12"):
        distribution.replicate(distributed_training.network(), strategy, 12)


def test_a_strategy_needs_the_compiled_loop_and_tensorflow(monkeypatch):
    strategy = distribution.make("mirrored")
    model, data = distributed_training.network(), distributed_training.load()
    with pytest.raises(ValueError, match=r"for a strategy.*loop='keras'"):
        training.train(
            model, data, steps=1, batch_size=12, loop="keras", strategy=strategy
        )
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ValueError, match=r"expected the TensorFlow.*'jax'"):
        runner.run("tanh_digits", "quick", strategy="mirrored")
