"""A link to a term shows its definition, by mouse, keyboard and touch."""

import pytest
import small_site
from bs4 import BeautifulSoup
from site_browser import Visitor

GLOSSARY = """# Glossary

```{glossary}
batch mean
batch average
  The mean over the {term}`batch`, as in [the start](index.md).

batch
  The examples of one step.
```
"""
INDEX = """# Start

The {term}`batch average` is subtracted. A {term}`batch` is small.

```{toctree}
glossary
plain
```
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("terms")
    pages = {"index.md": INDEX, "glossary.md": GLOSSARY, "plain.md": "# Plain\n"}
    html, warnings = small_site.build(folder, pages, ["glossary_tips"])
    assert warnings == ""
    return html


def open_page(browser, site, **context):
    visitor = Visitor(browser, site.as_uri() + "/", **context)
    page = visitor.go("index.html")
    return visitor, page, page.get_by_role("link", name="batch average")


@pytest.fixture
def page_and_link(browser, site):
    visitor, page, link = open_page(browser, site)
    yield page, link
    visitor.context.close()


def tip(page):
    return page.locator(".bn-tip")


def test_link_is_described_by_its_definition_without_links(site):
    page = BeautifulSoup((site / "index.html").read_text("utf-8"), "html.parser")
    link = page.find("a", string="batch average")
    described = page.find(id=link["aria-describedby"])
    assert described.get_text().strip() == "The mean over the batch, as in the start."
    assert described.find("a") is None
    assert len(page.select(".bn-terms > div")) == 2


def test_page_without_terms_carries_nothing(site):
    plain = (site / "plain.html").read_text("utf-8")
    assert "bn-terms" not in plain


def test_mouse_shows_the_definition_and_may_move_onto_it(page_and_link):
    page, link = page_and_link
    assert tip(page).is_hidden()
    link.hover()
    tip(page).wait_for(state="visible")
    assert "mean over the batch" in tip(page).inner_text()
    tip(page).hover()
    page.wait_for_timeout(400)
    assert tip(page).is_visible()
    page.get_by_role("heading", name="Start").hover()
    tip(page).wait_for(state="hidden")


def test_focus_shows_and_escape_takes_away(page_and_link):
    page, link = page_and_link
    link.focus()
    assert tip(page).is_visible()
    page.keyboard.press("Escape")
    assert tip(page).is_hidden()
    assert link.evaluate("e => e === document.activeElement")
    page.get_by_role("link", name="batch", exact=True).focus()
    assert "one step" in tip(page).inner_text()


def test_keyboard_follows_the_link(page_and_link):
    page, link = page_and_link
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/glossary.html#term-batch-average")


def test_first_tap_shows_the_second_follows(browser, site):
    size = {"width": 390, "height": 844}
    visitor, page, link = open_page(browser, site, has_touch=True, viewport=size)
    link.tap()
    tip(page).wait_for(state="visible")
    assert page.url.endswith("index.html")
    box = tip(page).bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    page.get_by_role("heading", name="Start").tap()
    assert tip(page).is_hidden()
    link.tap()
    link.tap()
    page.wait_for_url("**/glossary.html#term-batch-average")
    visitor.context.close()


def test_tip_stays_inside_the_window(browser, site):
    visitor, page, link = open_page(browser, site)
    page.evaluate("document.querySelector('article').style.paddingTop = '70vh'")
    page.evaluate("scrollTo(0, 0)")
    link.evaluate("e => e.scrollIntoView({block: 'end'})")
    link.focus()
    box = tip(page).bounding_box()
    assert box["y"] + box["height"] <= page.viewport_size["height"]
    visitor.context.close()
