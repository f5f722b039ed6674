"""The directive `chapter-cards`: a card for each numbered chapter of the book.

    :::{chapter-cards}
    :::

A card has the first figure of the chapter as its picture, its number and title, the
question that it asks, and the minutes that it takes, all read from the notebook.
"""

import base64
import re
from pathlib import Path

import nbformat
from sphinx.util.docutils import SphinxDirective

from html_tag import tag

CHAPTER = re.compile(r"\d\d_\w+")
MARKUP = re.compile(r"\{[\w:-]+\}`([^`<]*)[^`]*`|\[([^\]]*)\]\([^)]*\)|`([^`]*)`")
STILL = re.compile(r'<img class="bn-still"[^>]*\bsrc="([^"]+)"')
PANELS = re.compile(r' data-panels="[^"]*"')


def plain(markdown):
    """Return text without roles, links and marks of code."""
    text = MARKUP.sub(lambda m: next(filter(None, m.groups()), ""), markdown)
    return re.sub(r"\s+", " ", text).strip()


def question(opening):
    """Return the question that a chapter opens with: its first sentence with a mark."""
    paragraph = opening.partition("\n")[2].strip().split("\n\n")[0]
    sentences = re.split(r"(?<=[.?!]) ", plain(paragraph))
    return next((text for text in sentences if text.endswith("?")), sentences[0])


def minutes(markdown):
    """Return the minutes that reading a chapter takes, None where it does not say."""
    found = re.search(r"(\d+) minutes", markdown)
    return int(found[1]) if found else None


def as_link(svg):
    """Return an SVG as the link of a picture; its panels stay together."""
    data = base64.b64encode(PANELS.sub("", svg).encode()).decode()
    return f"data:image/svg+xml;base64,{data}"


def picture(notebook):
    """Return the link of the first picture that a notebook draws as a figure."""
    for cell in notebook.cells:
        if cell.cell_type != "code" or "figure" not in cell.metadata.get("mystnb", {}):
            continue
        for output in cell.outputs:
            data = output.get("data", {})
            if "image/svg+xml" in data:
                return as_link(data["image/svg+xml"])
            if found := STILL.search(data.get("text/html", "")):
                return found[1]
    return None


def card(path, docname):
    """Return the card of a chapter, which links to its page."""
    notebook = nbformat.read(path, as_version=4)
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    number = int(path.name[:2])
    title = texts[0].partition("\n")[0].lstrip("# ")
    parts = [tag("strong", f"{number}. {title}"), tag("span", question(texts[0]))]
    if time := minutes("\n".join(texts)):
        parts.append(tag("span", f"{time} minutes", classes=["bn-card-time"]))
    if shown := picture(notebook):
        alt = f"The first figure of chapter {number}, small"
        parts.insert(0, tag("img", src=shown, alt=alt))
    return tag("li", tag("a", *parts, href=f"page:{docname}"))


class ChapterCards(SphinxDirective):
    """Puts the cards of all numbered chapters into the page."""

    def run(self):
        """Return the list of cards."""
        cards = []
        for docname in sorted(self.env.found_docs):
            if CHAPTER.fullmatch(docname.rpartition("/")[2]):
                path = Path(self.env.doc2path(docname))
                self.env.note_dependency(str(path))
                cards.append(card(path, docname))
        return [tag("ul", *cards, classes=["bn-cards"])]


def resolve(app, pagename, templatename, context, doctree):
    """Turn the names of pages in links into addresses."""
    if 'href="page:' in context.get("body", ""):
        context["body"] = re.sub(
            r'href="page:([^"]*)"',
            lambda found: f'href="{context["pathto"](found[1])}"',
            context["body"],
        )


def setup(app):
    """Register the directive with Sphinx."""
    app.setup_extension("html_tag")
    app.add_directive("chapter-cards", ChapterCards)
    app.add_css_file("landing.css")
    app.connect("html-page-context", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
