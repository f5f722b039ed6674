"""Pages without the icon font: what is taken off, and the icons in its place."""

import re
import sys
from pathlib import Path

import pytest
import small_site
import sphinx_book_theme

THEMES = Path(sphinx_book_theme.__file__).parents[1]
PAGE = """# A page

```{note}
A note.
```

[out](https://example.org)
"""


@pytest.fixture(scope="module")
def icons():
    sys.path.insert(0, str(small_site.EXTENSIONS))
    import icons

    return icons


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lean")
    (folder / "_static").mkdir()
    logo = small_site.STATIC / "logo.svg"
    (folder / "logo.svg").write_bytes(logo.read_bytes())
    config = {"html_logo": "logo.svg", "html_theme_options": {}}
    pages = {"index.md": PAGE + "\n```{toctree}\nb\n```\n", "b.md": "# Another\n"}
    extensions = ["images", "icons", "lean_pages"]
    built, warnings = small_site.build(folder, pages, extensions, **config)
    assert warnings == ""
    return built


@pytest.fixture(scope="module")
def pages(site):
    return {path.name: path.read_text("utf-8") for path in site.rglob("*.html")}


def test_nothing_is_left_of_the_icon_font(site, pages):
    assert [
        path for path in site.rglob("*ontawesome*") if "LICENSE" not in path.name
    ] == []
    assert not any("fontawesome" in page.lower() for page in pages.values())
    style = (site / "_static" / "styles" / "pydata-sphinx-theme.css").read_text("utf-8")
    assert "@font-face" not in style
    assert ".fa-house" not in style


def test_style_sheet_of_the_theme_keeps_its_other_rules(site):
    theme = next(THEMES.glob("pydata_sphinx_theme/**/pydata-sphinx-theme.css"))
    whole = theme.read_text("utf-8")
    lean = (site / "_static" / "styles" / theme.name).read_text("utf-8")
    rule = re.compile(r"[^{}]+\{[^{}]*\}")
    lost = set(rule.findall(whole)) - set(rule.findall(lean))
    other = [
        text for text in lost if not re.search(r"\.fa|@font-face|fontawesome", text)
    ]
    assert other == []
    assert lean.count("{") == lean.count("}")
    assert whole.count(".bd-") == lean.count(".bd-")
    assert len(lean) < 0.8 * len(whole)


def used(pages):
    """Return the icons that pages name."""
    places = r'<(?:i|span)[^>]* class="([^"]*\bfa[srb]?\b[^"]*|[^"]*\bfa-[^"]*)"'
    named = {
        name
        for page in pages
        for found in re.findall(places, page)
        for name in found.split()
        if name.startswith("fa-")
    }
    return named - {"fa-solid", "fa-regular", "fa-brands", "fa-lg", "fa-sm", "fa-fw"}


def test_every_icon_that_a_page_names_is_drawn(icons, pages):
    named = used(pages.values())
    assert {"fa-bars", "fa-magnifying-glass", "fa-moon"} <= named
    assert named - icons.DRAWINGS.keys() == set()


@pytest.mark.parametrize("kind", ["note", "warning", "tip", "seealso"])
def test_admonitions_have_an_icon(icons, kind):
    where = [place for place in icons.WRITTEN if place.endswith(icons.TITLE)]
    assert icons.TITLE in where
    assert kind == "note" or f".{kind}{icons.TITLE}" in where


def test_scripts_wait_and_the_settings_come_first(pages):
    head = pages["index.html"].split("</head>")[0]
    sources = re.findall(r"<script([^>]*) src=\"([^\"?]*)", head)
    early = [source for options, source in sources if "defer" not in options]
    assert [Path(source).name for source in early] == ["documentation_options.js"]


def test_logo_has_its_size(pages):
    for name, page in pages.items():
        for logo in re.findall(r"<img[^>]*logo[^>]*>", page):
            assert re.search(r' width="\d+" height="\d+"', logo), name


def test_what_draws_a_figure_is_asked_for_early_where_an_address_names_it():
    sys.path.insert(0, str(small_site.EXTENSIONS))
    import lean_pages

    still = '<figure id="fig-still"></figure>'
    moving = '<figure class="a" id="fig-moving"><div class="bn-interactive" b="">'
    script = '<script defer src="../_static/bn-interactive.js?v=1"></script>'
    head = f"<head><title>A page</title>{script}</head>"
    early = lean_pages.with_early_figures(head + still + moving)
    assert '["fig-moving"].includes(' in early
    assert 'href: "../_static/vega-bundle.js"' in early
    assert early.index("</title>") < early.index("preload") < early.index(script)
    for text in (head + still, moving, "<title></title>" + moving):
        assert lean_pages.with_early_figures(text) == text
