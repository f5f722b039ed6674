"""The script of the figures on a handful of numbers: what a reader moves, follows."""

import nbformat
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from mode_rows import ROWS
from playwright.sync_api import sync_playwright
from site_browser import Visitor, chromium, served
from small_site import build

from bnteach import page_figures
from bnteach.batch_norm import batch_norm_train
from bnteach.page_figures.figure import FILES

pytestmark = pytest.mark.browser
X = [1.0, 2.0, 3.0, 4.0, 10.0]
FIGURES = {
    "fig-lines": page_figures.number_lines(
        X, 2.0, 5.0, name="fig-lines", description="number lines"
    ),
    "fig-coupling": page_figures.coupling(
        X, name="fig-coupling", description="coupling"
    ),
    "fig-steps": page_figures.backward_steps(
        X, [1, 0, 0, 0, 0], 2.0, name="fig-steps", description="steps"
    ),
    "fig-modes": page_figures.mode_chart(ROWS, name="fig-modes", description="modes"),
}


def cell(name, figure):
    data = {"text/html": figure.page, "text/plain": repr(figure)}
    output = nbformat.v4.new_output("display_data", data)
    look = {"mystnb": {"figure": {"caption": "A caption.", "name": name}}}
    return ("1", look, [output])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    cells = ["# A page", *(cell(*figure) for figure in FIGURES.items())]
    pages = {"index.ipynb": cells, "other.md": "# Another page\n"}
    folder = tmp_path_factory.mktemp("site")
    path = str(FILES)
    paths = ["_static", path]
    html, _ = build(folder, pages, ["page_figures"], html_static_path=paths)
    return html


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright, chromium(playwright) as browser:
        yield browser


@pytest.fixture(scope="module")
def address(site):
    with served(site) as address:
        yield address


@pytest.fixture
def visitor(browser, address):
    visitor = Visitor(browser, address, viewport={"width": 1280, "height": 900})
    yield visitor
    # The theme misses its settings, and the site has no icon.
    own = [text for text in visitor.complaints if "theme mode" not in text]
    assert [text for text in own if "404" not in text] == []
    visitor.context.close()


def figure(page, name):
    return page.locator(f'.bn-numbers[data-name="{name}"]')


def values(figure, row):
    text = figure.locator(f'[data-row="{row}"] .bn-values').text_content()
    return [float(word) for word in text.replace("\N{MINUS SIGN}", "-").split()]


def entries(figure):
    texts = figure.locator("td").all_text_contents()
    numbers = [float(text.replace("\N{MINUS SIGN}", "-")) for text in texts]
    return np.reshape(numbers, (5, 5))


def test_first_state_stands_as_the_package_wrote_it(visitor):
    page = visitor.go("index.html")
    for name in ("fig-lines", "fig-coupling"):
        moved = figure(page, name).evaluate("f => f.querySelector('svg').outerHTML")
        start = FIGURES[name].page
        for mark in ("bn-values", "bn-stat"):
            shown = [part.split("<")[0] for part in moved.split(mark)[1:]]
            assert [text.split(">")[1] for text in shown] == [
                part.split("<")[0].split(">")[1] for part in start.split(mark)[1:]
            ]


def test_keys_move_a_value_and_all_that_depends_on_it(visitor):
    page = visitor.go("index.html")
    lines = figure(page, "fig-lines")
    slider = lines.get_by_role("slider", name="value 5")
    slider.press("PageDown")
    slider.press("ArrowLeft")
    moved = [1, 2, 3, 4, 8.9]
    assert slider.get_attribute("aria-valuenow") == "8.9"
    y, _ = batch_norm_train(np.array(moved)[:, None], [2.0], [5.0])
    assert values(lines, 0) == moved
    np.testing.assert_allclose(values(lines, 4), y[:, 0], atol=0.0051)
    lines.get_by_label("gamma").fill("-1.5")
    y, _ = batch_norm_train(np.array(moved)[:, None], [-1.5], [5.0])
    np.testing.assert_allclose(values(lines, 4), y[:, 0], atol=0.0051)
    lines.get_by_role("button", name="Reset").click()
    assert values(lines, 0) == X


