"""What the built pages look like: what is folded, cut, named, focused, printed."""

import re
from collections import Counter
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from site_browser import Visitor, require, served

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"
PAGES = sorted(path.relative_to(SITE).as_posix() for path in SITE.glob("book/*.html"))
# Chapters in the form of the second edition; the others follow.
SECOND_EDITION = [
    "book/02_batch_normalization_algorithm.html",
    "book/03_low_level_tensorflow.html",
    "book/04_keras_usage.html",
    "book/01_internal_covariate_shift.html",
]

pytestmark = pytest.mark.browser

MEASURE = """() => {
  const article = document.querySelector("article.bd-article");
  const height = (parts) => parts.reduce((sum, e) => sum + e.offsetHeight, 0);
  const all = (what) => [...article.querySelectorAll(what)];
  const folded = (e) => e.closest("details:not([open])");
  const exercise = (e) => e.closest("div.exercise, div.solution");
  const inputs = all("div.cell_input").filter((e) => !folded(e) && !exercise(e));
  const exercises = all("div.exercise, div.solution")
    .filter((e) => !exercise(e.parentElement));
  const top = (e) => e?.getBoundingClientRect().top;
  const boxes = "pre, .cell_output, .cell_output > .output, div.math," +
    " .pst-scrollable-table-container, .bn-interactive, figure";
  return {
    share: height(inputs) / (article.offsetHeight - height(exercises)),
    inputs: inputs.length,
    figure: top(article.querySelector("figure")),
    code: top(inputs[0]),
    cut: all(boxes).filter((e) => e.scrollWidth > e.clientWidth + 1)
      .map((e) => e.textContent.trim().slice(0, 60)),
  };
}"""


@pytest.fixture(scope="module", autouse=True)
def site():
    return require(SITE if PAGES else None, "the built site", "build it: make book")


@pytest.fixture(scope="module")
def visitor(browser, site):
    with served(site) as address:
        visitor = Visitor(browser, address, viewport={"width": 1280, "height": 900})
        yield visitor
        visitor.context.close()


@pytest.fixture(scope="module")
def measured(visitor):
    return {name: visitor.go(name).evaluate(MEASURE) for name in PAGES}


@pytest.fixture(scope="module")
def parsed(site):
    texts = {name: (site / name).read_text("utf-8") for name in PAGES}
    return {name: BeautifulSoup(text, "html.parser") for name, text in texts.items()}


@pytest.mark.parametrize("name", SECOND_EDITION)
def test_code_takes_at_most_a_third_of_the_height_with_all_folds_closed(measured, name):
    assert measured[name]["inputs"] > 0
    assert measured[name]["share"] <= 1 / 3


@pytest.mark.parametrize("name", SECOND_EDITION)
def test_key_figure_is_on_the_first_screen_before_any_code(measured, name):
    assert measured[name]["figure"] < 900
    assert measured[name]["figure"] < measured[name]["code"]


def test_nothing_typed_or_printed_is_cut_off(measured):
    cut = {name: seen["cut"] for name, seen in measured.items() if seen["cut"]}
    assert cut == {}


def test_ids_are_unique(parsed):
    for name, page in parsed.items():
        ids = Counter(element["id"] for element in page.select("[id]"))
        assert [identity for identity, count in ids.items() if count > 1] == [], name


def test_no_template_is_shipped(site):
    raw = re.compile(r"\{%-? |\{\{ ")
    pages = site.rglob("*.html")
    assert [path.name for path in pages if raw.search(path.read_text("utf-8"))] == []


def test_titles_of_tabs_are_unlike_and_name_nothing_twice(parsed):
    titles = [page.title.get_text() for page in parsed.values()]
    assert len(set(titles)) == len(titles)
    for title in titles:
        parts = title.split(" — ")
        assert len(set(parts)) == len(parts)


def test_every_footer_names_the_licences(parsed):
    for name, page in parsed.items():
        footer = page.select_one("footer.bd-footer-content").get_text(" ")
        assert "CC BY 4.0" in footer, name
        assert "BSD 3-Clause" in footer, name


def test_links_at_the_start_lead_to_every_numbered_figure(parsed):
    for name, page in parsed.items():
        captions = page.select("figure:has(.caption-number)")
        links = [link["href"] for link in page.select("nav.bn-skip a")]
        assert links == [f"#{figure['id']}" for figure in captions], name


def test_link_to_a_figure_is_seen_on_focus_and_brings_the_figure_into_view(visitor):
    page = visitor.go(SECOND_EDITION[0])
    link = page.locator("nav.bn-skip a").last
    assert page.locator("nav.bn-skip").bounding_box()["height"] <= 1
    link.focus()
    assert page.locator("nav.bn-skip").bounding_box()["height"] > 20
    page.keyboard.press("Enter")
    figure = page.locator(f"[id='{link.get_attribute('href')[1:]}']")
    page.wait_for_function(
        "e => Math.abs(e.getBoundingClientRect().top) < 450",
        arg=figure.element_handle(),
    )
    # Under the bar at the top, which stays.
    bar = page.locator(".bd-header-article").bounding_box()
    assert figure.bounding_box()["y"] >= bar["y"] + bar["height"] - 1


@pytest.mark.parametrize(
    "control",
    [
        "button.primary-toggle",
        "button[aria-label='Download this page']",
        "button.theme-switch-button",
        "button.search-button-field",
        "details.bn-fold > summary",
    ],
)
def test_focus_can_be_seen(visitor, control):
    page = visitor.go(SECOND_EDITION[0])
    target = page.locator(f"{control}:visible").first
    page.keyboard.press("Tab")  # the keyboard is in use
    target.focus()
    width, style = target.evaluate(
        "e => [getComputedStyle(e).outlineWidth, getComputedStyle(e).outlineStyle]"
    )
    assert style == "solid"
    assert float(width.removesuffix("px")) >= 2


def test_paper_has_no_empty_box_and_says_what_moves_online(visitor):
    page = visitor.go(SECOND_EDITION[0])
    page.emulate_media(media="print")
    for closed in ("details.bn-fold", "details.bn-hint", ".solution"):
        assert page.locator(closed).count() > 0
        assert page.locator(f"{closed}:visible").count() == 0
    figure = page.locator(".bn-interactive, .bn-numbers").first
    said = figure.evaluate("e => getComputedStyle(e, '::after').content")
    assert "on the page online" in said
    split = page.locator("div.math").first.evaluate(
        "e => getComputedStyle(e).breakInside"
    )
    assert split == "avoid"
    page.emulate_media(media="screen")
