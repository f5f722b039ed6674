"""Small copies of the playground in other pages, and the links that set it."""

import re
import shutil

import nbformat
import playground
import pytest
import small_site
from axe_playwright_python.sync_playwright import Axe
from site_browser import Visitor

BOOK = small_site.ROOT / "book"
FILLER = "\n\n".join(["A line of text."] * 120)
PAGE = f"""# A page

:::{{playground}} accuracy
:knob: b
:settings: depth=1&width=8
:plays:

What is seen.
:::

Try {{try-it}}`batches of two <batch=2&lr=0.05>`.

{FILLER}

:::{{playground}} gradients
:name: fig-rate
:knob: lr
:settings: depth=2&width=8&lr=1&seed=3

What a rate does.
:::

:::{{playground}} loss
:knob: activation
:settings: depth=1&width=8

Another.
:::
"""
PAGES = {
    "index.md": "# Start\n\n```{toctree}\npage\nplay\n```\n",
    "page.md": PAGE,
    "play.md": '# Play\n\n```{raw} html\n<div id="playground"></div>\n```\n',
}
EXTENSIONS = ["playground_page", "playground_embed"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    static = folder / "_static"
    shutil.copytree(playground.SOURCES, static / "playground")
    playground.write_script(static / "playground.js")
    context = {"default_mode": "auto"}
    html, warnings = small_site.build(
        folder, PAGES, EXTENSIONS, playground_page="play", html_context=context
    )
    assert warnings == ""
    return html.as_uri() + "/"


@pytest.fixture
def visitor(browser, site):
    visitor = Visitor(browser, site, viewport={"width": 1280, "height": 900})
    yield visitor
    assert visitor.complaints == []
    assert visitor.foreign() == []
    visitor.context.close()


def live(page, place):
    """Bring a copy into view; return it when it has begun."""
    copy = page.locator(".pg-embed").nth(place)
    copy.scroll_into_view_if_needed()
    copy.locator(".pg-name", has_text=":").first.wait_for()
    return copy


def scripts(visitor):
    return [url for url in visitor.requests if url.endswith("playground.js")]


def until(page, copy, condition):
    page.wait_for_function(f"(e) => {condition}", arg=copy.element_handle())


def test_copies_start_when_they_come_near_and_share_one_script(visitor):
    page = visitor.go("page.html")
    live(page, 0)
    assert page.locator(".pg-is-live").count() == 1
    live(page, 1)
    live(page, 2)
    assert page.locator(".pg-is-live").count() == 3
    assert len(scripts(visitor)) == 1


def test_page_without_a_copy_loads_nothing_of_it(visitor):
    visitor.go("index.html")
    assert [url for url in visitor.requests if "playground" in url] == []


def test_it_learns_when_it_is_seen_and_rests_when_it_is_not(browser, site):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(site + "page.html")
    copy = live(page, 0)
    step = "+e.querySelector('.pg-step').textContent.slice(5)"
    until(page, copy, f"{step} > 10")
    live(page, 1)
    until(page, copy, "e.querySelector('.pg-play').textContent === 'Go on'")
    before = copy.locator(".pg-step").text_content()
    live(page, 0)
    until(page, copy, f"{step} > {before[5:]}")
    page.close()


def test_it_waits_for_a_reader_who_wants_no_motion(visitor):
    page = visitor.go("page.html")
    copy = live(page, 0)
    page.wait_for_timeout(500)
    assert copy.locator(".pg-step").text_content() == "step 0"
    copy.locator(".pg-play").press("Enter")
    until(page, copy, "/step [1-9]/.test(e.querySelector('.pg-step').textContent)")
    copy.locator(".pg-play").press("Enter")
    until(page, copy, "/After \\d+ steps/.test(e.textContent)")


def test_the_switch_takes_batch_normalization_out_and_begins_anew(visitor):
    page = visitor.go("page.html")
    copy = live(page, 0)
    switch = copy.get_by_role("switch", name="Batch normalization in B")
    assert switch.get_attribute("aria-checked") == "true"
    switch.press("Space")
    until(page, copy, "e.querySelector('.pg-b .pg-name').textContent.includes('no ')")
    assert switch.get_attribute("aria-checked") == "false"
    # Both are the same network now: they stay together.
    copy.locator(".pg-play").click()
    until(page, copy, "/step [1-9]/.test(e.querySelector('.pg-step').textContent)")
    copy.locator(".pg-play").click()
    until(page, copy, "/After \\d+ steps/.test(e.textContent)")
    numbers = copy.locator(".pg-big").all_text_contents()
    assert numbers[0] == numbers[1]
    link = copy.locator(".pg-try").get_attribute("href")
    assert {"b=none", "depth=1", "width=8"} <= set(
        re.search(r"\?(.*)#", link)[1].split("&")
    )


@pytest.mark.parametrize(
    ("place", "role", "key", "expected"),
    [(1, "slider", "ArrowRight", "lr=5"), (2, "combobox", "t", "activation=tanh")],
)
def test_knobs_turn_by_keyboard(visitor, place, role, key, expected):
    page = visitor.go("page.html")
    copy = live(page, place)
    copy.get_by_role(role).press(key)
    until(page, copy, f"e.querySelector('.pg-try').href.includes('{expected}')")


def test_a_named_copy_is_a_numbered_figure(visitor):
    page = visitor.go("page.html")
    figure = page.locator("figure#fig-rate")
    assert "Fig. 1" in figure.locator("figcaption").inner_text()
    assert "What a rate does." in figure.locator("figcaption").inner_text()


def test_links_set_the_playground_with_and_without_scripts(browser, site):
    visitor = Visitor(browser, site, java_script_enabled=False)
    page = visitor.page
    page.goto(site + "page.html")
    links = [link.get_attribute("href") for link in page.locator("a.pg-try").all()]
    assert links == [
        "play.html?depth=1&width=8&seed=1#playground",
        "play.html?batch=2&lr=0.05&seed=1#playground",
        "play.html?depth=2&width=8&lr=1&seed=3#playground",
        "play.html?depth=1&width=8&seed=1#playground",
    ]
    assert "which has not run" in page.inner_text(".pg-embed >> nth=0")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_accessible_and_within_its_width(browser, site, scheme, width):
    size = {"width": width, "height": 900}
    visitor = Visitor(browser, site, viewport=size, color_scheme=scheme)
    page = visitor.go("page.html")
    for place in range(3):
        live(page, place)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page, {"include": [[".pg-embed"]]}).response["violations"]
    assert [f"{v['id']}: {n['html']}" for v in found for n in v["nodes"]] == []
    visitor.context.close()


