import re

import matplotlib as mpl
import matplotlib.pyplot as plt
import nbclient
import nbformat
import numpy as np
import pytest
from PIL import Image

from bnteach import pictures, plotting


@pytest.fixture(autouse=True)
def style():
    with mpl.rc_context():
        plotting.use_style()
        yield
        plt.close("all")


def curve():
    figure, ax = plt.subplots()
    ax.plot(np.sin(np.arange(50.0)), label="sine")
    return figure


def test_the_same_figure_is_the_same_text():
    assert pictures.svg(curve()) == pictures.svg(curve())


def test_svg_holds_what_is_shown_alone():
    text = pictures.svg(curve())
    assert text.startswith("<svg ")
    assert not re.search(r"<metadata|<!--|\d{4}-\d\d-\d\d", text)
    assert not re.search(r' d="[^"]*\.\d{3}', text)
    assert "scale(0.015625)" in text  # of the letters: not to be rounded
    # "12." is no number in SVG: the browser would drop the whole transform.
    assert not re.search(r"\d\.[ ),\"]", text)


def test_rounding_moves_nothing_that_can_be_seen():
    text = "M 10.50 -0.004 3.14159 100.000 -2.999)"
    assert pictures._rounded(text) == "M 10.5 0 3.14 100 -3)"


def test_panels_are_told_apart_without_a_gap():
    figure, axes = plotting.panels(3, sharey=True)
    for ax in axes:
        ax.plot([1, 2])
    text = pictures.svg(figure)
    panels = re.search(r'data-panels="([^"]*)"', text)[1].split(";")
    starts, widths = np.array([panel.split() for panel in panels], float).T
    whole = float(re.search(r'viewBox="0 0 ([\d.]+)', text)[1])
    np.testing.assert_allclose(starts, [0, *np.cumsum(widths)[:-1]], atol=0.02)
    assert sum(widths) == pytest.approx(whole, abs=0.05)
    assert "data-panels" not in pictures.svg(curve())


def test_heavy_figure_becomes_a_sharp_png(monkeypatch, tmp_path):
    data, sizes = pictures.bundle(curve())
    assert data.keys() == {"image/svg+xml", "text/plain"}
    assert sizes == {}
    monkeypatch.setattr(pictures, "HEAVY", 100)
    data, sizes = pictures.bundle(curve())
    assert data.keys() == {"image/png", "text/plain"}
    (tmp_path / "a.png").write_bytes(data["image/png"])
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.width == pytest.approx(2 * sizes["image/png"]["width"], abs=2)


@pytest.mark.slow
def test_notebook_shows_svg():
    source = "import matplotlib.pyplot as plt\nfrom bnteach import plotting\n"
    source += "plotting.use_style()\nplt.subplots()\nplt.show()"
    cell = nbformat.v4.new_code_cell(source)
    notebook = nbformat.v4.new_notebook(cells=[cell])
    nbclient.NotebookClient(notebook, kernel_name="python3").execute()
    (output,) = notebook.cells[0].outputs
    assert output.data["image/svg+xml"].startswith("<svg ")
    assert output.data["text/plain"] == "<Figure size 480x300 with 1 Axes>"
    assert "image/png" not in output.data
