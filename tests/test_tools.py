"""The tools that execute notebooks and build the site."""

import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
GOOD = """\
import os, sys
print("profile", os.environ["BNTEACH_PROFILE"])
print("noise", file=sys.stderr)"""


@pytest.fixture
def tools(monkeypatch):
    """The two tools as modules; what they set in the environment is undone."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import build_book
    import notebooks

    for name in (*notebooks.ENVIRONMENT, *notebooks.NOT_IN_ENVIRONMENT):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return notebooks, build_book


def write(path, *sources):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


def test_executed_notebook_is_stored_without_what_differs_between_runs(tools, tmp_path):
    path = tmp_path / "one.ipynb"
    write(path, GOOD, "1 + 1", "1 + 1")
    tools[0].main([str(path)])
    first = path.read_bytes()
    tools[0].main([str(path)])
    assert path.read_bytes() == first
    notebook = nbformat.read(path, as_version=4)
    assert [cell.execution_count for cell in notebook.cells] == [1, 2, 3]
    assert [out.name for out in notebook.cells[0].outputs] == ["stdout"]
    assert notebook.cells[0].outputs[0].text == "profile quick\n"
    assert len({cell.id for cell in notebook.cells}) == 3


def test_failing_notebook_is_named_with_its_cell_and_left_as_it_was(tools, tmp_path):
    path = tmp_path / "bad.ipynb"
    write(path, "1 + 1", "value = 3\nassert value == 2, 'expected 2. Received: 3'")
    before = path.read_bytes()
    with pytest.raises(SystemExit) as stopped:
        tools[0].main([str(path)])
    for part in (
        "bad.ipynb, cell 2 of 2",
        "assert value == 2",
        "expected 2. Received: 3",
    ):
        assert part in str(stopped.value)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def book(tools, tmp_path, monkeypatch):
    """A project of three files, with an execution in its cache."""
    build_book = tools[1]
    for name in (
        "bnteach/one.py",
        "requirements.txt",
        "bnteach/runs/recorded/run.json",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a = 1\n")
    monkeypatch.setattr(build_book, "ROOT", tmp_path)
    monkeypatch.setattr(build_book, "BUILD", tmp_path / "_build")
    monkeypatch.setattr(build_book, "CACHE", tmp_path / "_build" / "cache")
    build_book.drop_stale_executions()
    (tmp_path / "_build" / "cache").mkdir()
    return build_book


def test_executions_are_kept_while_nothing_changed(book):
    book.drop_stale_executions()
    assert book.CACHE.is_dir()


@pytest.mark.parametrize(
    "name", ["bnteach/one.py", "requirements.txt", "bnteach/runs/recorded/run.json"]
)
def test_executions_are_dropped_when_what_they_depend_on_changed(book, name):
    (book.ROOT / name).write_text("a = 2\n")
    book.drop_stale_executions()
    assert not book.CACHE.exists()


def test_executions_are_dropped_when_another_profile_is_asked_for(
    book, tools, monkeypatch
):
    monkeypatch.setitem(tools[0].ENVIRONMENT, "BNTEACH_PROFILE", "full")
    book.drop_stale_executions()
    assert not book.CACHE.exists()


def test_unchanged_notebook_is_not_run_again(tools, tmp_path, monkeypatch):
    notebooks, build_book = tools
    monkeypatch.setattr(build_book, "CACHE", tmp_path / "cache")
    path = tmp_path / "one.ipynb"
    write(path, "1 + 1")
    build_book.execute_into_cache([path])
    monkeypatch.setattr(notebooks, "run", lambda *_: pytest.fail("ran again"))
    build_book.execute_into_cache([path])
    write(path, "1 + 2")
    with pytest.raises(pytest.fail.Exception, match="ran again"):
        build_book.execute_into_cache([path])


def test_executed_notebook_is_found_whatever_its_metadata(tools, tmp_path, monkeypatch):
    notebooks, build_book = tools
    monkeypatch.setattr(build_book, "CACHE", tmp_path / "cache")
    path = tmp_path / "one.ipynb"
    cell = nbformat.v4.new_code_cell("1 + 1", metadata={"editable": True})
    kernel = {"name": "python3", "display_name": "My Python"}
    metadata = {"kernelspec": kernel, "jupytext": {}}
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=metadata), path)
    build_book.execute_into_cache([path])
    monkeypatch.setattr(notebooks, "run", lambda *_: pytest.fail("ran again"))
    build_book.execute_into_cache([path])


def test_pictures_are_inline_whatever_the_users_environment(
    tools, tmp_path, monkeypatch
):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    path = tmp_path / "one.ipynb"
    write(path, "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()")
    tools[0].main([str(path)])
    (output,) = nbformat.read(path, as_version=4).cells[0].outputs
    assert "image/png" in output.data


def test_server_without_a_site_says_how_to_build_it(tools, tmp_path, monkeypatch):
    import serve

    monkeypatch.setattr(serve, "SITE", tmp_path)
    monkeypatch.setattr(sys, "argv", ["serve.py"])
    with pytest.raises(SystemExit, match="make book"):
        serve.main()
