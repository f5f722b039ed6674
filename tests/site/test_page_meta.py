"""What a page tells others of itself, the site map, the page for wrong addresses."""

import json
import re
from urllib.parse import urljoin
from xml.etree import ElementTree

import pytest
import small_site
from bs4 import BeautifulSoup
from PIL import Image

PAGES = {
    "index.md": "# A book\n\nWhat it is, <in> a few words.\n\n"
    "```{toctree}\nbook/01_one\nbook/other\n```\n",
    "book/01_one.md": "# One *thing*\n\n"
    + "A long first sentence. " * 20
    + "\n\nAbout 17 minutes to read.\n",
    "book/other.md": "# Another\n\n- no paragraph\n",
}
ADDRESS = "https://example.org/a-book"


def build(folder, **config):
    (folder / "book").mkdir()
    config = {"html_title": "A book", "author": "Its authors", **config}
    html, warnings = small_site.build(folder, PAGES, ["page_meta"], **config)
    assert warnings == ""
    return html


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return build(tmp_path_factory.mktemp("meta"))


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return build(tmp_path_factory.mktemp("published"), html_baseurl=ADDRESS)


def head(site, name):
    page = BeautifulSoup((site / name).read_text("utf-8"), "html.parser")
    metas = page.head.select("meta[content]")
    said = {meta.get("property") or meta.get("name"): meta["content"] for meta in metas}
    data = json.loads(page.head.find("script", type="application/ld+json").string)
    canonical = page.head.find("link", rel="canonical")
    return said, data, canonical and canonical["href"]


NAMES = ["index.html", "book/01_one.html", "book/other.html", "search.html"]


@pytest.mark.parametrize("name", NAMES)
def test_every_page_has_a_description_and_a_picture(site, name):
    said, data, canonical = head(site, name)
    assert 10 <= len(said["description"]) <= 160
    assert said["og:description"] == data["description"] == said["description"]
    picture = (site / name).parent / said["og:image"]
    with Image.open(picture) as image:
        assert image.size == (1200, 630)
    assert picture.stat().st_size < 100_000
    assert canonical is None
    assert "og:url" not in said


def test_description_is_the_first_paragraph_cut_between_words(site):
    assert head(site, "index.html")[0]["description"] == "What it is, <in> a few words."
    cut = head(site, "book/01_one.html")[0]["description"]
    assert re.fullmatch(r"(A long first sentence\. )+[\w ]+…", cut)


def test_kind_of_page_and_its_minutes(site):
    assert head(site, "index.html")[1]["@type"] == "Book"
    chapter = head(site, "book/01_one.html")[1]
    assert (chapter["@type"], chapter["timeRequired"]) == ("Chapter", "PT17M")
    assert chapter["name"] == "One thing"
    assert chapter["isPartOf"]["name"] == "A book"
    assert head(site, "book/other.html")[1]["@type"] == "WebPage"


def test_without_an_address_there_is_no_site_map(site):
    assert not (site / "sitemap.xml").exists()
    assert not (site / "robots.txt").exists()


@pytest.mark.parametrize("name", NAMES[:3])
def test_with_an_address_every_page_names_its_own(published, name):
    said, data, canonical = head(published, name)
    assert canonical == said["og:url"] == data["url"] == f"{ADDRESS}/{name}"
    assert said["og:image"].startswith(f"{ADDRESS}/_images/")
    assert (published / said["og:image"].removeprefix(f"{ADDRESS}/")).is_file()


def test_site_map_names_every_page(published):
    root = ElementTree.parse(published / "sitemap.xml").getroot()
    found = {element.text for element in root.iter() if element.tag.endswith("}loc")}
    assert found == {f"{ADDRESS}/{name}" for name in NAMES[:3]}
    robots = (published / "robots.txt").read_text("utf-8")
    assert f"Sitemap: {ADDRESS}/sitemap.xml\n" in robots


@pytest.mark.parametrize("kind", ["site", "published"])
def test_page_for_wrong_addresses_leads_back_from_any_depth(request, kind):
    folder = request.getfixturevalue(kind)
    address = f"{ADDRESS}/" if kind == "published" else "https://example.org/"
    page = BeautifulSoup((folder / "404.html").read_text("utf-8"), "html.parser")
    base = urljoin(f"{address}some/where/else.html", page.base["href"])
    links = [urljoin(base, link["href"]) for link in page.select("a")]
    assert links == [f"{address}search.html", f"{address}index.html"]
    for link in links:
        assert (folder / link.removeprefix(address)).is_file()
