"""Which parts a run takes, keeps and gives up; nothing is trained here."""

import types

import numpy as np
import pytest

import bnteach.__main__
from bnteach import datasets, experiments, runs
from bnteach.runs import results, runner

STEPS = [0, 5, 10]


@pytest.fixture
def demo(monkeypatch):
    """An experiment whose parts are made up; it notes which were run."""
    experiment = experiments.Experiment(
        name="demo",
        title="A demonstration",
        variants={"A": {"width": 1}, "B + BN": {"width": 2}, "C": {"width": 3}},
        profiles={
            "quick": experiments.Settings("noise", 10, 2, 5, 2, 1.0, 0),
            "full": experiments.Settings(
                "noise", 20, 2, 5, 3, 1.0, 0, chosen=("A", "C")
            ),
        },
        prepare=lambda data, arguments: data,
        build=None,
        facts=lambda data, settings: {"weight": 7},
        give_up=lambda part, data: "at chance" * (part["measured"]["x"] == 0),
    )
    state = types.SimpleNamespace(experiment=experiment, ran=[], broken=[], hopeless=[])

    def run_part(plan, networks, team, keeper, progress, key):
        state.ran.append(key)
        if key in state.broken:
            raise FloatingPointError(f"nothing left of {key[0]}")
        x = 0.0 if key[0] in state.hopeless else key[1] + 0.5
        curves = {"val_accuracy": [0.1, 0.2, x]}
        part = {"seed": key[1], "step": STEPS, "curves": curves, "probes": {}}
        part |= {"seconds": 1.0, "measured": {"x": x}}
        keeper.save(key[0], part)
        return part

    data = types.SimpleNamespace(name="noise", sha256="ab", note="")
    monkeypatch.setattr(datasets, "load", lambda name, validation: data)
    monkeypatch.setattr(runner, "_run_part", run_part)
    monkeypatch.setitem(experiments.EXPERIMENTS, "demo", experiment)
    return state


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_part_that_fails_is_told_at_the_end_and_the_others_are_kept(
    demo, tmp_path, capsys
):
    demo.broken = [("A", 0), ("C", 1)]
    with pytest.raises(runs.RunError) as caught:
        runner.run("demo", "quick", directory=tmp_path)
    assert len(demo.ran) == 6
    assert list(caught.value.failed) == demo.broken
    message = str(caught.value)
    assert "2 of 6 parts failed" in message
    assert "C, seed 1: FloatingPointError: nothing left of C" in message
    assert "Traceback" in capsys.readouterr().err
    assert names(tmp_path) == [".demo-quick"]
    demo.ran.clear()
    demo.broken = []
    finished = runner.run("demo", "quick", directory=tmp_path)
    assert demo.ran == [("A", 0), ("C", 1)]
    assert finished.measured("A", "x").tolist() == [0.5, 1.5]
    assert names(tmp_path) == ["demo-quick.json"]


def test_the_command_ends_with_an_error_where_a_part_failed(demo, tmp_path, capsys):
    demo.broken = [("B + BN", 0)]
    command = ["run", "demo", "--out", str(tmp_path)]
    assert bnteach.__main__.main(command) == 2
    assert "bnteach: 1 of 6 parts failed" in capsys.readouterr().err
    demo.broken = []
    assert bnteach.__main__.main(command) == 0


def test_a_variant_that_is_given_up_has_one_seed_and_the_file_says_why(demo, tmp_path):
    demo.hopeless = ["B + BN"]
    runner.run("demo", "quick", directory=tmp_path)
    assert demo.ran == [("A", 0), ("B + BN", 0), ("C", 0), ("A", 1), ("C", 1)]
    stored = results.read("demo-quick", tmp_path)
    assert stored.settings["given up"] == {"B + BN": "at chance"}
    assert [len(parts) for parts in stored.variants.values()] == [2, 1, 2]
    assert stored.seeds == [0, 1]
    assert stored.curve("B + BN", "val_accuracy").shape == (1, 3)


def test_only_some_variants_and_then_the_rest(demo, tmp_path):
    command = ["run", "demo", "--out", str(tmp_path), "--only"]
    assert bnteach.__main__.main([*command, "C", "--only", "B + BN"]) == 0
    assert demo.ran == [("C", 0), ("B + BN", 0), ("C", 1), ("B + BN", 1)]
    assert list(results.read("demo-quick", tmp_path).variants) == ["B + BN", "C"]
    demo.ran.clear()
    runner.run("demo", "quick", directory=tmp_path)
    assert demo.ran == [("A", 0), ("A", 1)]
    assert list(results.read("demo-quick", tmp_path).variants) == ["A", "B + BN", "C"]
    assert names(tmp_path) == ["demo-quick.json"]


