"""All hints of an exercise can be read on the page, one at a time, without a kernel."""

import pytest
import small_site
from bs4 import BeautifulSoup
from nbformat.v4 import new_output

from bnteach.exercises import EXERCISES


def cell(code, *tags, printed="Hint 1 of 3: ..."):
    return code, {"tags": list(tags)}, [new_output("stream", text=printed)]


EXTENSIONS = ["exercise_hints", "code_folds"]
CELLS = [
    "# Page",
    cell('check("batch-norm-forward", mine)', printed="not attempted yet"),
    cell('hint("batch-norm-forward")', "plumbing"),
    "Text.",
    cell('hint("moving-average")', "plumbing"),
    cell("hint('batch-norm-inference')", "plumbing"),
    cell("assert True", "plumbing", printed=""),
    "Text.",
    cell('print("before")\nhint("fold-dense")', "plumbing"),
    "Text.",
    cell('hint("fold-dense")'),
]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hints")
    html, warnings = small_site.build(folder, {"index.ipynb": CELLS}, EXTENSIONS)
    assert warnings == ""
    return BeautifulSoup((html / "index.html").read_text("utf-8"), "html.parser")


def own_text(bar):
    """Return what a bar shows once it is open, with those in it still closed."""
    inner = bar.find("details")
    everything = " ".join(bar.get_text(" ").split())
    return everything.removesuffix(
        " ".join(inner.get_text(" ").split()) if inner else ""
    )


def plain(hint):
    return hint.replace("`", "")


def test_every_hint_is_on_the_page_and_the_next_lies_in_the_bar_of_the_one_before(page):
    bar = page.select_one("details.bn-hint")
    for number, hint in enumerate(EXERCISES["batch-norm-forward"].hints, start=1):
        assert bar.summary.get_text() == f"Hint {number} of 3"
        assert plain(hint) in own_text(bar).replace(" ,", ",")
        assert "open" not in bar.attrs
        bar = bar.find("details")
    assert bar is None


def test_code_in_a_hint_looks_like_code(page):
    third = page.select("details.bn-hint")[2]
    assert [code.get_text() for code in third.find_all("code")] == [
        "mean",
        "var",
        "var",
    ]


def test_hints_beside_each_other_say_what_they_are_for(page):
    first = [bar.summary.get_text() for bar in page.select("details.bn-hint")]
    assert "Hint 1 of 2 for moving-average" in first
    assert "Hint 1 of 2 for batch-norm-inference" in first
    assert "Hint 1 of 3" in first


def test_cells_that_ask_for_hints_leave_the_page_and_others_stay(page):
    shown = [pre.get_text().strip() for pre in page.select(".cell_input pre")]
    assert shown == [
        'check("batch-norm-forward", mine)',
        "assert True",
        'print("before")\nhint("fold-dense")',
        'hint("fold-dense")',
    ]
    folds = [bar.summary.get_text() for bar in page.select("details.bn-fold")]
    assert folds == ["Checks", "Helper code"]


def test_unknown_name_is_a_warning(tmp_path):
    pages = {"index.ipynb": ["# Page", cell('hint("no-such")', "plumbing")]}
    _, warnings = small_site.build(tmp_path, pages, EXTENSIONS)
    assert "expected the name of an exercise. Received: 'no-such'" in warnings