def test_dragging_stops_at_the_ends(visitor):
    page = visitor.go("index.html")
    lines = figure(page, "fig-lines")
    lines.scroll_into_view_if_needed()
    dot = lines.locator(".bn-handle .bn-dot").nth(4).bounding_box()
    x, y = dot["x"] + dot["width"] / 2, dot["y"] + dot["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 60, y, steps=3)
    dragged = values(lines, 0)[4]
    assert 7 < dragged < 9.5
    page.mouse.move(x + 600, y)
    page.mouse.up()
    assert values(lines, 0)[4] == 10
    page.mouse.move(x, y)
    assert values(lines, 0)[4] == 10


def test_slopes_follow_in_both_modes(visitor):
    page = visitor.go("index.html")
    coupling = figure(page, "fig-coupling")
    coupling.get_by_role("slider", name="value 1").press("End")
    moved = [10, 2, 3, 4, 10]
    np.testing.assert_allclose(
        entries(coupling), page_figures.jacobian(moved), atol=0.0051
    )
    coupling.get_by_label("inference mode").check()
    spread = np.sqrt(np.var(X) + 1e-3)
    np.testing.assert_allclose(entries(coupling), np.eye(5) / spread, atol=0.0051)
    np.testing.assert_allclose(
        values(coupling, 1), (np.array(moved) - 4) / spread, atol=0.0051
    )


def test_steps_go_on_and_back_and_show_one_arrow_after_another(visitor):
    page = visitor.go("index.html")
    steps = figure(page, "fig-steps")
    count = len(page_figures.walk_back(X, [1, 0, 0, 0, 0], 2.0))
    for _ in range(count - 1):
        steps.get_by_role("button", name="Next").click()
    steps.get_by_role("button", name="Next").press("ArrowRight")
    assert steps.locator(".bn-where").text_content() == f"Step {count} of {count}"
    assert steps.locator(".bn-arrow.bn-done").count() == count - 1
    steps.get_by_role("button", name="Back").press("ArrowLeft")
    assert steps.locator("li.bn-now").get_attribute("value") == str(count - 1)
    steps.get_by_role("button", name="Reset").click()
    assert steps.locator("li:visible").count() == 1


def test_choices_light_another_way_through_the_flowchart(visitor):
    page = visitor.go("index.html")
    modes = figure(page, "fig-modes")
    call = modes.get_by_label("training at the call")
    assert call.is_disabled()
    modes.get_by_label("call", exact=True).select_option("model(x)")
    assert modes.locator(".bn-outcome.bn-now text").all_text_contents() == [
        "moving statistics",
        "nothing moves",
    ]
    call.select_option("True")
    assert modes.locator(".bn-statistics").text_content() == "batch statistics"
    assert modes.locator(".bn-asked.bn-now").count() == 5
    moves = modes.locator("[data-moves]").all_text_contents()
    assert moves == ["stays", "stays", "moves", "moves"]
    modes.get_by_label("trainable").select_option("True, then False")
    assert modes.locator(".bn-asked.bn-now").count() == 1
    assert "fig-modes.trainable=True%2C+then+False" in page.url
    modes.get_by_label("call", exact=True).select_option("fit")
    assert call.is_disabled()
    assert call.input_value() == "unset"
    modes.get_by_role("button", name="Reset").click()
    assert modes.locator(".bn-asked.bn-now").count() == 4
    page = visitor.go("other.html")
    page = visitor.go("index.html#fig-modes.caller=predict&fig-modes.trainable=x")
    modes = figure(page, "fig-modes")
    assert modes.locator(".bn-asked.bn-now").count() == 2
    assert modes.get_by_label("trainable").input_value() == "True"


def test_copied_address_shows_the_same_state_and_reset_clears_it(visitor, browser):
    page = visitor.go("index.html")
    figure(page, "fig-lines").get_by_role("slider", name="value 2").press("End")
    figure(page, "fig-coupling").get_by_label("inference mode").check()
    figure(page, "fig-steps").get_by_role("button", name="Next").click()
    other = Visitor(browser, "").go(page.url)
    assert values(figure(other, "fig-lines"), 0) == [1, 10, 3, 4, 10]
    assert figure(other, "fig-coupling").get_by_label("inference mode").is_checked()
    assert figure(other, "fig-steps").locator("li.bn-now").get_attribute("value") == "2"
    for name in FIGURES:
        figure(other, name).get_by_role("button", name="Reset").click()
    assert "#" not in other.url
    other.context.close()


def test_address_typed_later_is_followed_and_a_change_is_told_to_others(visitor):
    page = visitor.go("index.html#fig-other.m=5")
    page.evaluate("() => { window.told = 0; onhashchange = () => (told += 1); }")
    lines = figure(page, "fig-lines")
    lines.get_by_role("slider", name="value 1").press("End")
    assert page.evaluate("told") == 1
    assert "fig-other.m=5" in page.url
    page.evaluate("location.hash = '#fig-lines.gamma=-1&fig-steps.step=4'")
    page.wait_for_function("told > 1")
    assert values(lines, 0) == X
    assert lines.get_by_label("gamma").input_value() == "-1"
    assert figure(page, "fig-steps").locator("li.bn-now").get_attribute("value") == "4"


def test_nonsense_in_the_address_is_passed_over(visitor):
    page = visitor.go(
        "index.html#fig-lines.x=1,a,3,4,99&fig-lines.gamma=x&fig-steps.step=99"
    )
    assert values(figure(page, "fig-lines"), 0) == X
    page = visitor.go("other.html")
    page = visitor.go("index.html#fig-lines.x=-5,2,3,4,99&fig-lines.gamma=7")
    assert values(figure(page, "fig-lines"), 0) == [0, 2, 3, 4, 10]
    assert figure(page, "fig-lines").get_by_label("gamma").input_value() == "3"


def test_without_scripts_all_stands_and_nothing_offers_to_move(browser, address):
    visitor = Visitor(browser, address, java_script_enabled=False)
    page = visitor.page
    page.goto(address + "index.html")
    steps = figure(page, "fig-steps")
    assert steps.locator("li:visible").count() == 12
    assert steps.locator(".bn-arrow text:visible").count() == 12
    assert page.locator(".bn-numbers button:visible").count() == 0
    assert values(figure(page, "fig-lines"), 0) == X
    visitor.context.close()


def test_print_has_every_step_and_says_that_the_figure_moves(visitor):
    page = visitor.go("index.html")
    page.emulate_media(media="print")
    steps = figure(page, "fig-steps")
    assert steps.locator("li:visible .bn-rule:visible").count() == 12
    assert page.locator(".bn-numbers button:visible").count() == 0
    note = "f => getComputedStyle(f, '::after').content"
    assert "website" in steps.evaluate(note)


def test_in_a_notebook_the_figure_brings_its_script(browser, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "a.ipynb")
    page = browser.new_page()
    parts = [shown._repr_html_() for shown in FIGURES.values()]
    page.set_content("<!doctype html>" + "".join(parts))
    slider = figure(page, "fig-lines").get_by_role("slider", name="value 1")
    slider.press("End")
    assert values(figure(page, "fig-lines"), 0) == [10, *X[1:]]
    assert page.url == "about:blank"
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_and_nothing_is_cut_off(browser, address, scheme, width):
    size = {"width": width, "height": 900}
    visitor = Visitor(browser, address, viewport=size, color_scheme=scheme)
    page = visitor.go("index.html")
    figure(page, "fig-steps").get_by_role("button", name="Next").click()
    found = Axe().run(page, {"include": [[".bn-numbers"]]}).response["violations"]
    assert [violation["id"] for violation in found] == []
    wide = "e => e.scrollWidth > e.clientWidth + 1"
    for name in FIGURES:
        assert not figure(page, name).evaluate(wide), name
    visitor.context.close()


def test_only_a_page_with_such_a_figure_loads_the_script(visitor):
    visitor.go("other.html")
    assert not any("bn-numbers" in url for url in visitor.requests)
