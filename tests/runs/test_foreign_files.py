"""Recorded runs, parts and checkpoints with a content that nobody here wrote."""

import json
import os
import zipfile

import numpy as np
import pytest
from recorded_runs import part, run

from bnteach.runs import results
from bnteach.runs.parts import Parts

DEEP = "[" * 100_000
NO_FILES = pytest.mark.skipif(os.name != "posix", reason="Windows has no pipes here")
CHANGES = {
    "name": 5,
    "title": None,
    "profile": [],
    "dataset": {"name": 3},
    "settings": [],
    "packages": "",
    "processor": {},
    "date": 20260102,
    "seconds": "1",
    "variants": {},
}
PARTS = {
    "seed": "0",
    "step": [0, "10"],
    "curves": {"val_accuracy": [0.1]},
    "measured": [],
    "probes": None,
    "seconds": True,
}


def written(folder, fields):
    (folder / "demo.json").write_text(json.dumps(fields))
    with pytest.raises(results.ResultsError, match=r"expected.*demo\.json") as told:
        results.read("demo", folder)
    assert len(str(told.value)) < 1000
    return str(told.value)


@pytest.mark.parametrize("field", CHANGES)
def test_runs_with_a_foreign_or_missing_field(tmp_path, field):
    fields = run()
    assert "Received" in written(tmp_path, fields | {field: CHANGES[field]})
    del fields[field]
    assert field in written(tmp_path, fields)


@pytest.mark.parametrize("field", PARTS)
def test_parts_of_a_run_with_a_foreign_or_missing_field(tmp_path, field):
    for value in (part() | {field: PARTS[field]}, {**part(), field: 10**30}):
        written(tmp_path, run(plain=[part(), value]))
    lacking = part()
    del lacking[field]
    assert field in written(tmp_path, run(plain=[lacking]))


@pytest.mark.parametrize("parts", [[], {}, None, [[]], ["x"], 7])
def test_variants_that_are_no_parts(tmp_path, parts):
    written(tmp_path, run(plain=[part()], odd=parts))


@pytest.mark.parametrize("digits", [20, 401, 5000])
@pytest.mark.parametrize(
    "text",
    [
        '{"seconds": %s}',
        '{"settings": {"a": [{"b": -%s}]}}',
        '{"variants": {"plain": [{"seed": %s}]}}',
    ],
)
def test_whole_numbers_without_end_anywhere(tmp_path, text, digits):
    (tmp_path / "demo.json").write_text(text % ("1" * digits))
    with pytest.raises(results.ResultsError, match="digits"):
        results.read("demo", tmp_path)


@pytest.mark.parametrize("text", [DEEP, '{"a":' * 100_000, "\ufeff{}", "nul"])
def test_other_texts(tmp_path, text):
    (tmp_path / "demo.json").write_text(text, encoding="utf-8")
    with pytest.raises(results.ResultsError, match=r"JSON object in .*demo\.json"):
        results.read("demo", tmp_path)


