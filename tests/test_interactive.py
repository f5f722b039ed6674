import json
import re

import altair as alt
import numpy as np
import pytest

from bnteach import interactive, palette, plotting


def make_chart(**options):
    m = alt.param(name="m", value=3, bind=alt.binding_range(min=1, max=5, name="m "))
    kind = alt.binding_select(options=["a", "b"], name="kind: ")
    kind = alt.param(name="kind", value="b", bind=kind)
    on = alt.param(name="on", value=True, bind=alt.binding_checkbox())
    sample = alt.param(name="sample", value=0)
    data = alt.Data(values=[{"x": 1, "y": "</script>"}])
    chart = alt.Chart(data, **options).mark_point().encode(x="x:Q", y="y:N")
    return chart.add_params(m, kind, on, sample)


@pytest.fixture
def chart(monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    return make_chart()


def stored(page):
    return json.loads(re.search(r"vegalite\+json\">(.*?)</script>", page)[1])


def test_interactive_on_the_site(chart):
    page = plotting.interactive(chart, 'moves "m"')._repr_html_()
    assert page.count("</script>") == 1  # the one inside the data is escaped
    spec = stored(page)
    assert spec["data"]["values"][0]["y"] == "</script>"
    assert spec["description"] == 'moves "m"'
    assert re.search(r'<img class="bn-still"[^>]* alt="moves &quot;m&quot;"', page)
    assert "data:image/svg+xml;base64," in page
    assert "http" not in page.replace(spec["$schema"], "")
    assert page == plotting.interactive(make_chart(), 'moves "m"')._repr_html_()


def test_controls_have_a_name_of_their_own(chart):
    page = plotting.interactive(chart, "one")._repr_html_()
    assert not any("bind" in param for param in stored(page)["params"])
    labels = re.findall(
        r'<label for="([^"]+)">([^<]*)</label><(\w+)[^>]*id="([^"]+)', page
    )
    assert [label[1:3] for label in labels] == [
        ("m", "input"),
        ("kind", "select"),
        ("on", "input"),
    ]
    assert all(for_ == id_ for for_, _, _, id_ in labels)
    assert '<option value="1" selected>b</option>' in page
    assert re.search(r'type="checkbox"[^>]* checked>', page)
    assert page.count(" disabled") == 4  # until the figure is live, with the button


def test_new_sample_is_offered_where_it_is_asked_for(chart):
    assert "New sample" not in plotting.interactive(chart, "one")._repr_html_()
    figure = plotting.interactive(chart, "one", new_sample="sample")
    assert "New sample" in figure._repr_html_()
    with pytest.raises(ValueError, match=r"'sample'\]. Received: 'seed'"):
        plotting.interactive(chart, "one", new_sample="seed")


def test_letters_are_large_enough_for_a_phone(chart):
    text = alt.Chart(alt.Data(values=[{}])).mark_text(fontSize=9, text="a")
    spec = plotting.interactive(chart & text, "two").spec()
    sizes = re.findall(r'[fF]ontSize": (\d+)', json.dumps(spec))
    assert len(sizes) > 5
    assert min(map(int, sizes)) >= 13


def test_configuration_of_the_author_wins(chart):
    chart = chart.configure_axis(gridColor="#123456")
    config = plotting.interactive(chart, "one").spec()["config"]
    assert config["axis"]["gridColor"] == "#123456"
    assert config["axis"]["labelColor"] == palette.INK


@pytest.mark.parametrize("make", [lambda c: c, lambda c: c & c, lambda c: c | c])
def test_still_picture_is_as_wide_as_the_text(make):
    c = make_chart(width=50, height=120)
    page = interactive.Interactive(make(c), "one").page_html()
    width = int(re.search(r'alt="one" width="(\d+)"', page)[1])
    assert abs(width - interactive.WIDE) <= 4


def test_room_for_stacked_charts_is_kept_on_a_phone():
    heights = []
    for chart in (make_chart(height=120), make_chart(height=120) | make_chart()):
        page = interactive.Interactive(chart, "one").page_html()
        heights.append(re.findall(r"height: (\d+)px", page))
    (wide, narrow), (row, column) = heights
    assert wide == narrow
    assert int(column) > 1.4 * int(row)


def test_interactive_in_a_live_notebook_brings_its_script(chart, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "a.ipynb")
    page = plotting.interactive(chart, "one")._repr_html_()
    assert len(page) > 500_000
    assert not re.search(r"<script[^>]+src=", page)
    assert "class Figure" in page
    assert ".bn-plot" in page


def test_interactive_needs_a_description(chart):
    with pytest.raises(ValueError, match="Received: ' '"):
        plotting.interactive(chart, " ")


def test_drawn_numbers_are_normal_and_differ_between_samples():
    names = {f: getattr(np, f) for f in ("abs", "sin", "floor", "sqrt", "log", "cos")}
    names |= {"PI": np.pi, "max": np.maximum}
    i, sample = np.meshgrid(np.arange(1000), np.arange(50), indexing="ij")
    draws = eval(interactive.normal_draw("i", "s"), {**names, "i": i, "s": sample})
    assert abs(draws.mean()) < 0.02
    assert abs(draws.std() - 1) < 0.02
    # Of a normal distribution 2.28 % lie above two standard deviations.
    assert abs((draws > 2).mean() - 0.0228) < 0.003
    between = np.corrcoef(draws.T) - np.eye(50)
    within = np.corrcoef(draws[:-1].ravel(), draws[1:].ravel())[0, 1]
    assert np.abs(between).max() < 0.2  # of 1000 draws: 6 standard errors
    assert abs(within) < 0.02
