"""Interactive figures in a page of their own: what a reader can do with them."""

import shutil
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import altair as alt
import pytest
import vl_convert
from playwright.sync_api import expect, sync_playwright
from site_browser import Visitor, chromium, served

from bnteach import interactive

PAGE = Path(interactive.__file__).parent / "page"
HEAD = """<!doctype html><html lang="en" data-theme="light"><meta charset="utf-8">
<title>Figures</title><link rel="stylesheet" href="bn-interactive.css">
<script src="bn-interactive.js"></script>
<link rel="icon" href="data:,"><style>figure { margin: 0 }</style>
<body style="margin: 0 auto; max-width: 700px">"""

pytestmark = pytest.mark.browser


def make_chart(combine=None):
    m = alt.param(name="m", value=3, bind=alt.binding_range(min=1, max=9, name="m "))
    on = alt.param(name="on", value=False, bind=alt.binding_checkbox(name="on"))
    kinds = alt.binding_select(options=["as it is", "doubled"], name="kind")
    kind = alt.param(name="kind", value="as it is", bind=kinds)
    sample = alt.param(name="sample", value=0)
    draw = interactive.normal_draw("datum.x", "sample")
    chart = (
        alt.Chart(alt.Data(values=[{"x": x} for x in range(5)]), height=120)
        .transform_calculate(y=f"m * (kind == 'doubled' ? 2 : 1) + (on ? {draw} : 0)")
        .mark_line()
        .encode(x="x:Q", y=alt.Y("y:Q", scale=alt.Scale(domain=[-3, 20])))
    )
    return (combine(chart) if combine else chart).add_params(m, on, kind, sample)


