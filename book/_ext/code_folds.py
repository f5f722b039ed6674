"""Folds what a reader of the page need not see: one named bar for each figure.

Two tags of a cell decide, and nothing else has to be said:

- `hide-input`: the code is folded, what it shows stays on the page.
- `plumbing`: the whole cell is folded, with what it prints: imports, helpers, checks.

Cells with these tags that follow each other without text between them share one bar,
which stands below what they show and takes its name from the figure among them ("Code
of Fig. 2.3"). Helpers before a figure and checks after it thus go into its bar. Without
a figure the name says what the code is for; `code_prompt_show`, under `mystnb` in the
metadata of a cell, replaces it.
"""

import re
from dataclasses import dataclass, field

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

from html_tag import tag

LOGGER = logging.getLogger(__name__)
TAGS = {"hide-input", "plumbing"}
NOTE = (
    "Every claim with a number is asserted in a cell of this page. The cells that are "
    "folded away hold the code of the figures and these checks; they run like all "
    "others when the site is built, and a check that fails stops the build."
)


@dataclass
class Fold:
    """The cells that share one bar, and the figures that they draw."""

    cells: list = field(default_factory=list)
    figures: list = field(default_factory=list)
    shown: list = field(default_factory=list)

    def source(self):
        """Return the code of all its cells."""
        parts = [part for cell in self.cells for part in cell.findall(is_input)]
        return "\n".join(part.astext() for part in parts)


def is_cell(node):
    """Return whether `node` is a cell with code."""
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def is_input(node):
    """Return whether `node` holds the code of a cell."""
    wanted = "cell_code_source"
    return isinstance(node, nodes.container) and node.get("nb_element") == wanted


def cell_tags(cell):
    """Return the tags of a cell."""
    return set(cell.get("cell_metadata", {}).get("tags", ()))


def is_folded(node):
    """Return whether `node` is a cell whose code is folded."""
    return is_cell(node) and bool(TAGS & cell_tags(node))


def figures_of(cell):
    """Return the ids of the figures that a cell draws, here or in another place."""
    drawn = [figure["ids"][0] for figure in cell.findall(nodes.figure) if figure["ids"]]
    return [*cell.get("moved_figures", ()), *drawn]


def runs(parent):
    """Yield the lists of folded cells that follow each other under `parent`."""
    run = []
    for child in parent.children:
        if is_folded(child):
            run.append(child)
        elif run:
            yield run
            run = []
    if run:
        yield run


def split_run(run):
    """Return the folds of a run: each ends with what it shows, and its checks."""
    folds = [Fold()]
    for cell in run:
        plumbing = "plumbing" in cell_tags(cell)
        shown = [] if plumbing else [part for part in cell if not is_input(part)]
        figures = figures_of(cell)
        if (folds[-1].shown or folds[-1].figures) and not plumbing:
            folds.append(Fold())
        folds[-1].cells.append(cell)
        folds[-1].figures += figures
        folds[-1].shown += shown
    return folds


class FoldCells(SphinxPostTransform):
    """Puts folded cells under their bars, before myst-nb would fold each by itself."""

    default_priority = 150
    formats = ("html",)

    def run(self, **kwargs):
        """Fold the cells of one page."""
        cells = list(self.document.findall(is_folded))
        parents = {id(cell.parent): cell.parent for cell in cells}
        for parent in parents.values():
            for run in list(runs(parent)):
                place = parent.index(run[0])
                made = [node for fold in split_run(run) for node in self.fold(fold)]
                parent[place : place + len(run)] = made
        if cells:
            note = nodes.paragraph("", NOTE, classes=["bn-fold-note"])
            self.document.next_node(nodes.section).append(note)

    def fold(self, fold):
        """Return the nodes of one fold: what it shows, then the bar."""
        label = self.label(fold)  # while the cells still have all their parts
        visible = []
        for cell in fold.cells:
            cell.attributes.pop("hide_mode", None)
            outputs = [part for part in cell if not is_input(part)]
            if "plumbing" in cell_tags(cell) or not outputs:
                if any(output.next_node(nodes.figure) for output in outputs):
                    message = "expected no figure in a cell with the tag plumbing"
                    LOGGER.warning(message, location=cell)
                continue
            output = cell.copy()
            output += outputs
            cell.children = [part for part in cell if is_input(part)]
            visible.append(output)
        identity = [f"code-of-{fold.figures[0]}"] if fold.figures else []
        summary = tag("summary", label)
        bar = tag("details", summary, *fold.cells, classes=["bn-fold"], ids=identity)
        return [*visible, bar]

    def label(self, fold):
        """Return the name of a bar."""
        options = [cell["cell_metadata"].get("mystnb", {}) for cell in fold.cells]
        given = [o["code_prompt_show"] for o in options if "code_prompt_show" in o]
        if given:
            return given[0]
        source = fold.source()
        checks = bool(re.search(r"^\s*assert\b", source, re.MULTILINE))
        if fold.figures:
            names = " and ".join(map(self.figure_name, fold.figures))
            return f"Code of {names}" + (" and its checks" if checks else "")
        if fold.shown:
            return "Code of this output" + (" and its checks" if checks else "")
        if checks:
            return "Checks"
        imports = re.search(r"^(import|from) ", source, re.MULTILINE)
        return "Set-up" if imports else "Helper code"

    def figure_name(self, figure):
        """Return the number of a figure as its caption has it."""
        numbers = self.env.toc_fignumbers.get(self.env.docname, {}).get("figure", {})
        if figure not in numbers:
            return "this figure"
        number = ".".join(map(str, numbers[figure]))
        return self.config.numfig_format["figure"] % number


def setup(app):
    """Register the extension with Sphinx."""
    app.setup_extension("html_tag")
    app.add_post_transform(FoldCells)
    app.add_css_file("folds.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
