"""Pictures of the site: sizes, lazy loading, light and dark looks, panels that stack.

Figures are stored in one look, the light one. Of each SVG the dark look is made here,
by the colours of `bnteach.palette`; the page shows the one that goes with its theme,
and the browser fetches that one alone. The room of each picture is known before it is
there, so that nothing moves when it comes.
"""

import base64
import hashlib
import html
import re
from pathlib import Path
from urllib.parse import unquote

from PIL import Image

from bnteach import palette

IMAGE = re.compile(r"<img\b[^>]*>")
ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')
LENGTH = re.compile(r'\b(width|height)="([\d.]+)(pt|px)?"')
SVG_DATA = "data:image/svg+xml;base64,"
# Figures of matplotlib are small with large letters, for a phone; here is more room.
SCALE = 1.15
SHARP = 150  # dots per inch from which a PNG has two dots for each pixel


def svg_size(text):
    """Return width and height of an SVG in pixels, None where it states none."""
    head = text[: text.find(">", text.find("<svg"))]
    found = {key: (float(n), unit) for key, n, unit in LENGTH.findall(head)}
    if found.keys() != {"width", "height"}:
        return None
    points = {"pt": 96 / 72 * SCALE}
    return [n * points.get(unit, 1) for n, unit in (found["width"], found["height"])]


def raster_size(path):
    """Return width and height in pixels of the page of a PNG or JPEG."""
    with Image.open(path) as picture:
        dots = picture.info.get("dpi", (96, 96))[0]
        share = 96 / dots if dots >= SHARP else 1
        return [side * share for side in picture.size]


def panels(text):
    """Return the view of each panel of an SVG as (x, width, whole width, height)."""
    said = re.search(r'<svg[^>]* data-panels="([^"]*)"', text)
    box = re.search(r'<svg[^>]* viewBox="[\d.]+ [\d.]+ ([\d.]+) ([\d.]+)"', text)
    if not said or not box:
        return []
    whole, height = map(float, box.groups())
    parts = (map(float, part.split()) for part in said[1].split(";"))
    return [(x, width, whole, height) for x, width in parts]


def tag(attributes, **more):
    """Return an <img> with these attributes."""
    given = {**attributes, "loading": "lazy", "decoding": "async", **more}
    return "<img " + " ".join(f'{key}="{value}"' for key, value in given.items()) + ">"


def sized(attributes, size):
    """Return the attributes with the size, unless the author has given one."""
    if size and not {"width", "height"} & attributes.keys():
        width, height = (max(round(side), 1) for side in size)
        return {**attributes, "width": width, "height": height}
    return attributes


def pair(attributes, light, dark):
    """Return a picture for the light page and one for the dark page."""
    own = attributes.get("class", "")
    # The theme puts a plate behind what is not `dark-light`.
    looks = (("bn-light", light), ("bn-dark dark-light", dark))
    return "".join(
        tag(attributes, src=src, **{"class": f"{own} {look}".strip()})
        for look, src in looks
    )


def stack(attributes, light, dark, views):
    """Return the panels of one picture side by side, free to go under each other."""
    share, shown = attributes["width"] / views[0][2], []
    for x, width, _, height in views:
        view = f"#svgView(viewBox({x:g},0,{width:g},{height:g}))"
        size = {"width": round(width * share), "height": round(height * share)}
        # A browser takes the ratio of the whole picture, unless it is told otherwise.
        style = f"--bn-share: {width:g}; aspect-ratio: {width:g} / {height:g}"
        part = {**attributes, **size, "style": style}
        shown.append(pair(part, light + view, dark + view))
    width = f"--bn-width: {attributes['width']}px"
    return (
        f'<span class="bn-panels" style="{width}" role="img" '
        f'aria-label="{attributes.get("alt", "")}">{"".join(shown)}</span>'
    )


class Pictures:
    """The pictures of one page, which lie in the folder of pictures of the site."""

    def __init__(self, app, pagename):
        self.folder = Path(app.outdir) / app.builder.imagedir
        depth = pagename.count("/")
        self.prefix = "../" * depth + app.builder.imagedir + "/"
        self.sources = {
            name: Path(app.srcdir) / path for path, name in app.builder.images.items()
        }

    def write(self, name, text):
        """Write an SVG beside the other pictures; return the link to it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text, encoding="utf-8", newline="\n")
        return self.prefix + name

    def source(self, attributes):
        """Return (name, path or None, text of an SVG or None) of a picture."""
        src = html.unescape(attributes.get("src", ""))
        if src.startswith(SVG_DATA):
            text = base64.b64decode(src.removeprefix(SVG_DATA)).decode()
            return hashlib.sha256(text.encode()).hexdigest() + ".svg", None, text
        name = unquote(src).rpartition("/")[2]
        path = self.sources.get(name) if self.prefix + name == unquote(src) else None
        if path is None or not path.is_file():
            return name, None, None
        return name, path, path.read_text("utf-8") if path.suffix == ".svg" else None

    def shown(self, match):
        """Return what stands in place of an <img>."""
        attributes = dict(ATTRIBUTE.findall(match[0]))
        name, path, text = self.source(attributes)
        if text is None:
            size = raster_size(path) if path else None
            return tag(sized(attributes, size))
        attributes = sized(attributes, svg_size(text))
        light = self.prefix + name if path else self.write(name, text)
        dark = self.write(f"{name[:-4]}-dark.svg", palette.darkened(text))
        if views := panels(text):
            return stack(attributes, light, dark, views)
        if attributes.get("class") != "bn-still":
            return pair(attributes, light, dark)
        del attributes["class"]
        return f'<div class="bn-still">{pair(attributes, light, dark)}</div>'


def mend_images(app, pagename, templatename, context, doctree):
    """Give the pictures of a page their sizes and looks."""
    if "body" in context and app.builder.format == "html":
        pictures = Pictures(app, pagename)
        context["body"] = IMAGE.sub(pictures.shown, context["body"])


def dark_styles():
    """Return the style sheet that turns live figures dark: their colours one by one."""
    rules = ["/* Made from the colours of bnteach.palette. */"]
    for light, dark in palette.DARK.items():
        for key in ("fill", "stroke"):
            where = f'html[data-theme="dark"] .bn-live svg [{key}="{light}" i]'
            rules.append(f"{where} {{ {key}: {dark}; }}")
    return "\n".join(rules) + "\n"


def write_dark_styles(app, config):
    """Add the style sheet for dark figures to the static files."""
    folder = Path(app.doctreedir) / "static-of-images"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bn-dark.css").write_text(dark_styles(), encoding="utf-8", newline="\n")
    config.html_static_path.append(str(folder))
    config.html_css_files.append("bn-dark.css")


def setup(app):
    """Register the extension with Sphinx."""
    app.connect("config-inited", write_dark_styles)
    app.connect("html-page-context", mend_images, priority=700)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