def figure(name, chart):
    page = interactive.Interactive(chart, f"chart {name}", "sample").page_html()
    return f'<figure id="{name}">{page}<figcaption>{name}</figcaption></figure>'


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright, chromium(playwright) as browser:
        yield browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A page with two figures, then one far below: a row of two charts."""
    folder = tmp_path_factory.mktemp("figures")
    for path in PAGE.iterdir():
        shutil.copy(path, folder)
    bundle = vl_convert.javascript_bundle(vl_version="6.4")
    bundle = f"(() => {{\n{bundle}\n}})();"
    (folder / "vega-bundle.js").write_text(bundle, encoding="utf-8")
    row = figure("row", make_chart(lambda chart: chart | chart))
    space = '<div style="height: 4000px"></div>'
    body = figure("one", make_chart()) + figure("two", make_chart()) + space + row
    (folder / "index.html").write_text(HEAD + body, encoding="utf-8")
    (folder / "far.html").write_text(HEAD + space + row, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def address(folder):
    with served(folder) as address:
        yield address


@pytest.fixture
def visitor(browser, address):
    visitor = Visitor(browser, address, viewport={"width": 1000, "height": 800})
    yield visitor
    assert visitor.complaints == []
    assert visitor.foreign() == []
    visitor.context.close()


def opened(visitor, path="index.html"):
    """Open a page and wait for its first figure."""
    page = visitor.page
    page.goto(visitor.base + path)
    expect(page.locator(".bn-is-live").first).to_be_attached(timeout=10_000)
    return page


def values(page, name):
    """Return what the controls of a figure show."""
    at = page.locator(f"#{name}")
    slider = at.get_by_label("m", exact=True)
    value = slider.input_value(), at.locator(".bn-value").inner_text()
    kind = at.get_by_label("kind", exact=True)
    chosen = kind.evaluate("e => e.selectedOptions[0].text")
    return (*value, at.get_by_label("on", exact=True).is_checked(), chosen)


def in_address(page):
    page.wait_for_timeout(300)
    return dict(parse_qsl(urlsplit(page.url).fragment))


def drawn(page, name):
    return page.locator(f"#{name} .bn-live svg").inner_html()


def test_figure_is_as_wide_as_the_text_and_follows_it(visitor):
    page = opened(visitor)
    for window, text in ((1000, 700), (390, 390), (500, 500)):
        page.set_viewport_size({"width": window, "height": 800})
        page.wait_for_function(
            "wide => Math.abs(wide - document.querySelector('.bn-live svg')"
            ".getAttribute('width')) < 3",
            arg=text,
        )


def test_letters_are_13_pixels_or_more(visitor):
    page = opened(visitor)
    sizes = page.locator("#one .bn-live svg text").evaluate_all(
        "found => found.map((text) => parseFloat(getComputedStyle(text).fontSize))"
    )
    assert len(sizes) > 5
    assert min(sizes) >= 13


def test_controls_change_the_figure_the_value_and_the_address(visitor):
    page = opened(visitor)
    before, other = drawn(page, "one"), drawn(page, "two")
    assert in_address(page) == {}
    page.locator("#one").get_by_label("m", exact=True).focus()
    page.keyboard.press("ArrowRight")
    page.locator("#one").get_by_label("on", exact=True).check()
    page.locator("#one").get_by_label("kind", exact=True).select_option("doubled")
    assert values(page, "one") == ("4", "4", True, "doubled")
    assert drawn(page, "one") != before
    assert drawn(page, "two") == other
    assert in_address(page) == {"one.m": "4", "one.on": "true", "one.kind": "1"}


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_copied_address_shows_the_same_state(visitor, browser, folder, scheme):
    base = visitor.base if scheme == "http" else f"{folder.as_uri()}/"
    visitor.base = base
    page = opened(visitor)
    page.locator("#two").get_by_label("m", exact=True).fill("7")
    page.locator("#one").get_by_label("on", exact=True).check()
    page.locator("#one .bn-new").click()
    page.locator("#one .bn-new").click()
    state = in_address(page)
    assert state == {"two.m": "7", "one.on": "true", "one.sample": "2"}
    shown = [drawn(page, name) for name in ("one", "two")]
    copied = Visitor(browser, base, viewport={"width": 1000, "height": 800})
    page = opened(copied, page.url.removeprefix(base))
    assert [drawn(page, name) for name in ("one", "two")] == shown
    assert values(page, "two")[:2] == ("7", "7")
    assert in_address(page) == state
    assert copied.complaints == []
    copied.context.close()


def test_address_typed_into_an_open_page_is_followed(visitor):
    page = opened(visitor)
    page.evaluate("location.hash = '#one.m=6&one.kind=1'")
    page.wait_for_function("document.querySelector('[name=m]').value === '6'")
    assert values(page, "one") == ("6", "6", False, "doubled")


@pytest.mark.parametrize("text", ["99", "-3", "NaN", "", "1e999", "%3Cscript%3E"])
def test_values_that_cannot_be_are_brought_into_range(visitor, text):
    page = opened(visitor, f"index.html#one.m={text}&one.kind={text}&nobody.x={text}")
    value, shown, _, kind = values(page, "one")
    assert 1 <= float(value) <= 9
    assert shown == value
    assert kind == "as it is"


def test_reset_goes_back_to_the_start_and_cleans_the_address(visitor):
    page = opened(visitor)
    start, before = values(page, "one"), drawn(page, "one")
    page.locator("#one").get_by_label("m", exact=True).fill("8")
    page.locator("#one").get_by_label("on", exact=True).check()
    page.locator("#one .bn-new").click()
    page.locator("#two").get_by_label("m", exact=True).fill("5")
    page.locator("#one .bn-reset").click()
    assert values(page, "one") == start
    page.wait_for_timeout(100)
    assert drawn(page, "one") == before
    assert in_address(page) == {"two.m": "5"}


def test_new_sample_draws_other_numbers_and_sliders_keep_them(visitor):
    page = opened(visitor)
    page.locator("#one").get_by_label("on", exact=True).check()
    seen = set()
    for _ in range(3):
        page.locator("#one .bn-new").click()
        page.wait_for_timeout(100)
        seen.add(drawn(page, "one"))
    assert len(seen) == 3
    slider = page.locator("#one").get_by_label("m", exact=True)
    slider.fill("4")
    slider.fill("3")
    page.wait_for_timeout(100)
    assert drawn(page, "one") in seen


def test_bundle_is_fetched_when_a_figure_comes_near(visitor):
    page = visitor.page
    page.goto(visitor.base + "far.html")
    page.wait_for_timeout(500)
    bundle = f"{visitor.base}vega-bundle.js"
    assert bundle not in visitor.requests
    page.mouse.wheel(0, 3000)
    expect(page.locator(".bn-is-live")).to_be_attached(timeout=10_000)
    assert visitor.requests.count(bundle) == 1


def test_address_leads_to_its_figure(visitor):
    page = visitor.page
    page.goto(visitor.base + "far.html#row.m=5")
    expect(page.locator(".bn-is-live")).to_be_attached(timeout=10_000)
    expect(page.locator("#row")).to_be_in_viewport()


def test_row_of_charts_stacks_on_a_phone_and_keeps_its_values(visitor):
    page = opened(visitor, "far.html#row.m=5")
    box = "e => { const r = e.getBoundingClientRect(); return [r.width, r.height] }"
    svg = page.locator("#row .bn-live svg")
    wide = svg.evaluate(box)
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_timeout(800)
    narrow = svg.evaluate(box)
    assert narrow[0] <= 390
    assert narrow[1] > 1.4 * wide[1]
    assert values(page, "row")[0] == "5"


@pytest.mark.parametrize("width", [1000, 390])
def test_nothing_moves_when_a_figure_becomes_live(visitor, width):
    page = visitor.page
    page.set_viewport_size({"width": width, "height": 800})
    page.add_init_script(
        "window.moved = 0; new PerformanceObserver((list) => {"
        " for (const entry of list.getEntries()) window.moved += entry.value;"
        "}).observe({ type: 'layout-shift', buffered: true });"
    )
    opened(visitor)
    page.wait_for_timeout(300)
    assert page.evaluate("window.moved") <= 0.02


def test_colours_of_the_dark_page_can_be_read(visitor):
    # The style sheet of the dark look is made by the site's extension.
    page = opened(visitor)
    colours = page.locator("#one .bn-live svg [fill]").evaluate_all(
        "found => [...new Set(found.map((e) => e.getAttribute('fill')))]"
    )
    known = {*interactive.palette.DARK, "none", "transparent"}
    assert {colour.lower() for colour in colours if colour} <= known


def test_figure_without_scripts_is_a_picture_without_dead_controls(browser, address):
    visitor = Visitor(browser, address, java_script_enabled=False)
    page = visitor.page
    page.goto(f"{address}index.html")
    still = page.locator("#one .bn-still")
    assert still.is_visible()
    assert still.bounding_box()["width"] > 300
    assert not page.locator("#one form").is_visible()
    visitor.context.close()
