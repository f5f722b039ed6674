"""What `bnteach run` says before it loads a framework."""

import json
import os
import subprocess
import sys

import pytest

SCRIPT = """
import contextlib, io, json, os, sys, time
found = []
for arguments, environment in json.load(sys.stdin):
    before, told = dict(os.environ), io.StringIO()
    os.environ.update(environment)
    started = time.perf_counter()
    with contextlib.redirect_stderr(told), contextlib.redirect_stdout(told):
        from bnteach.__main__ import main
        try:
            status = main(arguments)
        except SystemExit as stopped:
            status = stopped.code
    seconds = time.perf_counter() - started
    os.environ.clear()
    os.environ.update(before)
    loaded = sorted({"keras", "tensorflow", "jax", "torch"} & set(sys.modules))
    found.append([status, told.getvalue(), seconds, loaded])
json.dump(found, sys.stdout)
"""
ADDRESSES = ["a:1", "b:1"]


def tf_config(**changes):
    task = {"type": "worker", "index": 0}
    text = json.dumps({"cluster": {"worker": ADDRESSES}, "task": task} | changes)
    return {"TF_CONFIG": text}


MULTI = ["--strategy", "multi-worker"]
ONE_LINE = {
    "name": (["tanh_digit"], {}, "Did you mean 'tanh_digits'"),
    "no size": (
        ["tanh_digits", "--profile", "cpu"],
        {},
        "quick, full. Received: 'cpu'",
    ),
    "size by variable": (["tanh_digits"], {"BNTEACH_PROFILE": "big"}, "'big'"),
    "no seeds": (["tanh_digits", "--seeds", "0"], {}, "seeds=0"),
    "minus": (["tanh_digits", "--seeds", "-1"], {}, "seeds=-1"),
    "a billion": (["tanh_digits", "--seeds", "1000000000"], {}, "from 1 to 10000"),
    "10^400": (["tanh_digits", "--seeds", "1" + "0" * 400], {}, "from 1 to 10000"),
    "out is a file": (["tanh_digits", "--out", "{file}"], {}, "{file} is no folder"),
    "below a file": (["tanh_digits", "--out", "{file}/a/b"], {}, "{file} is no folder"),
    "out of nobody": (["tanh_digits", "--out", "~nosuchuser/x"], {}, "~nosuchuser/x"),
    "not writable": (["tanh_digits", "--out", "/proc/x"], {}, "can be written"),
    "parts in the way": (["tanh_digits", "--out", "{in_the_way}"], {}, "is no folder"),
    "run in the way": (
        ["tanh_digits", "--out", "{in_the_way}", "--profile", "full"],
        {},
        "tanh_digits.json",
    ),
    "torch": (["tanh_digits"], {"KERAS_BACKEND": "torch"}, "jax. Received: 'torch'"),
    "no backend": (["tanh_digits"], {"KERAS_BACKEND": "nope"}, "KERAS_BACKEND"),
    "backend by file": (["tanh_digits"], {"KERAS_HOME": "{keras}"}, "keras.json"),
    "our layer on jax": (["tanh_digits"], {"KERAS_BACKEND": "jax"}, "'our layer'"),
    "strategy on jax": (
        ["cifar_comparison", "--strategy", "mirrored"],
        {"KERAS_BACKEND": "jax"},
        "expected TensorFlow for a strategy",
    ),
    "no TF_CONFIG": (["tanh_digits", *MULTI], {"TF_CONFIG": ""}, "TF_CONFIG to name"),
    "no JSON": (["tanh_digits", *MULTI], {"TF_CONFIG": "["}, "TF_CONFIG to name"),
    "endless JSON": (["tanh_digits", *MULTI], {"TF_CONFIG": "[" * 99999}, "TF_CONFIG"),
    "no port": (
        ["tanh_digits", *MULTI],
        tf_config(cluster={"worker": ["a", "b"]}),
        "TF_CONFIG to name",
    ),
    "no such worker": (
        ["tanh_digits", *MULTI],
        tf_config(task={"type": "worker", "index": 10**400}),
        "TF_CONFIG to name",
    ),
    "the chief's folder": (
        ["tanh_digits", *MULTI, "--out", "{file}"],
        tf_config(),
        "{file} is no folder",
    ),
}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Status, text, seconds and frameworks of each of these commands."""
    folder = tmp_path_factory.mktemp("run")
    places = {"file": folder / "file", "keras": folder / "keras"}
    places["in_the_way"] = folder / "in_the_way"
    places["file"].write_text("a file")
    for path in (places["keras"], places["in_the_way"] / "tanh_digits.json"):
        path.mkdir(parents=True)
    (places["keras"] / "keras.json").write_text('{"backend": "openvino"}')
    (places["in_the_way"] / ".tanh_digits-quick").write_text("a file")

    def fill(text):
        for name, path in places.items():
            text = text.replace(f"{{{name}}}", str(path))
        return text

    cases = [
        (["run", *map(fill, arguments)], {k: fill(v) for k, v in environment.items()})
        for arguments, environment, _ in ONE_LINE.values()
    ]
    environment = os.environ | {"KERAS_HOME": str(folder)}
    environment |= dict.fromkeys(("BNTEACH_PROFILE", "KERAS_BACKEND", "TF_CONFIG"), "")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment | {"PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        path.name for path in places.values()
    )
    found = dict(zip(ONE_LINE, json.loads(done.stdout), strict=True))
    return found, {name: fill(message) for name, (*_, message) in ONE_LINE.items()}


@pytest.mark.parametrize("name", ONE_LINE)
def test_what_is_wrong_is_said_in_one_line_before_a_framework_loads(told, name):
    found, messages = told
    status, text, seconds, loaded = found[name]
    assert status == 2
    assert messages[name] in text
    assert text.startswith("bnteach: expected ")
    assert text.count("\n") == 1
    assert len(text) < 1200
    assert loaded == []
    assert seconds < 1 or name == "name"  # the first also loads NumPy


def test_a_second_worker_needs_no_folder(monkeypatch):
    from bnteach.runs import checks

    monkeypatch.setenv(*tf_config(task={"type": "worker", "index": 1}).popitem())
    assert not checks.check_strategy("multi-worker")
    monkeypatch.setenv(*tf_config().popitem())
    assert checks.check_strategy("multi-worker")
    assert checks.check_strategy(None)


@pytest.mark.parametrize("package", ["keras", "jax"])
def test_a_backend_that_is_not_installed_is_named(monkeypatch, package):
    from bnteach import experiments
    from bnteach.runs import checks

    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    find = checks.importlib.util.find_spec
    monkeypatch.setattr(
        checks.importlib.util,
        "find_spec",
        lambda name: None if name == package else find(name),
    )
    experiment = experiments.get("cifar_comparison")
    with pytest.raises(ValueError, match=f"pip install {package}"):
        checks.check_backend(experiment, experiment.profiles["quick"], ())
