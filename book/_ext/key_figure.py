"""The directive `key-figure`: shows a figure of a later cell where the reader starts.

    :::{key-figure} fig-02-number-lines
    :::

The figure with this name, drawn by any cell of the same page, stands here, with its
caption and number; it is moved, not copied. The bar of its code stays with its cell.
"""

from docutils import nodes
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from code_folds import is_cell
from html_tag import tag

LOGGER = logging.getLogger(__name__)


class PendingFigure(nodes.General, nodes.Element):
    """The place that a figure goes to."""


class KeyFigure(SphinxDirective):
    """Marks the place of a figure that a later cell draws."""

    required_arguments = 1

    def run(self):
        """Return the mark."""
        place = PendingFigure("", figure=self.arguments[0])
        self.set_source_info(place)
        return [place]


def take(document, name):
    """Take the figure `name` out of the cell that draws it; None without one."""
    figures = document.findall(nodes.figure)
    figure = next((f for f in figures if name in (*f["names"], *f["ids"])), None)
    if figure is None:
        return None
    output = figure.parent
    output.remove(figure)
    cell = output
    while not (is_cell(cell) or isinstance(cell, nodes.document)):
        cell = cell.parent
    if is_cell(cell):
        cell["moved_figures"] = [*cell.get("moved_figures", ()), *figure["ids"][:1]]
        if not output.children:
            output.parent.remove(output)
    return figure


class PlaceFigures(SphinxTransform):
    """Moves figures to their places before they are numbered."""

    default_priority = 20  # after sphinx-exercise has put its solutions together

    def apply(self, **kwargs):
        """Move the figures of one page."""
        for place in list(self.document.findall(PendingFigure)):
            name = place["figure"]
            figure = take(self.document, name)
            if figure is None:
                message = "key-figure: expected the name of a figure of this page."
                LOGGER.warning(f"{message} Received: {name!r}", location=place)
                place.parent.remove(place)
                continue
            place.replace_self(tag("div", figure, classes=["bn-key-figure"]))


def setup(app):
    """Register the directive with Sphinx."""
    app.setup_extension("html_tag")
    app.add_node(PendingFigure)
    app.add_directive("key-figure", KeyFigure)
    app.add_transform(PlaceFigures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
