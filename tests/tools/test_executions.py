"""Executions of notebooks that are kept between two builds of the site."""

import build_book
import executions
import nbformat
import pytest

PARTS = ("bnteach/one.py", "requirements.txt", "bnteach/runs/recorded/run.json")


@pytest.fixture
def cache(tmp_path):
    """A project of three files, with an execution in its cache."""
    for name in PARTS:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a = 1\n")
    cache = executions.Executions(tmp_path, tmp_path / "_build")
    cache.drop_stale()
    return cache


@pytest.fixture
def path(cache, write):
    """A notebook with a stored execution."""
    path = write(cache.root / "one.ipynb", "1 + 1")
    keep(cache, path)
    return path


def keep(cache, path):
    notebook = nbformat.read(path, as_version=4)
    for count, cell in enumerate(notebook.cells, start=1):
        cell.execution_count = count
    cache.keep(path, notebook, 1.0)


def test_executions_are_kept_while_nothing_changed(cache, path):
    cache.drop_stale()
    assert cache.has(path)


@pytest.mark.parametrize("name", PARTS)
def test_executions_are_dropped_when_what_they_depend_on_changed(cache, path, name):
    (cache.root / name).write_text("a = 2\n")
    cache.drop_stale()
    assert not cache.has(path)


def test_executions_are_dropped_when_another_profile_is_asked_for(
    cache, path, monkeypatch
):
    monkeypatch.setitem(executions.ENVIRONMENT, "BNTEACH_PROFILE", "full")
    cache.drop_stale()
    assert not cache.has(path)


def test_changed_cell_needs_another_execution(cache, path, write):
    write(path, "1 + 2")
    assert not cache.has(path)


def test_execution_is_found_whatever_the_metadata_of_the_notebook(cache, write):
    kernel = {"name": "python3", "display_name": "My Python"}
    path = write(cache.root / "two.ipynb", "1 + 1", kernelspec=kernel, jupytext={})
    keep(cache, path)
    assert cache.has(path)


def executed(cache):
    (path,) = cache.folder.glob("executed/*/base.ipynb")
    return path


DAMAGES = {
    "file not written": lambda path: path.unlink(),
    "folder not made": lambda path: (path.unlink(), path.parent.rmdir()),
    "empty": lambda path: path.write_text(""),
    "cut off": lambda path: path.write_text(path.read_text()[:100]),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_execution_cut_short_while_it_was_stored_is_made_again(cache, path, damage):
    damage(executed(cache))
    cache.drop_stale()
    assert not cache.has(path)
    keep(cache, path)
    assert cache.has(path)


def test_cache_that_cannot_be_read_is_dropped(cache, path):
    (cache.folder / "global.db").write_bytes(b"half a data base" * 100)
    cache.drop_stale()
    assert not cache.has(path)
    keep(cache, path)
    assert cache.has(path)


def test_only_notebooks_without_an_execution_run(cache, path, write, monkeypatch):
    asked = []
    monkeypatch.setattr(build_book, "run_all", lambda paths, _: asked.extend(paths))
    new = write(cache.root / "new.ipynb", "2 + 2")
    build_book.execute_into_cache([new, path], cache)
    assert asked == [new]
