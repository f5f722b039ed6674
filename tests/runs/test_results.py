import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from bnteach.runs import results


@pytest.fixture
def run():
    def part(seed):
        return {
            "seed": seed,
            "step": [0, 10],
            "curves": {"loss": [None, 0.5 + seed], "val_accuracy": [0.1, 0.9]},
            "probes": {"percentiles": [[1.0, 2.0], [3.0, 4.0]]},
            "measured": {"test_accuracy": 0.8 + seed / 10},
            "seconds": 1.5,
        }

    return results.Run(
        name="demo",
        title="A demonstration",
        profile="full",
        settings={"steps": 10},
        dataset={"name": "mnist5k", "sha256": "00", "note": ""},
        packages={"numpy": "2"},
        processor="a processor",
        date="2026-01-02",
        seconds=3.0,
        variants={"plain": [part(0), part(1)]},
    )


def test_round_trip(run, tmp_path):
    path = results.write(run, tmp_path)
    assert path == tmp_path / "demo.json"
    assert results.read("demo", tmp_path) == run
    assert results.list_runs(tmp_path) == ["demo"]


def test_runs_of_different_sizes_do_not_replace_each_other(run, tmp_path):
    quick = dataclasses.replace(run, profile="quick")
    for each in (run, quick):
        results.write(each, tmp_path)
    assert results.read("demo", tmp_path) == run
    assert results.read("demo-quick", tmp_path) == quick


def test_arrays(run):
    assert run.seeds == [0, 1]
    assert list(run.step("plain")) == [0, 10]
    np.testing.assert_array_equal(
        run.curve("plain", "loss"), [[np.nan, 0.5], [np.nan, 1.5]]
    )
    assert run.probe("plain", "percentiles").shape == (2, 2, 2)
    np.testing.assert_allclose(run.measured("plain", "test_accuracy"), [0.8, 0.9])
    np.testing.assert_array_equal(run.steps_to("plain", 0.9), [10, 10])
    np.testing.assert_array_equal(run.steps_to("plain", 0.1), [0, 0])
    np.testing.assert_array_equal(run.steps_to("plain", 1.0, "loss"), [np.nan, 10])


def test_label(run):
    assert run.label() == "mnist5k, full profile, 2 seeds, 2026-01-02"
    run.dataset["note"] = "JPEG copy"
    assert run.label().startswith("mnist5k: JPEG copy, ")


def test_names_that_do_not_exist(run, tmp_path):
    with pytest.raises(KeyError, match=r"plain.*Received: 'plane'"):
        run.step("plane")
    with pytest.raises(KeyError, match=r"val_accuracy.*Received: 'los'"):
        run.curve("plain", "los")
    results.write(run, tmp_path)
    with pytest.raises(results.ResultsError, match=r"Did you mean 'demo'\?") as told:
        results.read("dem", tmp_path)
    assert "bnteach run" not in str(told.value)  # there is no such experiment


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("tanh_digits", "bnteach run tanh_digits --profile full"),
        ("tanh_digits-quick", "bnteach run tanh_digits --profile quick"),
        ("cifar_comparison-cpu", "bnteach run cifar_comparison --profile cpu"),
        ("tanh_digits-cpu", "Did you mean 'tanh_digits'?"),  # it has no such size
        ("nope", "'nope'. Experiments and recorded runs: bnteach list"),
    ],
)
def test_advice_for_a_run_that_is_not_there(name, advice, tmp_path):
    with pytest.raises(results.ResultsError) as told:
        results.read(name, tmp_path / "empty")
    assert "there: none" in str(told.value)
    assert advice in str(told.value)
    assert ("bnteach run" in str(told.value)) == ("bnteach run" in advice)


@pytest.mark.parametrize("text", ["", '{"name": "de', "[1, 2]", '{"name": "demo"}'])
def test_damaged_files_are_named_and_kept(text, tmp_path):
    path = tmp_path / "demo.json"
    path.write_text(text)
    with pytest.raises(results.ResultsError, match=r"demo\.json"):
        results.read("demo", tmp_path)
    assert path.read_text() == text


def test_a_failed_write_leaves_the_file_before(run, tmp_path):
    path = results.write(run, tmp_path)
    before = path.read_text()
    run.settings["steps"] = object()
    with pytest.raises(TypeError):
        results.write(run, tmp_path)
    assert path.read_text() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["demo.json"]


def test_numbers_are_rounded_and_json_stays_strict(tmp_path):
    path = tmp_path / "x.json"
    values = {"a": [1 / 3, float("nan"), float("inf")], "b": np.float32(2), "c": 7}
    results.write_json(path, values)
    assert json.loads(path.read_text()) == {
        "a": [0.333333, None, None],
        "b": 2.0,
        "c": 7,
    }


def test_search_path(tmp_path, monkeypatch):
    monkeypatch.delenv("BNTEACH_RESULTS_DIR", raising=False)
    assert results.search_path() == [Path("runs"), results.RECORDED]
    monkeypatch.setenv("BNTEACH_RESULTS_DIR", "elsewhere")
    assert results.search_path() == [Path("elsewhere"), Path("runs"), results.RECORDED]
    assert results.search_path(tmp_path) == [tmp_path]


def test_own_runs_are_found_before_the_recorded_ones(tmp_path, monkeypatch):
    monkeypatch.delenv("BNTEACH_RESULTS_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    recorded = results.read("tanh_digits")
    assert "tanh_digits" in results.list_runs()
    results.write(dataclasses.replace(recorded, title="mine"), "runs")
    assert results.read("tanh_digits").title == "mine"