def test_one_variant_anew_leaves_the_others_in_the_run(demo, tmp_path):
    runner.run("demo", "quick", directory=tmp_path)
    before = results.read("demo-quick", tmp_path)
    demo.hopeless = ["A"]
    demo.ran.clear()
    runner.run("demo", "quick", variants=["A"], directory=tmp_path)
    assert demo.ran == [("A", 0)]
    after = results.read("demo-quick", tmp_path)
    assert after.variants["C"] == before.variants["C"]
    assert after.settings["given up"] == {"A": "at chance"}
    assert after.settings["weight"] == 7
    assert names(tmp_path) == ["demo-quick.json"]


def test_one_variant_into_a_run_of_other_settings_is_refused(demo, tmp_path):
    runner.run("demo", "quick", directory=tmp_path)
    path = tmp_path / "demo-quick.json"
    path.write_text(path.read_text().replace('"steps": 10', '"steps": 9'))
    before = path.read_text()
    with pytest.raises(results.ResultsError, match=r"demo-quick\.json.*another steps"):
        runner.run("demo", "quick", variants=["A"], directory=tmp_path)
    assert path.read_text() == before
    runner.run("demo", "quick", directory=tmp_path)  # all of them may replace it


def test_more_seeds_go_on_from_the_recorded_ones(demo, tmp_path):
    runner.run("demo", "quick", directory=tmp_path)
    demo.ran.clear()
    runner.run("demo", "quick", seeds=3, variants=["A"], directory=tmp_path)
    assert demo.ran == [("A", 2)]
    stored = results.read("demo-quick", tmp_path)
    assert [len(parts) for parts in stored.variants.values()] == [3, 2, 2]
    assert names(tmp_path) == ["demo-quick.json"]


def test_parts_outlive_a_new_variant(demo, tmp_path):
    """The grid of a sweep is widened while its first parts are there."""
    demo.broken = [("C", 1)]
    with pytest.raises(runs.RunError):
        runner.run("demo", "quick", directory=tmp_path)
    demo.broken, demo.ran = [], []
    demo.experiment.variants["D"] = {"width": 4}
    runner.run("demo", "quick", directory=tmp_path)
    assert demo.ran == [("D", 0), ("C", 1), ("D", 1)]


def test_a_size_may_have_fewer_variants(demo, tmp_path):
    assert list(runner.run("demo", "full").variants) == ["A", "C"]
    with pytest.raises(ValueError, match=r"A, C\. Received: \['B \+ BN'\]"):
        runner.run("demo", "full", variants=["B + BN"])


def test_unknown_variants_are_refused_at_once(demo, tmp_path, capsys):
    command = ["run", "demo", "--out", str(tmp_path), "--only", "b + bn"]
    assert bnteach.__main__.main(command) == 2
    assert "Did you mean 'B + BN'?" in capsys.readouterr().err
    assert names(tmp_path) == []


def test_show_on_a_run_under_way(demo, tmp_path, capsys):
    demo.broken = [("B + BN", 0), ("C", 1)]
    with pytest.raises(runs.RunError):
        runner.run("demo", "quick", directory=tmp_path)
    note = '{"identity": {}, "note": {"step": [0, 5]}}'
    parts = tmp_path / ".demo-quick"
    np.savez(parts / "c-seed-1.npz", text=np.array(note))
    (parts / "other.json").write_text("{half")
    before = {path.name: path.read_bytes() for path in parts.iterdir()}
    picture = tmp_path / "demo.png"
    command = ["show", "demo-quick", "--directory", str(tmp_path)]
    assert bnteach.__main__.main([*command, "--picture", str(picture)]) == 0
    out = capsys.readouterr().out
    assert "UNFINISHED: 4 of 6 parts; begun: c-seed-1 at step 5" in out
    assert "1.0000 (0.5000-1.5000)" in out
    assert picture.exists()
    assert {path.name: path.read_bytes() for path in parts.iterdir()} == before
    demo.broken = []
    runner.run("demo", "quick", directory=tmp_path)
    assert bnteach.__main__.main([*command, "--picture", str(picture)]) == 0
    assert "UNFINISHED" not in capsys.readouterr().out


def test_show_on_a_run_with_nothing_finished(demo, tmp_path, capsys):
    (tmp_path / ".demo-quick").mkdir()
    command = ["show", "demo-quick", "--directory", str(tmp_path)]
    assert bnteach.__main__.main(command) == 0
    assert "UNFINISHED: 0 of 6 parts" in capsys.readouterr().out
