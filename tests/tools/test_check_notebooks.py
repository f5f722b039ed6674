"""Stored outputs against a new run: in which order, with how many threads."""

from pathlib import Path

import check_notebooks
import plan
import pytest


@pytest.fixture
def command(tmp_path, monkeypatch):
    """The command and environment for two notebooks; the smaller one takes longer."""
    seconds = tmp_path / "seconds.json"
    monkeypatch.setattr(check_notebooks, "SECONDS", seconds)
    monkeypatch.setattr(plan, "cores", lambda: 2)
    paths = [tmp_path / "large.ipynb", tmp_path / "small.ipynb"]
    for path, size, took in zip(paths, (9, 1), (5, 50), strict=True):
        path.write_text("x" * size)
        plan.note_seconds(seconds, path.name, took)
    return check_notebooks.command(paths, ["-k", "Cell"])


def test_longest_starts_first(command):
    arguments, _ = command
    assert [Path(path).name for path in arguments[-2:]] == [
        "small.ipynb",
        "large.ipynb",
    ]
    assert "--no-loadscope-reorder" in arguments
    assert "--dist=loadfile" in arguments


def test_kernels_share_the_cores(command):
    arguments, environment = command
    assert arguments[arguments.index("-n") + 1] == "2"
    assert environment["OMP_NUM_THREADS"] == "1"
    assert environment["TF_NUM_INTRAOP_THREADS"] == "1"


def test_outputs_are_compared_and_options_reach_pytest(command):
    arguments, _ = command
    assert "--nbval" in arguments
    assert arguments[arguments.index("-k") + 1] == "Cell"
