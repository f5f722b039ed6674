"""Takes off the finished pages what they do not need before they are read.

The theme brings an icon font and its script, a third of a page's weight; `icons` draws
what is used of them. Scripts wait until the page is there; only what draws the figure
that an address names is asked for at once. Pictures of the templates, such as the logo,
get their sizes. What is taken off is deleted from the site, too.
"""

import json
import re
import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

import images

ICON_SCRIPT = re.compile(r"\s*<(script|link)\b[^>]*fontawesome[^>]*>(</script>)?", re.I)
# The page's own settings are set by a script within the page, right after this one.
SCRIPT = re.compile(
    r'<script (?=(?:data-[\w-]+="[^"]*" )*src="(?!\S*/documentation_options\.js))'
)
FIGURE = re.compile(r'<figure\b[^>]*\bid="([^"]+)"|class="bn-interactive"')
DRAWS = re.compile(r'<script [^>]*src="([^"]*/)bn-interactive\.js')
# An address that names a figure leads to it at once: what draws it is then asked for
# with the first files, not after the last.
EARLY = """
<script>
if ({names}.includes(location.hash.slice(1).split(".")[0]))
  document.head.append(Object.assign(document.createElement("link"),
    {{ rel: "preload", as: "script", href: "{folder}vega-bundle.js" }}));
</script>"""
FONT_FACE = re.compile(r"@font-face\{[^}]*fontawesome[^}]*\}")
RULE = re.compile(r"(?<=[}/])((?:\.fa[\w-]*(?::{1,2}\w+)?,?)+)\{[^{}]*\}")
KEPT = re.compile(r"\.fa-(lg|sm|xs|fw)\b")


def lean_style(text):
    """Return the theme's style sheet without the rules of the icon font."""
    text = FONT_FACE.sub("", text)
    return RULE.sub(lambda rule: rule[0] if KEPT.search(rule[1]) else "", text)


def picture_size(site, page, attributes):
    """Return the size of a picture that a page shows, None where it is not a file."""
    parts = urlsplit(attributes.get("src", ""))
    path = (page.parent / unquote(parts.path)).resolve()
    if parts.scheme or not path.is_file() or not path.is_relative_to(site):
        return None
    if path.suffix == ".svg":
        return images.svg_size(path.read_text("utf-8"))
    return images.raster_size(path)


def lean_page(text, site, page):
    """Return the text of a page without what it does not need at once."""
    text = ICON_SCRIPT.sub("", text)
    text = SCRIPT.sub("<script defer ", text)

    def with_size(match):
        attributes = dict(images.ATTRIBUTE.findall(match[0]))
        if "width" in attributes or "height" in attributes:
            return match[0]
        size = picture_size(site, page, attributes)
        if not size:
            return match[0]
        width, height = map(round, size)
        return f'{match[0][:4]} width="{width}" height="{height}"{match[0][4:]}'

    return images.IMAGE.sub(with_size, text)


def with_early_figures(text):
    """Return the text of a page that asks early for what draws the figure it is for."""
    names, last = [], None
    for match in FIGURE.finditer(text):
        if match[1]:
            last = match[1]
        elif last:
            names.append(last)
    draws = DRAWS.search(text)
    if not names or not draws:
        return text
    script = EARLY.format(names=json.dumps(names), folder=draws[1])
    return text.replace("</title>", "</title>" + script, 1)


def lean_site(app, exception):
    """Make the pages of the finished site lean."""
    if exception or app.builder.format != "html":
        return
    site = Path(app.outdir).resolve()
    for page in site.rglob("*.html"):
        text = page.read_text("utf-8")
        lean = with_early_figures(lean_page(text, site, page))
        if lean != text:
            page.write_text(lean, encoding="utf-8", newline="\n")
    static = site / "_static"
    sheet = static / "styles" / "pydata-sphinx-theme.css"
    if sheet.is_file():
        sheet.write_text(lean_style(sheet.read_text("utf-8")), encoding="utf-8")
    shutil.rmtree(static / "vendor" / "fontawesome", ignore_errors=True)
    for path in (static / "scripts").glob("fontawesome.js*"):
        path.unlink()


def setup(app):
    """Register the extension with Sphinx."""
    app.connect("build-finished", lean_site, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