def test_other_bytes(tmp_path):
    (tmp_path / "demo.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(results.ResultsError, match="JSON object"):
        results.read("demo", tmp_path)
    os.truncate(tmp_path / "demo.json", 10**12)  # takes no room on the disk
    with pytest.raises(results.ResultsError, match="more than"):
        results.read("demo", tmp_path)


@NO_FILES
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_neither_listed_nor_waited_for(tmp_path, make):
    make(tmp_path / "demo.json")
    assert results.list_runs(tmp_path) == []
    with pytest.raises(results.ResultsError, match=r"expected a file\. Received: a "):
        results.read("demo", tmp_path)


def test_a_run_that_is_being_written_is_not_listed(tmp_path):
    (tmp_path / ".demo-x1.json").write_text("{")
    assert results.list_runs(tmp_path) == []


def test_numbers_that_differ_in_shape_are_told(tmp_path):
    parts = [part(), part() | {"measured": {"test_accuracy": [1, 2]}}]
    (tmp_path / "demo.json").write_text(json.dumps(run(plain=parts)))
    with pytest.raises(results.ResultsError, match=r"'test_accuracy'.*'plain'"):
        results.read("demo", tmp_path).measured("plain", "test_accuracy")


def test_results_folder_of_nobody(monkeypatch):
    monkeypatch.setenv("BNTEACH_RESULTS_DIR", "~nosuchuser/x")
    for call in (results.list_runs, lambda: results.read("tanh_digits")):
        with pytest.raises(results.ResultsError, match=r"RESULTS_DIR.*nosuchuser"):
            call()
    monkeypatch.setenv("BNTEACH_RESULTS_DIR", "~/x")
    assert results.search_path()[0].is_absolute()


@pytest.fixture
def parts(tmp_path):
    return Parts(tmp_path, {"settings": {"steps": 10}, "dataset": "ab"})


@pytest.mark.parametrize(
    "content", [None, [], 3, {}, {"seed": 1}, {"seed": "0"}, {"seed": 0, "curves": 5}]
)
def test_parts_of_another_content(parts, content):
    path = parts.folder / "plain-seed-0.json"
    path.write_text(
        json.dumps({"identity": parts.identity_of("plain"), "part": content})
    )
    with pytest.raises(results.ResultsError, match=r"plain-seed-0\.json"):
        parts.load("plain", 0)
    assert path.exists()


@pytest.mark.parametrize("identity", [None, [], "x", {}, {"settings": 3}])
def test_parts_of_another_run(parts, identity):
    path = parts.folder / "plain-seed-0.json"
    path.write_text(json.dumps({"identity": identity, "part": {"seed": 0}}))
    with pytest.raises(results.ResultsError, match="older or other run, with"):
        parts.load("plain", 0)


def test_the_strategy_of_kept_parts_is_named(parts):
    settings = {"steps": 10, "strategy": "mirrored, replicas: 1"}
    other = Parts(parts.folder, {"settings": settings, "dataset": "ab"})
    other.save("plain", {"seed": 0})
    message = r"strategy 'mirrored, replicas: 1' \(now: none\)"
    with pytest.raises(results.ResultsError, match=message) as told:
        parts.load("plain", 0)
    assert "steps" not in str(told.value)


@NO_FILES
def test_a_pipe_in_place_of_a_part_is_not_waited_for(parts):
    os.mkfifo(parts.folder / "plain-seed-0.json")
    with pytest.raises(results.ResultsError, match="a pipe"):
        parts.load("plain", 0)


# --- checkpoints ---


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    import keras

    from bnteach.training.checkpoints import Checkpoint

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("adam", "mse")
    return Checkpoint(tmp_path_factory.mktemp("state") / "x.npz", model, {"seed": 0})


def header(shape, descr):
    def write(stream):
        fields = {"shape": shape, "fortran_order": False, "descr": descr}
        np.lib.format.write_array_header_1_0(stream, fields)

    return write


def text(value):
    return lambda stream: np.save(stream, np.array(json.dumps(value)))


STATES = {
    "no zip": None,
    "an array that is too large": {"v0000": header((10**15,), "<f4")},
    "a text that is too large": {"text": header((), "<U2000000000")},
    "objects": {"v0000": header((1,), "|O")},
    "another shape": {"v0001": lambda stream: np.save(stream, np.zeros(5, "f4"))},
    "another type": {"v0001": lambda stream: np.save(stream, np.zeros(2, "f8"))},
    "one more array": {"v9999": lambda stream: np.save(stream, np.zeros(2, "f4"))},
    "a list as text": {"text": text([1])},
    "an identity of another type": {"text": text({"identity": [], "note": {}})},
    "a note of another type": {"text": "note"},
    "deep": {"text": lambda stream: np.save(stream, np.array(DEEP))},
}


@pytest.mark.parametrize("name", STATES)
def test_checkpoints_of_another_content(checkpoint, name):
    checkpoint.save({"step": 1})
    before = checkpoint.model.get_weights()
    changes = STATES[name]
    if changes is None:
        header((10**15,), "<f4")(checkpoint.path.open("wb"))
    else:
        if changes.get("text") == "note":
            changes = {"text": text({"identity": checkpoint.identity, "note": [1]})}
        with zipfile.ZipFile(checkpoint.path) as old:
            good = {name: old.read(name) for name in old.namelist()}
        with zipfile.ZipFile(checkpoint.path, "w") as new:
            for key, write in changes.items():
                with new.open(f"{key}.npy", "w") as stream:
                    write(stream)
                good.pop(f"{key}.npy", None)
            for key, content in good.items():
                new.writestr(key, content)
    with pytest.raises(ValueError, match="expected a checkpoint") as told:
        checkpoint.restore()
    assert "Remove" in str(told.value)
    for old, new in zip(before, checkpoint.model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@NO_FILES
def test_a_pipe_in_place_of_a_checkpoint_is_not_waited_for(checkpoint):
    checkpoint.path.unlink(missing_ok=True)
    os.mkfifo(checkpoint.path)
    with pytest.raises(ValueError, match="a pipe"):
        checkpoint.restore()
    checkpoint.path.unlink()


@pytest.mark.parametrize(
    "note",
    [
        {},
        {"step": []},
        {"step": [0], "elapsed": [0.0], "curves": {"loss": 1}},
        {"step": [0], "elapsed": [0.0], "curves": []},
        {"step": [0], "elapsed": []},
        {"step": ["0"], "elapsed": [0.0]},
        {"step": [0], "elapsed": [None]},
        {"step": [0], "elapsed": [0.0], "seconds": "1"},
        {"other": 1},
    ],
)
def test_checkpoints_with_other_records(note):
    from bnteach.training import History

    with pytest.raises(ValueError, match=r"records of a training run.*Remove"):
        History.restored(note)
