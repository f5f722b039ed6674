"""Shows all hints of an exercise on the page, where no kernel runs, one at a time.

A folded cell (tag `plumbing`) that holds nothing but calls such as

    hint("batch-norm-forward")

becomes a bar for the first hint; the bar of the next hint lies in it, and so on. In a
notebook the cell stays what it is: each call prints one hint. The texts are those of
`bnteach.exercises`, so that page and notebook never differ.
"""

import re

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

from bnteach.exercises import EXERCISES
from code_folds import cell_tags, is_cell, is_input
from html_tag import tag

LOGGER = logging.getLogger(__name__)
CALL = re.compile(r"""hint\((["'])(?P<name>[^"']+)\1\)""")


def asked(cell):
    """Return the names that a cell asks hints for; none if it does anything else."""
    if not is_cell(cell) or "plumbing" not in cell_tags(cell):
        return []
    source = "\n".join(part.astext() for part in cell.findall(is_input))
    calls = [CALL.fullmatch(line.strip()) for line in source.splitlines() if line]
    return [call["name"] for call in calls] if all(calls) else []


def paragraph(text):
    """Return a paragraph; what stands between backticks is code."""
    made = nodes.paragraph()
    for place, part in enumerate(text.split("`")):
        made += nodes.literal("", part) if place % 2 else nodes.Text(part)
    return made


def bars(hints, of_what=""):
    """Return the bar of the first hint; each bar holds the one of the next hint.

    Args:
        hints: Texts, each says more than the one before.
        of_what: What the hints are for, where a reader could not tell.
    """
    bar = None
    for number in range(len(hints), 0, -1):
        label = f"Hint {number} of {len(hints)}"
        if number == 1 and of_what:
            label += f" for {of_what}"
        inside = [paragraph(hints[number - 1]), *([bar] if bar else [])]
        bar = tag("details", tag("summary", label), *inside, classes=["bn-hint"])
    return bar


def neighbours(cells):
    """Yield the lists of cells that follow each other with nothing between them."""
    run = []
    for cell in cells:
        if run and cell.parent is run[-1].parent:
            parent = cell.parent
            if parent.index(cell) == parent.index(run[-1]) + 1:
                run.append(cell)
                continue
        if run:
            yield run
        run = [cell]
    if run:
        yield run


class ShowHints(SphinxPostTransform):
    """Puts hints in the place of the cells that ask for them, before cells fold."""

    default_priority = 140
    formats = ("html",)

    def run(self, **kwargs):
        """Show the hints of one page."""
        cells = [cell for cell in self.document.findall(is_cell) if asked(cell)]
        for run in list(neighbours(cells)):
            names = [(cell, name) for cell in run for name in asked(cell)]
            made = [self.bars_for(*each, len(names) > 1) for each in names]
            parent, place = run[0].parent, run[0].parent.index(run[0])
            parent[place : place + len(run)] = [bar for bar in made if bar is not None]

    def bars_for(self, cell, name, one_of_several):
        """Return the bars of an exercise's hints; None, and a warning, without one."""
        if name not in EXERCISES:
            message = "hint: expected the name of an exercise. Received: %r"
            LOGGER.warning(message, name, location=cell)
            return None
        return bars(EXERCISES[name].hints, name if one_of_several else "")


def setup(app):
    """Register the extension with Sphinx."""
    app.setup_extension("html_tag")
    app.add_post_transform(ShowHints)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
