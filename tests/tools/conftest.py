"""What the tests of the tools share: an environment that is undone, small notebooks."""

import kernels
import nbformat
import pytest
import side_by_side


@pytest.fixture(autouse=True)
def undo(monkeypatch, tmp_path_factory):
    """Undo what the tools set in the environment, and note no seconds of a test."""
    for name in (*kernels.ENVIRONMENT, *kernels.NOT_IN_ENVIRONMENT):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    noted = tmp_path_factory.mktemp("build") / "notebook-seconds.json"
    monkeypatch.setattr(side_by_side, "SECONDS", noted)


@pytest.fixture
def write():
    """Return a function that writes a notebook of code cells."""

    def write(path, *sources, **metadata):
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        notebook = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
        nbformat.write(notebook, path)
        return path

    return write
