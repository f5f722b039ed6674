"""The search finds sections, terms, exercises and functions, with no request for it."""

import json

import pytest
import small_site
from site_browser import Visitor

PAGES = {
    "index.md": """# Start

```{toctree}
chapter
glossary
```
""",
    "chapter.md": """# Chapter of layers

It has an introduction.

## Freezing for fine-tuning

A layer is held still. Its `axis` stays.

### Small batches

With two examples the variance is noisy.

## Other norms

Layer normalization looks at one example.

```python
unusual_name = 1
```

:::{exercise} Count (them)
:label: ex-count

How many zebras?
:::
""",
    "glossary.md": """# Glossary

```{glossary}
momentum
  The weight of the old value; with small batches it is large.
```
""",
}
EXTENSIONS = ["sphinx_exercise", "section_search"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search")
    templates = [str(small_site.ROOT / "book" / "_templates")]
    html, warnings = small_site.build(
        folder, PAGES, EXTENSIONS, templates_path=templates
    )
    assert warnings == ""
    return html


@pytest.fixture(scope="module")
def visitor(browser, site):
    visitor = Visitor(browser, site.as_uri() + "/")
    yield visitor
    visitor.context.close()


def results(visitor, query):
    page = visitor.go(f"search.html?q={query}")
    page.wait_for_selector("p[role=status]")
    links = page.locator("ul.bn-search > li > a").all()
    return [link.get_attribute("href") for link in links]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("freeze", "chapter.html#freezing-for-fine-tuning"),
        ("frozen", "chapter.html#freezing-for-fine-tuning"),
        ("small batch", "chapter.html#small-batches"),
        ("LayerNorm", "chapter.html#other-norms"),
        ("momentum", "glossary.html#term-momentum"),
        ("zebra", "chapter.html#ex-count"),
        ("unusual_name", "chapter.html#other-norms"),
        ("introduction", "chapter.html"),
        ("VARIANCE", "chapter.html#small-batches"),
    ],
)
def test_best_result_is_the_section_that_says_it(visitor, query, first):
    assert results(visitor, query)[0] == first


def test_results_need_all_words_where_a_section_holds_them(visitor):
    assert results(visitor, "two variance") == ["chapter.html#small-batches"]
    assert len(results(visitor, "zebras variance")) > 1
    assert "No place holds all" in visitor.page.locator("p[role=status]").inner_text()


@pytest.mark.parametrize(
    ("query", "said"),
    [("xyzzy", "Nothing found"), ("", "Type a word"), ("!", "No")],
)
def test_search_without_a_result_says_so(visitor, query, said):
    assert results(visitor, query) == []
    assert said in visitor.page.locator("p[role=status]").inner_text()


def test_excerpt_shows_the_word_in_its_sentence(visitor):
    results(visitor, "noisy")
    row = visitor.page.locator("ul.bn-search > li").first
    assert "With two examples the variance is noisy." in row.locator("p").inner_text()
    assert row.locator("p mark").inner_text() == "noisy"
    assert row.locator(".bn-search-page").inner_text() == "Chapter of layers"


def test_query_of_a_stranger_is_text_and_nothing_else(visitor):
    results(visitor, "%3Cimg src=x onerror=document.title=1%3E layer")
    assert visitor.page.locator("main img").count() == 0


def test_page_from_the_disk_searches_without_complaint(visitor):
    visitor.go("search.html?q=layer")
    visitor.page.locator("main input[name=q]").fill("zebras")
    visitor.page.wait_for_selector("text=1 place for")
    assert visitor.complaints == []


def test_files_of_the_other_search_are_gone(site):
    for name in ("searchindex.js", "_static/searchtools.js"):
        assert not (site / name).exists()
        pages = {page: page.read_text("utf-8") for page in site.rglob("*.html")}
        assert [page.name for page, text in pages.items() if name in text] == []


def test_text_of_a_section_is_told_once(site):
    script = (site / "search-sections.js").read_text("utf-8")
    rows = json.loads(script.removeprefix("window.bnSections = ").strip().rstrip(";"))
    assert sum("noisy" in row[3] for row in rows) == 1
    assert [row[1] for row in rows if "zebras" in row[3]] == ["Exercise: Count (them)"]
