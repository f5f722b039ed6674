"""The tool that executes notebooks and stores what came out."""

import nbformat
import notebooks
import pytest

GOOD = """\
import os, sys
print("profile", os.environ["BNTEACH_PROFILE"])
print("noise", file=sys.stderr)"""


def test_executed_notebook_is_stored_without_what_differs_between_runs(
    write, tmp_path, capsys
):
    path = write(tmp_path / "one.ipynb", GOOD, "1 + 1", "1 + 1")
    notebooks.main([str(path)])
    assert "stderr of cell 1 is not kept" in capsys.readouterr().out
    first = path.read_bytes()
    notebooks.main([str(path)])
    assert path.read_bytes() == first
    notebook = nbformat.read(path, as_version=4)
    assert [cell.execution_count for cell in notebook.cells] == [1, 2, 3]
    assert [out.name for out in notebook.cells[0].outputs] == ["stdout"]
    assert notebook.cells[0].outputs[0].text == "profile quick\n"
    assert len({cell.id for cell in notebook.cells}) == 3


def test_failing_notebook_is_named_with_its_cell_and_left_as_it_was(write, tmp_path):
    wrong = "value = 3\nassert value == 2, 'expected 2. Received: 3'"
    path = write(tmp_path / "bad.ipynb", "1 + 1", wrong)
    before = path.read_bytes()
    with pytest.raises(SystemExit) as stopped:
        notebooks.main([str(path)])
    for part in (
        "bad.ipynb, cell 2 of 2",
        "assert value == 2",
        "expected 2. Received: 3",
    ):
        assert part in str(stopped.value)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_pictures_are_inline_whatever_the_users_environment(
    write, tmp_path, monkeypatch
):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    draw = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
    path = write(tmp_path / "one.ipynb", draw)
    notebooks.main([str(path)])
    (output,) = nbformat.read(path, as_version=4).cells[0].outputs
    assert "image/png" in output.data


def test_missing_notebook_is_named_before_any_runs(write, tmp_path, capsys):
    path = write(tmp_path / "one.ipynb", "1 + 1")
    before = path.read_bytes()
    with pytest.raises(SystemExit):
        notebooks.main([str(path), str(tmp_path / "nope.ipynb")])
    assert "nope.ipynb" in capsys.readouterr().err
    assert path.read_bytes() == before
