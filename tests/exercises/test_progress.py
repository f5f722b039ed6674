"""What is noted as solved, when, and what becomes of a damaged file."""

import json
import os
import subprocess
import sys

import pytest

from bnteach import __main__ as command_line
from bnteach.exercises import EXERCISES, check, progress

NAME = "moving-average"


def right(moving, batch, momentum):
    return moving * momentum + batch * (1 - momentum)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("platformdirs.user_data_path", lambda *a, **k: tmp_path / "d")
    return tmp_path / "d"


def test_nothing_is_noted_in_a_test(folder):
    assert check(NAME, right).status == "right"
    assert not folder.exists()


def test_only_right_answers_are_noted(folder):
    check(NAME, None, record=True)
    check(NAME, lambda *a: 0.0, record=True)
    assert not folder.exists()
    check(NAME, right, record=False)
    assert not folder.exists()
    check(NAME, right, record=True)
    assert list(progress.solved()) == [NAME]


def test_the_day_of_the_first_time_stays(folder):
    folder.mkdir()
    progress.path().write_text(json.dumps({NAME: "2020-01-02"}))
    check(NAME, right, record=True)
    assert progress.solved() == {NAME: "2020-01-02"}


def test_the_command_lists_what_is_solved_and_forgets_it(capsys):
    check(NAME, right, record=True)
    assert command_line.main(["exercises"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in EXERCISES)
    assert f"1 of {len(EXERCISES)} solved" in printed
    assert command_line.main(["exercises", "--reset"]) == 0
    assert progress.solved() == {}
    assert command_line.main(["exercises", "--reset"]) == 0
    assert "Nothing was noted" in capsys.readouterr().out


def test_the_command_shows_one_exercise(capsys):
    assert command_line.main(["exercises", NAME]) == 0
    printed = capsys.readouterr().out
    assert EXERCISES[NAME].stub.strip() in printed
    assert EXERCISES[NAME].question in printed
    assert command_line.main(["exercises", "moving_average"]) == 2
    assert "Did you mean 'moving-average'" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["{", "[]", '{"a": 1}', "\x00", '{"a": null}'])
def test_a_damaged_file_is_named_and_kept(content, folder, capsys):
    folder.mkdir()
    progress.path().write_text(content)
    assert command_line.main(["exercises"]) == command_line.EXIT_ERROR
    assert "--reset" in capsys.readouterr().err
    assert check(NAME, right, record=True).status == "right"
    assert "could not be noted" in capsys.readouterr().out
    assert progress.path().read_text() == content
    assert command_line.main(["exercises", "--reset"]) == 0
    assert command_line.main(["exercises"]) == 0


def test_a_folder_that_cannot_be_made_does_not_spoil_the_answer(folder, capsys):
    folder.write_text("a file in its place")
    assert check(NAME, right, record=True).status == "right"
    assert "could not be noted" in capsys.readouterr().out


CODE = (
    "from bnteach.exercises import check\n"
    f"check({NAME!r}, lambda a, b, m: a * m + b * (1 - m))"
)


@pytest.mark.parametrize(
    ("more", "noted"),
    [({}, True), ({"CI": "true"}, False), ({"PYTEST_CURRENT_TEST": "x"}, False)],
)
@pytest.mark.skipif(sys.platform != "linux", reason="where XDG_DATA_HOME counts")
def test_a_script_notes_but_for_ci_and_tests(more, noted, tmp_path):
    drop = ("CI", "PYTEST_CURRENT_TEST")
    environment = {k: v for k, v in os.environ.items() if k not in drop}
    environment |= {"XDG_DATA_HOME": str(tmp_path)} | more
    subprocess.run([sys.executable, "-c", CODE], env=environment, check=True)
    assert (tmp_path / "bnteach" / "exercises.json").exists() is noted
