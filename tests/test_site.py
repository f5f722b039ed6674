"""The built site in a browser: what a reader meets on every page of _build/html.

Needs the site (`make book`) and a Chromium; where one is missing a local run skips
these tests and says so, and a run in CI fails.
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import altair as alt
import nbformat
import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright
from site_browser import Visitor, chromium, require, served

from bnteach import plotting

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
PAGES = sorted(
    path.relative_to(SITE).as_posix()
    for path in SITE.rglob("*.html")
    if "_static" not in path.parts and path != SITE / "index.html"
)
READ = [name for name in PAGES if name.startswith("book/")]
CHAPTERS = [name for name in READ if re.match(r"book/\d\d_", name)]
# Rules of axe-core that are off unless asked for
RULES = {"label-content-name-mismatch": {"enabled": True}}
PICTURE_NAME = re.compile(
    r"\.(png|svg|jpe?g|gif|webp)$|^[0-9a-f]{16,}$|^_images/", re.I
)

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", autouse=True)
def site():
    """The folder of the built site, with pages in it."""
    return require(SITE if READ else None, "the built site", "build it with: make book")


@pytest.fixture(scope="module")
def browser(site):
    with sync_playwright() as playwright, chromium(playwright) as browser:
        yield browser


@pytest.fixture(scope="module")
def address(site):
    with served(site) as address:
        yield address


@pytest.fixture(scope="module")
def visitor(browser, address):
    """A tab on the served site, 1280 pixels wide, in the light mode."""
    return Visitor(browser, address, viewport={"width": 1280, "height": 900})


# --- without a browser: files, links, alternative texts --------------------------


class Links(HTMLParser):
    """Collects the ids, links and pictures of one page."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.pictures = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.ids.update(filter(None, (given.get("id"), given.get("name"))))
        self.links += filter(None, (given.get("href"), given.get("src")))
        if tag == "img":
            self.pictures.append(given)


@pytest.fixture(scope="module")
def parsed(site):
    return {name: Links((site / name).read_text("utf-8")) for name in PAGES}


