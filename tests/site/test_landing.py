"""What the first page is made of: recorded numbers, a card for each chapter."""

import json
import re
import sys

import nbformat
import pytest
import small_site
from bs4 import BeautifulSoup

from bnteach.runs import results

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="10pt" height="5pt"></svg>'


@pytest.fixture(scope="module")
def recorded():
    sys.path.insert(0, str(small_site.EXTENSIONS))
    import recorded_numbers

    return recorded_numbers


def test_number_is_that_of_the_run(recorded):
    parts = json.loads((results.RECORDED / "deep_network.json").read_text("utf-8"))
    seeds = parts["variants"]["plain"]
    mean = sum(part["measured"]["test_accuracy"] for part in seeds) / len(seeds)
    text = recorded.number("deep_network | plain | test_accuracy | 1")
    assert text == f"{100 * mean:.1f}\N{NO-BREAK SPACE}%"
    ends = [part["curves"]["loss"][-1] for part in seeds]
    wanted = sum(ends) / len(ends)
    assert recorded.number("deep_network | plain | loss | 3") == f"{wanted:.3f}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("deep_network | plain", "expected run | variant | quantity"),
        ("deep_netwrk | plain | loss", "Received: 'deep_netwrk'"),
        ("deep_network | plan | loss", "expected a variant among plain, "),
        ("deep_network | plain | speed", "expected one of accuracy, "),
    ],
)
def test_what_a_run_does_not_have_stops_the_build(tmp_path, text, message):
    pages = {"index.md": f"# A page\n\nIt is {{recorded}}`{text}`.\n"}
    _, warnings = small_site.build(tmp_path, pages, ["recorded_numbers"])
    assert message in warnings


def notebook(title, question, picture):
    figure = {"mystnb": {"figure": {"name": "fig-a"}}}
    shown = nbformat.v4.new_output("display_data", picture)
    opening = f"# {title}\n\nSome facts first. {question} More text."
    goals = "**Prerequisites** none. 17 minutes to read."
    return [opening, ("draw()", figure, [shown]), goals]


def test_every_chapter_has_a_card_with_its_question_minutes_and_picture(tmp_path):
    still = '<div><img class="bn-still" alt="x" src="data:image/png;base64,AAAA"></div>'
    pages = {
        "index.md": "# Start\n\n:::{chapter-cards}\n:::\n\n"
        "```{toctree}\n01_one\n02_two\nother\n```\n",
        "01_one.ipynb": notebook("One", "What is {term}`it`?", {"image/svg+xml": SVG}),
        "02_two.ipynb": notebook("Two", "Why?", {"text/html": still}),
        "other.md": "# Another\n",
    }
    html, _ = small_site.build(tmp_path, pages, ["chapter_cards"])
    page = BeautifulSoup((html / "index.html").read_text("utf-8"), "html.parser")
    cards = page.select(".bn-cards li")
    texts = [re.sub(r"\s+", " ", card.get_text(" ").strip()) for card in cards]
    assert texts == ["1. One What is it? 17 minutes", "2. Two Why? 17 minutes"]
    assert [card.a["href"] for card in cards] == ["01_one.html", "02_two.html"]
    kinds = [card.img["src"].partition(";")[0] for card in cards]
    assert kinds == ["data:image/svg+xml", "data:image/png"]
