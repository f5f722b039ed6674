import json
import re

import altair as alt
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from bnteach import plotting


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


@pytest.fixture
def chart():
    m = alt.param(name="m", value=3, bind=alt.binding_range(min=1, max=5, name="m "))
    data = alt.Data(values=[{"x": 1, "y": "</script>"}])
    return alt.Chart(data).mark_point().encode(x="x:Q", y="y:N").add_params(m)


def test_style_gives_every_colour_its_own_line_style():
    with mpl.rc_context():
        plotting.use_style()
        cycle = list(mpl.rcParams["axes.prop_cycle"])
    for key in ("color", "linestyle"):
        assert len({entry[key] for entry in cycle}) == len(cycle) == 4


def test_curves_of_several_seeds_become_mean_and_band(ax):
    values = np.array([[0.0, 1.0], [2.0, 3.0]])
    assert plotting.plot_curves(ax, [0, 10], {"a": values}, ylabel="y") is ax
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [1.0, 2.0])
    band = ax.collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (0.0, 3.0)
    assert ax.get_ylabel() == "y"


def test_a_single_curve_has_no_band(ax):
    plotting.plot_curves(ax, [0, 10], {"a": [1.0, 2.0]})
    assert not ax.collections


def test_curve_of_wrong_length(ax):
    with pytest.raises(ValueError, match=r"'a' with 3 points.*\(1, 2\)"):
        plotting.plot_curves(ax, [0, 1, 2], {"a": [1.0, 2.0]})


def test_percentiles(ax):
    values = np.arange(6.0).reshape(2, 3)
    assert plotting.plot_percentiles(ax, [0, 10], values) is ax
    assert [list(line.get_ydata()) for line in ax.lines] == [[0, 3], [1, 4], [2, 5]]
    assert [text.get_text() for text in ax.texts] == ["15th", "50th", "85th"]
    with pytest.raises(ValueError, match=r"\(2, 3\).*\(3, 2\)"):
        plotting.plot_percentiles(ax, [0, 10], values.T)


def test_interactive_on_the_site(chart, monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    page = plotting.interactive(chart, 'moves "m"')._repr_html_()
    assert page.count("</script>") == 1  # the one inside the data is escaped
    spec = json.loads(re.search(r"vegalite\+json\">(.*?)</script>", page).group(1))
    assert spec["data"]["values"][0]["y"] == "</script>"
    assert spec["description"] == 'moves "m"'
    assert 'alt="moves &quot;m&quot;"' in page
    assert "data:image/png;base64,iVBOR" in page
    assert "http" not in page.replace(spec["$schema"], "")


def test_interactive_in_a_live_notebook_brings_its_script(chart, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "a.ipynb")
    page = plotting.interactive(chart, "one")._repr_html_()
    other = plotting.interactive(chart.properties(width=9), "two")._repr_html_()
    div = re.compile(r'id="(bn-[0-9a-f]+)"')
    assert div.search(page).group(1) != div.search(other).group(1)
    assert len(page) > 500_000
    assert not re.search(r"<script[^>]+src=", page)


def test_interactive_needs_a_description(chart):
    with pytest.raises(ValueError, match="Received: ' '"):
        plotting.interactive(chart, " ")