def test_every_internal_link_and_anchor_resolves(site, parsed):
    def broken(name):
        for link in set(parsed[name].links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            path = unquote(parts.path)
            # The page for wrong addresses is shown at any depth: it starts at the top.
            top = site if path.startswith("/") else (site / name).parent
            target = top / path.lstrip("/") if path else site / name
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file():
                yield f"{link}: no such file"
            elif parts.fragment and target.suffix == ".html":
                known = parsed[target.resolve().relative_to(site).as_posix()].ids
                if unquote(parts.fragment) not in known:
                    yield f"{link}: no such anchor"

    found = {name: sorted(broken(name)) for name in PAGES}
    assert {name: links for name, links in found.items() if links} == {}


def test_every_picture_has_an_alternative_text_that_is_not_a_file_name(parsed):
    def nameless(name):
        texts = [picture.get("alt") or "" for picture in parsed[name].pictures]
        return [alt for alt in texts if not alt.strip() or PICTURE_NAME.search(alt)]

    found = {name: nameless(name) for name in PAGES}
    assert {name: texts for name, texts in found.items() if texts} == {}


def test_every_chapter_can_be_downloaded_as_a_notebook(site, parsed):
    assert CHAPTERS
    for name in CHAPTERS:
        links = [link for link in parsed[name].links if "_sources/" in link]
        assert [Path(link).suffix for link in links] == [".ipynb"], name
        notebook = nbformat.read((site / name).parent / links[0], as_version=4)
        nbformat.validate(notebook)
        assert any(cell.cell_type == "code" for cell in notebook.cells)


def test_api_page_has_every_module_of_the_package(parsed):
    files = [path.relative_to(ROOT) for path in (ROOT / "bnteach").rglob("*.py")]
    names = {".".join(path.with_suffix("").parts) for path in files}
    names = {name.removesuffix(".__init__") for name in names if "__main__" not in name}
    wanted = {f"module-{name}" for name in names - {"bnteach"}}
    assert wanted - parsed["book/api.html"].ids == set()


# --- the public address of the repository ---------------------------------------


@pytest.fixture
def book_site(monkeypatch):
    """The site's own Sphinx extension."""
    monkeypatch.syspath_prepend(str(ROOT / "book" / "_ext"))
    import book_site

    return book_site


def test_launch_buttons_follow_the_public_address_of_the_configuration(parsed):
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    address = config["sphinx"]["config"]["public_repository"]
    for name in CHAPTERS:
        for host in ("https://colab.research.google.com/", "https://mybinder.org/"):
            found = any(link.startswith(host) for link in parsed[name].links)
            assert found == bool(address), (name, host)


def test_without_public_address_the_theme_gets_no_link(book_site):
    assert book_site.theme_options_for("") == {}


@pytest.mark.parametrize(
    "address", ["github.com/a/b", "https://github.com/a", "https://example.org/a/b"]
)
def test_public_address_that_colab_cannot_open_is_refused(book_site, address):
    with pytest.raises(book_site.ConfigError, match=f"Received: '{address}'"):
        book_site.theme_options_for(address)


@pytest.mark.parametrize("address", ["", "https://github.com/someone/a-book"])
def test_buttons_of_a_small_site(book_site, tmp_path, address):
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace

    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("# A page")],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    nbformat.write(notebook, tmp_path / "index.ipynb")
    settings = {
        "extensions": ["myst_nb", "sphinx_book_theme", "book_site"],
        "html_theme": "sphinx_book_theme",
        "html_theme_options": {},
        "nb_execution_mode": "off",
        "public_repository": address,
    }
    built = tmp_path / "html"
    folders = (tmp_path, None, built, tmp_path / "doctrees")
    with docutils_namespace():  # what one build registers is not known to the next
        Sphinx(*folders, "html", settings, status=None, warning=sys.stderr).build()
    links = Links((built / "index.html").read_text("utf-8")).links
    launch = {urlsplit(link).netloc: link for link in links if "index.ipynb" in link}
    if not address:
        assert {host for host in launch if host} == set()
        assert not any("github.com" in link for link in links)
        return
    colab = "/github/someone/a-book/blob/main/index.ipynb"
    binder = "/v2/gh/someone/a-book/main?urlpath=lab/tree/index.ipynb"
    assert launch["colab.research.google.com"].endswith(colab)
    assert launch["mybinder.org"].endswith(binder)
    assert address in links


# --- in the browser: each page is opened once in each of three ways ---------------

FORMULAS = r"""() => {
  const found = [...document.querySelectorAll(".math")]
    .filter((e) => !(e.querySelector("math")?.getBoundingClientRect().width > 0))
    .filter((e) => e.checkVisibility())
    .map((e) => "not drawn: " + e.textContent.slice(0, 60));
  for (const e of document.querySelectorAll("merror"))
    found.push("error: " + e.textContent.slice(0, 60));
  const prose = document.querySelector("article").cloneNode(true);
  prose.querySelectorAll("pre, code, .math, script").forEach((e) => e.remove());
  const raw = prose.textContent.match(/\\[([]|\$[^$\s][^$]*\$/g) || [];
  return found.concat(raw.map((text) => "raw: " + text.slice(0, 60)));
}"""


def findings(page, leave_out=(), **options):
    """Return what axe-core finds on `page`."""
    parts = {"exclude": [[part] for part in leave_out]} if leave_out else None
    run = Axe().run(page, parts, {"resultTypes": ["violations"], **options})
    return [
        f"{violation['id']}: {node['html'][:120]}"
        for violation in run.response["violations"]
        for node in violation["nodes"][:2]
    ]


def wide_visit(visitor, name):
    """Look at a served page, 1280 pixels wide, in light and in dark."""
    page = visitor.go(name)
    seen = {
        "foreign": visitor.foreign(),
        "complaints": [*visitor.complaints],
        "bundles": sum("vega-bundle" in url for url in visitor.requests),
        "figures": page.locator(".bn-interactive").count(),
        "code": page.locator("div.cell_input div.highlight pre").count(),
        "copy": page.locator("div.cell_input button.copybtn").count(),
    }
    if name in READ:
        seen["formulas"] = page.evaluate(FORMULAS)
        # Code and formulas have the same colours everywhere and take most of the time.
        same = () if name == CHAPTERS[0] else ("div.highlight", "math")
        seen["axe"] = findings(page, same, rules=RULES)
        page.emulate_media(color_scheme="dark")
        page.wait_for_selector('html[data-theme="dark"]')
        seen["axe"] += findings(page, same, runOnly=["color-contrast"])
        page.emulate_media(color_scheme="light")
    return seen


