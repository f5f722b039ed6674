"""The playground's page as a visitor meets it."""

import shutil

import playground
import pytest
import small_site
from axe_playwright_python.sync_playwright import Axe
from site_browser import Visitor

THEME_FINDINGS = {"label-content-name-mismatch", "region"}  # as in test_site.py


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    static = folder / "_static"
    shutil.copytree(playground.SOURCES, static / "playground")
    playground.write_script(static / "playground.js")
    text = (small_site.ROOT / "book" / "playground.md").read_text("utf-8")
    pages = {"index.md": text + "\n```{toctree}\nother\n```\n", "other.md": "# Other\n"}
    context = {"default_mode": "auto"}
    html, warnings = small_site.build(
        folder, pages, ["playground_page"], html_context=context
    )
    assert warnings == ""
    return html.as_uri() + "/"


@pytest.fixture(scope="module")
def visitor(browser, base):
    return Visitor(browser, base, viewport={"width": 1280, "height": 900})


def ready(visitor, path):
    page = visitor.go(path)
    page.evaluate("playground.step(0)")
    page.wait_for_function("document.querySelector('.pg-note').textContent")
    return page


def step_shown(page):
    return int(page.inner_text(".pg-step").removeprefix("step "))


def test_script_is_loaded_on_its_page_alone(visitor):
    visitor.go("other.html")
    assert [url for url in visitor.requests if "playground" in url] == []


def test_the_address_holds_settings_seed_and_step(visitor):
    page = ready(visitor, "index.html?depth=1&width=8&b=layer&seed=3&step=5")
    assert page.input_value("[data-setting=b]") == "layer"
    assert step_shown(page) == 5
    page.click(".pg-one")
    page.wait_for_function("location.search.includes('step=6')")
    query = page.evaluate("location.search")
    assert {"depth=1", "width=8", "b=layer", "seed=3"} < set(query[1:].split("&"))
    read = page.evaluate("playground.read()")
    ready(visitor, "index.html" + query)
    assert page.evaluate("playground.read()") == read
    assert visitor.complaints == []
    assert visitor.foreign() == []


def test_a_fault_in_the_address_is_told(visitor):
    page = ready(visitor, "index.html?width=8&lr=fast")
    assert "expected lr to be a number" in page.inner_text(".pg-note")
    assert page.evaluate("playground.read().settings.lr") == 0.1


def test_play_pause_look_back_and_reset_by_keyboard(visitor):
    page = ready(visitor, "index.html?depth=1&width=8")
    page.focus(".pg-play")
    page.keyboard.press("Enter")
    page.wait_for_function("playground.read().step >= 5")
    assert page.inner_text(".pg-play") == "Pause"
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('.pg-play').textContent == 'Go on'")
    assert "test digits right" in page.inner_text(".pg-said")
    page.focus(".pg-look input")
    page.keyboard.press("Home")
    page.wait_for_function("document.querySelector('.pg-step').textContent == 'step 0'")
    assert "Not trained yet" in page.inner_text(".pg-said")
    page.focus(".pg-reset")
    page.keyboard.press("Enter")
    page.wait_for_function("playground.read().step == 0")


def test_on_a_phone_training_brings_what_happens_into_view(browser, base):
    visitor = Visitor(browser, base, viewport={"width": 390, "height": 844})
    page = ready(visitor, "index.html")
    page.evaluate("scrollTo(0, 0)")
    cards = page.locator(".pg-cards")
    assert cards.bounding_box()["y"] > 844
    page.locator(".pg-play").click()
    page.wait_for_function(
        "(e) => e.getBoundingClientRect().bottom <= innerHeight",
        arg=cards.element_handle(),
    )
    assert page.locator(".pg-play").bounding_box()["y"] >= 0
    visitor.context.close()


def test_a_question_sets_the_playground_and_keeps_its_answer_folded(visitor):
    page = ready(visitor, "index.html?width=8")
    page.click(".pg-chips button:has-text('Batches of 2')")
    page.wait_for_function("playground.read().settings.batch === 2")
    assert "Two digits in a batch" in page.inner_text(".pg-asked")
    assert page.query_selector(".pg-asked details[open]") is None
    page.evaluate("document.querySelector('.pg-settings').open = true")
    page.select_option("[data-setting=batch]", "60")
    page.wait_for_function("playground.read().settings.batch === 60")
    assert page.evaluate("playground.read().settings.activation") == "relu"
    assert page.inner_text(".pg-asked") == ""


def test_both_networks_answer_a_digit(visitor):
    page = ready(visitor, "index.html?depth=1&width=8&step=2")
    page.evaluate("document.querySelector('.pg-draw').open = true")
    page.click(".pg-sample")
    page.wait_for_function(
        "/A: \\d .*, B: \\d .*It is a \\d/"
        ".test(document.querySelector('.pg-answer').textContent)"
    )
    page.click(".pg-clear")
    page.focus(".pg-pad canvas")
    for key in (" ", *["ArrowDown"] * 6):
        page.keyboard.press(key)
    page.wait_for_function(
        "/A: \\d .*, B: \\d/.test(document.querySelector('.pg-answer').textContent)"
    )
    assert "It is" not in page.inner_text(".pg-answer")


def test_controls_can_be_left_out(visitor):
    page = ready(visitor, "index.html?width=8&depth=1&controls=none")
    assert not page.is_visible(".pg-play")
    assert page.is_visible(".pg-big")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_accessible_and_within_its_width(browser, base, scheme, width):
    size = {"width": width, "height": 900}
    visitor = Visitor(browser, base, viewport=size, color_scheme=scheme)
    page = ready(visitor, "index.html?width=8&runs=3&step=3")
    page.evaluate("document.querySelectorAll('details').forEach((d) => d.open = true)")
    page.wait_for_function("document.querySelectorAll('.pg-numbers td').length > 10")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page).response["violations"]
    inside = [
        (finding["id"], node["html"])
        for finding in found
        if finding["id"] not in THEME_FINDINGS
        for node in finding["nodes"]
        if "#playground" in str(node["target"]) or "pg-" in node["html"]
    ]
    assert inside == []


def test_questions_and_answers_can_be_read_without_scripts(browser, base):
    visitor = Visitor(browser, base, java_script_enabled=False)
    page = visitor.page
    page.goto(base + "index.html")
    assert "which has not run here" in page.inner_text("#playground")
    assert page.locator(".pg-experiment details p").count() >= 7