def test_room_of_a_copy_is_kept_before_it_is_there(browser, site):
    for width in (390, 700, 1280):
        size = {"width": width, "height": 900}
        visitor = Visitor(browser, site, viewport=size)
        page = visitor.go("page.html")
        before = page.evaluate("document.querySelector('.pg-embed').offsetHeight")
        copy = live(page, 0)
        copy.locator(".pg-play").click()
        until(page, copy, "/step [1-9]/.test(e.querySelector('.pg-step').textContent)")
        copy.locator(".pg-play").click()
        until(page, copy, "/After \\d+ steps/.test(e.textContent)")
        assert copy.evaluate("e => e.offsetHeight") == before
        visitor.context.close()


def test_every_directive_and_link_of_the_book_has_settings_that_exist(browser):
    engine = browser.new_page()
    engine.add_script_tag(content=playground.joined("settings.js"))
    texts = [path.read_text("utf-8") for path in BOOK.glob("*.md")]
    for path in BOOK.glob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        texts += [cell.source for cell in cells if cell.cell_type == "markdown"]
    book = "\n".join(texts)
    queries = re.findall(r"\{try-it\}`[^<`]*<([^>]*)>`", book)
    for options in re.findall(r"\{playground\} \w+\n((?::.*\n)*)", book):
        queries += re.findall(r"^:settings:(.*)$", options, re.MULTILINE)
        knobs = re.findall(r"^:knob:(.*)$", options, re.MULTILINE)
        assert engine.evaluate(
            "(names) => names.every((n) => n.trim() in KNOBS)", knobs
        )
    assert re.search(r"\{playground\} \w+\n", book)
    faults = engine.evaluate(
        "(all) => all.flatMap((q) => readQuery(q).faults)", queries
    )
    assert faults == []
    engine.close()