def narrow_visit(visitor, name):
    """Look at a served page on a screen of 390 pixels."""
    page = visitor.go(name)
    contrast = {"color-contrast": {"enabled": False}}  # is the same as on a wide one
    return {
        "width": page.evaluate("document.documentElement.scrollWidth"),
        "axe": findings(page, rules=RULES | contrast) if name in READ else [],
    }


def disk_visit(visitor, name):
    """Look at a page opened as a file."""
    page = visitor.go(name)
    figures = page.locator(".bn-interactive")
    return {
        "foreign": visitor.foreign(),
        "complaints": [*visitor.complaints],
        "formulas": page.evaluate(FORMULAS),
        "undrawn": figures.count() - figures.locator(".vega-embed svg").count(),
    }


@pytest.fixture(scope="module")
def wide(visitor):
    return {name: wide_visit(visitor, name) for name in PAGES}


@pytest.fixture(scope="module")
def narrow(browser, address):
    visitor = Visitor(browser, address, viewport={"width": 390, "height": 844})
    return {name: narrow_visit(visitor, name) for name in PAGES}


@pytest.fixture(scope="module")
def disk(browser, site):
    visitor = Visitor(browser, site.as_uri() + "/")
    return {name: disk_visit(visitor, name) for name in READ}


def wrong(visits, what):
    """Return what was found under `what`, by page, where something was."""
    return {name: seen[what] for name, seen in visits.items() if seen.get(what)}


def test_served_pages_ask_no_other_host(wide):
    assert wrong(wide, "foreign") == {}


def test_served_pages_complain_of_nothing(wide):
    assert wrong(wide, "complaints") == {}


def test_served_pages_draw_their_formulas(wide):
    assert wrong(wide, "formulas") == {}


def test_pages_from_the_disk_ask_no_other_host(disk):
    assert wrong(disk, "foreign") == {}


def test_pages_from_the_disk_complain_of_nothing(disk):
    assert wrong(disk, "complaints") == {}


def test_pages_from_the_disk_draw_formulas_and_figures(disk):
    assert wrong(disk, "formulas") == {}
    assert wrong(disk, "undrawn") == {}


def test_no_page_is_wider_than_a_narrow_screen(narrow):
    widths = {name: seen["width"] for name, seen in narrow.items()}
    assert {name: width for name, width in widths.items() if width > 390} == {}


def test_axe_finds_nothing_on_a_wide_screen(wide):
    assert wrong(wide, "axe") == {}


def test_axe_finds_nothing_on_a_narrow_screen(narrow):
    assert wrong(narrow, "axe") == {}


def test_every_code_cell_can_be_copied(wide):
    for name in CHAPTERS:
        assert wide[name]["copy"] == wide[name]["code"] > 0, name


def test_vega_bundle_is_fetched_only_where_a_figure_needs_it(wide):
    for name, seen in wide.items():
        assert seen["bundles"] == (1 if seen["figures"] else 0), name


def test_bare_address_leads_to_the_first_page(visitor):
    visitor.page.goto(visitor.base)
    visitor.page.wait_for_url("**/book/intro.html")


def test_search_finds_a_word_of_the_book(visitor):
    page = visitor.go("search.html?q=epsilon")
    page.wait_for_selector("#search-results li a")
    assert page.locator("#search-results li a").count() >= 2


# --- interactive figures ---------------------------------------------------------


def changes(figure, act):
    """Return whether the picture of `figure` is another one soon after `act()`."""
    picture = figure.locator(".vega-embed svg").first
    before = picture.evaluate("e => e.outerHTML")
    act()
    for _ in range(40):
        if picture.evaluate("e => e.outerHTML") != before:
            return True
        figure.page.wait_for_timeout(50)
    return False


