"""Mends what the theme and its extensions leave on a page.

- Links at the start of a page lead past everything to each of its figures.
- The boxes of exercises lose the id that all of them share.
- The first page does not name the book twice in its tab.
- The name that a screen reader says for a button holds the words that it shows, and
  the sidebar is a landmark.
- Long code in a table may go on in the next line; a number keeps its "%" beside it.
- Templates that the themes ship unrendered are deleted.
"""

import re
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

SHARED_IDS = {"exercise-content", "solution-content"}
NAMED_SEARCH = re.compile(
    r'(<button class="[^"]*\bsearch-button-field\b[^"]*")([^>]*?) aria-label="[^"]*"'
)
CELL = re.compile(r"<td\b.*?</td>", re.DOTALL)
CODE = re.compile(r'(?<=<span class="pre">)[^<]+')
JOINT = re.compile(r"(?<=[\w)])([._(/=,\[]+)(?=[\w\[\]-])")
SPACE = re.compile(r"(?<=\d) (?=[%±])|(?<=±) (?=\d)")
AS_TYPED = (nodes.literal, nodes.literal_block, nodes.math, nodes.math_block, nodes.raw)
SIDEBAR = re.compile(r'<(\w+) id="pst-primary-sidebar"(?![^>]*\brole=)')


class DropSharedIds(SphinxPostTransform):
    """Takes the ids away that are not one element's alone."""

    default_priority = 900

    def run(self, **kwargs):
        """Mend one page."""
        for section in self.document.findall(nodes.section):
            if SHARED_IDS & set(section["ids"]):
                section["ids"] = [
                    name for name in section["ids"] if name not in SHARED_IDS
                ]


class KeepNumbersWhole(SphinxPostTransform):
    """Ties a number to the "%" after it, and to what stands on both sides of a "±"."""

    default_priority = 900
    formats = ("html",)

    def run(self, **kwargs):
        """Mend one page; code stays as it is."""
        for text in list(self.document.findall(nodes.Text)):
            tied = SPACE.sub("\N{NO-BREAK SPACE}", text)
            if tied != text and not isinstance(text.parent, AS_TYPED):
                text.parent.replace(text, nodes.Text(tied))


def figure_links(app, page, doctree):
    """Return the list of links to the figures of a page, "" where it has none."""
    numbers = app.env.toc_fignumbers.get(page, {}).get("figure", {})
    items = []
    for figure in doctree.findall(nodes.figure):
        number = next((numbers[i] for i in figure["ids"] if i in numbers), None)
        if number is None:
            continue
        name = app.config.numfig_format["figure"] % ".".join(map(str, number))
        link = f'<a href="#{figure["ids"][0]}">Skip to {escape(name)}</a>'
        items.append(f"<li>{link}</li>")
    if not items:
        return ""
    return f'<nav class="bn-skip" aria-label="Figures"><ul>{"".join(items)}</ul></nav>'


def with_joints(cell):
    """Return a cell of a table whose code may go on in the next line at its joints."""
    return CODE.sub(lambda code: JOINT.sub(r"\1<wbr>", code[0]), cell[0])


def mend_context(app, pagename, templatename, context, doctree):
    """Mend what the templates get."""
    if doctree is None or "body" not in context:
        return
    body = CELL.sub(with_joints, context["body"])
    context["body"] = figure_links(app, pagename, doctree) + body
    if re.sub(r"<[^>]*>", "", context.get("title", "")) == context.get("docstitle"):
        context["docstitle"] = ""


def mend_page(text):
    """Return the text of a finished page with its buttons and landmarks mended."""
    text = NAMED_SEARCH.sub(r"\1\2", text)
    text = text.replace(
        '<span class="search-button__kbd-shortcut">',
        '<span class="search-button__kbd-shortcut" aria-hidden="true">',
    )
    return SIDEBAR.sub(
        r'<\1 id="pst-primary-sidebar" role="complementary" aria-label="Book"', text
    )


def mend_site(app, exception):
    """Mend the finished pages, and delete what is no page."""
    if exception or app.builder.format != "html":
        return
    site = Path(app.outdir)
    for template in (site / "_static").glob("*macros.html"):
        template.unlink()
    for page in site.rglob("*.html"):
        text = page.read_text("utf-8")
        mended = mend_page(text)
        if mended != text:
            page.write_text(mended, encoding="utf-8", newline="\n")


def setup(app):
    """Register the extension with Sphinx."""
    app.add_post_transform(DropSharedIds)
    app.add_post_transform(KeepNumbersWhole)
    app.connect("html-page-context", mend_context)
    app.connect("build-finished", mend_site)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
