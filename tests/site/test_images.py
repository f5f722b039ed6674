"""Pictures as the site shows them: sizes, lazy loading, light and dark, panels."""

import base64
import re

import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import pytest
import small_site
from PIL import Image
from site_browser import Visitor

from bnteach import palette, pictures, plotting


def output(data):
    return [nbformat.v4.new_output("display_data", data)]


def cell(data, name):
    given = {"figure": {"caption": "Seen.", "name": name}, "image": {"alt": "a < b"}}
    return ("1 + 1", {"mystnb": given}, output(data))


@pytest.fixture(scope="module")
def svgs():
    with mpl.rc_context():
        plotting.use_style()
        one, ax = plt.subplots()
        plotting.plot_curves(ax, [0, 1], {"plain": [0, 1], "BN": [1, 0]})
        two, axes = plotting.panels(2)
        for ax in axes:
            ax.plot([0, 1])
        texts = pictures.svg(one), pictures.svg(two)
        plt.close("all")
    return texts


@pytest.fixture(scope="module")
def site(tmp_path_factory, svgs):
    folder = tmp_path_factory.mktemp("images")
    (folder / "pages").mkdir()
    picture = folder / "photo.png"
    Image.new("RGB", (300, 100)).save(picture, dpi=(192, 192))
    plain = folder / "plain.png"
    Image.new("RGB", (30, 10)).save(plain)
    png = base64.b64encode(picture.read_bytes()).decode()
    still = svgs[0].replace("<svg ", '<svg class="of-vega" ', 1)
    still = base64.b64encode(still.encode()).decode()
    still = f'<img class="bn-still" src="data:image/svg+xml;base64,{still}" alt="c">'
    cells = [
        "# A page",
        cell({"image/svg+xml": svgs[0]}, "fig-one"),
        cell({"image/svg+xml": svgs[1]}, "fig-two"),
        cell({"image/png": png}, "fig-three"),
        ("2", {}, output({"text/html": f'<div class="bn-interactive">{still}</div>'})),
        "![by hand](../plain.png) `<img src='code'>`",
    ]
    contents = "# Start\n\n```{toctree}\npages/a\n```\n"
    pages = {"index.md": contents, "pages/a.ipynb": cells}
    quiet = ["myst-nb.lexer"]  # the cells are made here: nothing says Python
    html, warnings = small_site.build(
        folder, pages, ["images"], suppress_warnings=quiet
    )
    assert warnings == ""
    return html


@pytest.fixture(scope="module")
def page(site):
    return (site / "pages" / "a.html").read_text("utf-8")


def images(text):
    """Return the attributes of each picture in the text of a page."""
    found = re.findall(r"<img\b([^>]*)>", text)
    return [dict(re.findall(r'([\w-]+)="([^"]*)"', image)) for image in found]


def figure(page, name):
    return re.search(rf'<figure[^>]* id="{name}".*?</figure>', page, re.DOTALL)[0]


def test_every_picture_has_its_size_and_loads_lazily(page):
    article = page[page.index("<article") : page.index("</article>")]
    found = images(article)
    assert len(found) == 2 + 4 + 1 + 2 + 1
    for image in found:
        assert int(image["width"]) > 0 < int(image["height"]), image
        assert image["loading"] == "lazy", image
        assert image["alt"].strip()
    assert "src='code'" in article  # what looks like a picture in code is left alone


def test_svg_has_a_light_and_a_dark_file(site, page, svgs):
    light, dark = images(figure(page, "fig-one"))
    assert "bn-light" in light["class"]
    assert "bn-dark" in dark["class"]
    assert light["alt"] == dark["alt"] == "a &lt; b"
    texts = [(site / "pages" / image["src"]).read_text() for image in (light, dark)]
    assert texts[1] == palette.darkened(texts[0])
    assert palette.BN in texts[0]
    assert palette.BN not in texts[1]
    width, height = map(float, re.findall(r'(?:width|height)="([\d.]+)pt', texts[0]))
    assert int(light["width"]) / int(light["height"]) == pytest.approx(
        width / height, rel=0.01
    )


def test_panels_are_views_of_one_file_side_by_side(page):
    text = figure(page, "fig-two")
    assert 'role="img" aria-label="a &lt; b"' in text
    light = [image for image in images(text) if "bn-light" in image["class"]]
    files = {image["src"].split("#")[0] for image in light}
    views = [image["src"].split("#")[1] for image in light]
    assert len(files) == 1
    starts = [float(re.search(r"\(viewBox\(([\d.]+),0,", view)[1]) for view in views]
    assert starts[0] == 0 < starts[1]
    whole = int(re.search(r"--bn-width: (\d+)px", text)[1])
    assert sum(int(image["width"]) for image in light) == pytest.approx(whole, abs=2)


@pytest.mark.browser
def test_a_panel_shows_its_own_part_and_no_other(site, browser):
    page = Visitor(browser, site.as_uri() + "/").go("pages/a.html")
    shown = page.locator("#fig-two img.bn-light")
    sizes = shown.evaluate_all("all => all.map((i) => [i.src, i.width / i.height])")
    assert len(sizes) == 2
    for source, ratio in sizes:
        width, height = re.search(
            r"viewBox\([\d.]+,0,([\d.]+),([\d.]+)", source
        ).groups()
        assert ratio == pytest.approx(float(width) / float(height), rel=0.02)
    page.context.close()


@pytest.mark.browser
def test_dark_look_lies_on_the_page_and_not_on_a_plate(site, browser):
    page = Visitor(browser, site.as_uri() + "/", color_scheme="dark").go("pages/a.html")
    plates = page.locator("#fig-one img.bn-dark, #fig-two img.bn-dark").evaluate_all(
        "all => all.map((image) => getComputedStyle(image).backgroundColor)"
    )
    assert plates == 3 * ["rgba(0, 0, 0, 0)"]
    page.context.close()


def test_raster_pictures_keep_one_look_and_sharp_ones_are_halved(page):
    (sharp,) = images(figure(page, "fig-three"))
    assert (sharp["width"], sharp["height"]) == ("150", "50")
    (by_hand,) = [i for i in images(page) if i.get("alt") == "by hand"]
    assert (by_hand["width"], by_hand["height"]) == ("30", "10")


def test_still_picture_leaves_the_page_and_stays_one_element(site, page):
    still = re.search(r'<div class="bn-still">.*?</div>', page)[0]
    light, dark = images(still)
    assert "data:" not in page
    assert 'class="of-vega"' in (site / "pages" / light["src"]).read_text()
    assert (site / "pages" / dark["src"]).is_file()
    assert page.count('class="bn-still"') == 1


def test_live_figures_have_a_dark_look(site):
    text = (site / "_static" / "bn-dark.css").read_text()
    for light, dark in palette.DARK.items():
        for key in ("fill", "stroke"):
            assert f'[{key}="{light}" i] {{ {key}: {dark}; }}' in text