def drag(slider):
    """Drag the handle of `slider` with the mouse to the far side of its middle."""
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    share = slider.evaluate("e => (e.value - e.min) / (e.max - e.min)")
    y, handle = box["y"] + box["height"] / 2, 16
    start = box["x"] + handle / 2 + share * (box["width"] - handle)
    mouse = slider.page.mouse
    mouse.move(start, y)
    mouse.down()
    mouse.move(box["x"] + box["width"] * (0.1 if share > 0.5 else 0.9), y, steps=5)
    mouse.up()


def tick(box):
    """Change a checkbox with the keyboard."""
    box.focus()
    box.press("Space")


def arrow(slider):
    """Move `slider` by one step with the keyboard."""
    at_end = slider.evaluate("e => Number(e.value) === Number(e.max)")
    slider.focus()
    slider.press("ArrowLeft" if at_end else "ArrowRight")


def pick(selection):
    """Choose the next entry of a list with the keyboard."""
    at_end = selection.evaluate("e => e.selectedIndex === e.length - 1")
    selection.focus()
    selection.press("ArrowUp" if at_end else "ArrowDown")


def choose(selection):
    """Choose the first entry of a list that is not chosen, as with the mouse."""
    selection.select_option(index=int(selection.evaluate("e => !e.selectedIndex")))


def controls(figure):
    """Return (input, ways to use it) for what a figure offers."""
    sliders = figure.locator('input[type="range"]').all()
    boxes = figure.locator('input[type="checkbox"]').all()
    lists = figure.locator("select").all()
    return [
        *((control, (arrow, drag)) for control in sliders),
        *((control, (tick,)) for control in boxes),
        *((control, (pick, choose)) for control in lists),
    ]


def test_every_control_changes_its_figure_by_mouse_and_by_keyboard(visitor):
    dead, count = [], 0
    for name in READ:
        page = visitor.go(name)
        for figure in page.locator(".bn-interactive").all():
            figure.scroll_into_view_if_needed()
            assert figure.locator(".bn-still").is_hidden()
            assert controls(figure), name
            for control, ways in controls(figure):
                count += 1
                label = control.evaluate("e => e.labels[0]?.innerText.trim() || ''")
                assert label, f"a control without a label on {name}"
                for act in ways:
                    if not changes(figure, lambda act=act, e=control: act(e)):
                        dead.append((name, label, act.__name__))
    assert dead == []
    assert count > 0


@pytest.mark.parametrize("missing", ["scripts", "bundle"])
def test_still_picture_stays_where_the_figure_cannot_be_drawn(
    browser, address, missing
):
    visitor = Visitor(browser, address, java_script_enabled=missing != "scripts")
    if missing == "bundle":
        visitor.context.route("**/vega-bundle.js", lambda route: route.abort())
    count = 0
    for name in READ:
        visitor.page.goto(address + name)
        for figure in visitor.page.locator(".bn-interactive").all():
            count += 1
            still = figure.locator(".bn-still")
            assert still.is_visible()
            assert still.bounding_box()["width"] > 100
    assert count > 0
    visitor.context.close()


def test_live_charts_of_one_notebook_draw_side_by_side(browser, tmp_path, monkeypatch):
    # JupyterLab runs the scripts of all outputs in one global scope, as a page does.
    monkeypatch.setenv("JPY_SESSION_NAME", "a.ipynb")
    html = ""
    for number in (1, 2):
        size = alt.binding_range(min=1, max=5, name=f"size {number} ")
        data = alt.Data(values=[{"x": number, "y": 1}])
        chart = alt.Chart(data).mark_point().encode(x="x:Q", y="y:Q")
        chart = chart.add_params(alt.param(name="size", value=3, bind=size))
        html += plotting.interactive(chart, f"chart {number}")._repr_html_()
    (tmp_path / "live.html").write_text(html, encoding="utf-8")
    visitor = Visitor(browser, f"{tmp_path.as_uri()}/")
    page = visitor.go("live.html")
    page.wait_for_selector("input[type=range] >> nth=1", timeout=10_000)
    assert page.locator(".vega-embed").count() == 2
    assert not visitor.foreign()
    assert not visitor.complaints
    visitor.context.close()
