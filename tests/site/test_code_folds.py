"""Folded cells share one named bar; a key figure stands where its author wants it."""

import re

import pytest
import small_site
from bs4 import BeautifulSoup
from nbformat.v4 import new_output

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA"
    "AABJRU5ErkJggg=="
)


def cell(code, *tags, figure=None, output=None, **metadata):
    """Return a cell for `small_site`, with a picture or a text as its output."""
    outputs, given = [], {"tags": list(tags), **metadata}
    if figure:
        picture = {"image/png": PIXEL, "text/plain": "<Figure>"}
        outputs = [new_output("display_data", picture)]
        given["mystnb"] = {
            "figure": {"caption": f"The caption of {figure}.", "name": figure},
            "image": {"alt": "a picture of one point"},
        }
    elif output:
        outputs = [new_output("stream", name="stdout", text=output)]
    return code, given, outputs


CELLS = [
    "# First",
    cell("import numpy", "plumbing"),
    "## Section",
    cell("def helper(): ...", "hide-input"),
    cell("draw()", "hide-input", figure="fig-one"),
    cell("assert claim", "plumbing", output="claim holds"),
    cell("draw(2)", "hide-input", figure="fig-two"),
    "Text.",
    cell("print(2)", "hide-input", output="printed"),
    "Text.",
    cell("assert other", "plumbing"),
    "Text.",
    cell("def other(): ...", "plumbing"),
    "Text.",
    cell("1 + 1", output="2"),
    cell("named()", "plumbing", mystnb={"code_prompt_show": "The recorder"}),
]
KEY = ["# Second", ":::{key-figure} fig-late\n:::", "Text.", cell("1 + 1")]
KEY += ["## Section", cell("draw()", figure="fig-early")]
KEY += ["See {numref}`fig-late`.", cell("draw()", "hide-input", figure="fig-late")]
INDEX = "# Index\n\n```{toctree}\n:numbered:\nfirst\nsecond\n```\n"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("folds")
    pages = {"index.md": INDEX, "first.ipynb": CELLS, "second.ipynb": KEY}
    html, warnings = small_site.build(folder, pages, ["code_folds", "key_figure"])
    assert warnings == ""
    return html


def page(built, name):
    return BeautifulSoup((built / name).read_text("utf-8"), "html.parser")


@pytest.fixture(scope="module")
def bars(built):
    """The folded bars of the first page, by their names."""
    found = page(built, "first.html").select("details.bn-fold")
    return {bar.summary.get_text(): bar for bar in found}


def code_in(bar):
    return [pre.get_text().strip() for pre in bar.select(".cell_input pre")]


def test_bars_are_named_by_figure_or_by_what_the_code_is_for(bars):
    assert list(bars) == [
        "Set-up",
        "Code of Fig. 1.1 and its checks",
        "Code of Fig. 1.2",
        "Code of this output",
        "Checks",
        "Helper code",
        "The recorder",
    ]


def test_helpers_figure_and_checks_share_one_bar_in_their_order(bars):
    bar = bars["Code of Fig. 1.1 and its checks"]
    assert code_in(bar) == ["def helper(): ...", "draw()", "assert claim"]
    assert code_in(bars["Code of Fig. 1.2"]) == ["draw(2)"]


def test_bar_stands_below_its_figure_which_stays_in_sight(built):
    figure = page(built, "first.html").find(id="fig-one")
    assert figure.find_parent("details") is None
    assert figure.find_next("details").summary.get_text().startswith("Code of Fig. 1.1")


def test_output_of_a_check_is_folded_and_that_of_other_cells_is_not(built, bars):
    assert "claim holds" in bars["Code of Fig. 1.1 and its checks"].get_text()
    text = page(built, "first.html").find(string=re.compile("printed"))
    assert text.find_parent("details") is None


def test_cell_without_the_tags_is_not_folded(built):
    visible = [
        pre.get_text().strip()
        for pre in page(built, "first.html").select(".cell_input pre")
        if not pre.find_parent("details")
    ]
    assert visible == ["1 + 1"]


def test_page_with_folds_says_what_they_hold(built):
    assert len(page(built, "first.html").select(".bn-fold-note")) == 1
    assert page(built, "index.html").select(".bn-fold-note") == []


def test_key_figure_is_moved_and_numbered_where_it_stands(built):
    second = page(built, "second.html")
    assert len(second.find_all(id="fig-late")) == 1
    key = second.select_one(".bn-key-figure figure")
    assert key["id"] == "fig-late"
    assert key.select_one(".caption-number").get_text().strip() == "Fig. 2.1"
    assert key.find_next("div", class_="cell_input").get_text().strip() == "1 + 1"
    assert second.select_one("a.reference .std-numref").get_text() == "Fig. 2.1"
    bar = second.select("details.bn-fold")[-1]
    assert bar.summary.get_text() == "Code of Fig. 2.1"


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (
            [":::{key-figure} fig-none\n:::"],
            "of this page. Received: 'fig-none'",
        ),
        ([cell("draw()", "plumbing", figure="fig-x")], "no figure in a cell with the"),
    ],
)
def test_mistake_of_an_author_is_a_warning(tmp_path, cells, told):
    pages = {"index.ipynb": ["# Page", *cells]}
    _, warnings = small_site.build(tmp_path, pages, ["code_folds", "key_figure"])
    assert told in warnings
    assert re.search(r"index\.ipynb:\d+: ", warnings)
