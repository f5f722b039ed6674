"""Figures as notebooks store them: SVG that is the same in each run, or a sharp PNG.

What is stored has the light look on white, right for JupyterLab and for the page where
the code is hosted. The site makes the dark look out of it and lets panels stack.
"""

from __future__ import annotations

import io
import itertools
import re

from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

HEAVY = 400_000  # characters of an SVG; what is longer becomes a PNG
PAD = 0.05  # inches around what is drawn
NOTHING = dict.fromkeys(("Creator", "Date", "Format", "Type"))
_NOT_SHOWN = re.compile("<!--.*?-->|<metadata>.*?</metadata>", re.DOTALL)
_NUMBERS = re.compile(r'( d="M[^"]*"|\b(?:x|y|points)="[^"]*"|translate\([^)]*\))')


def show_as_svg() -> None:
    """Let this notebook show figures as SVG; does nothing outside of a notebook."""
    try:
        from IPython import get_ipython
    except ImportError:
        return
    shell = get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        return
    # Importing it lets it set its own formats first, which are then replaced.
    import matplotlib_inline.backend_inline  # noqa: F401

    formatter = shell.display_formatter
    for kind in formatter.formatters.values():
        kind.type_printers.pop(Figure, None)
    formatter.mimebundle_formatter.for_type(Figure, bundle)


def bundle(figure: Figure, include=None, exclude=None) -> tuple[dict, dict]:
    """Return `figure` as Jupyter shows it, and the size to show it at.

    Args:
        figure: a figure of matplotlib.
        include: not used, part of Jupyter's interface.
        exclude: not used, part of Jupyter's interface.

    Returns:
        The formats and their metadata: an SVG, or a PNG with twice the pixels where
        the SVG would be heavy.
    """
    names = {"text/plain": repr(figure)}
    text = svg(figure)
    if len(text) <= HEAVY:
        return {"image/svg+xml": text, **names}, {}
    box = _box(figure)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=192, bbox_inches=box)
    size = {"width": round(96 * box.width), "height": round(96 * box.height)}
    return {"image/png": stream.getvalue(), **names}, {"image/png": size}


def svg(figure: Figure) -> str:
    """Return `figure` as an SVG of few bytes that does not change from run to run.

    A figure of `plotting.panels` says in `data-panels` where each panel starts and how
    wide it is, in the units of the view box.
    """
    box = _box(figure)
    stream = io.StringIO()
    figure.savefig(stream, format="svg", bbox_inches=box, metadata=NOTHING)
    text = _NOT_SHOWN.sub("", stream.getvalue())
    text = _NUMBERS.sub(lambda match: _rounded(match[0]), text[text.index("<svg") :])
    text = re.sub(r"\s*\n\s*", "\n", text).strip() + "\n"
    parts = _panels(figure, box)
    return text.replace("<svg ", f'<svg data-panels="{parts}" ', 1) if parts else text


def _rounded(text: str) -> str:
    # A hundredth of a point is less than what a screen shows.
    def number(match: re.Match) -> str:
        shorter = f"{float(match[0]):.2f}".rstrip("0").rstrip(".")
        return "0" if shorter == "-0" else shorter

    return re.sub(r"-?\d+\.\d+", number, text)


def _box(figure: Figure) -> Bbox:
    figure.canvas.draw()
    return figure.get_tightbbox(figure.canvas.get_renderer()).padded(PAD)


def _panels(figure: Figure, box: Bbox) -> str:
    axes = getattr(figure, "bn_panels", ())
    if len(axes) < 2:
        return ""
    renderer = figure.canvas.get_renderer()
    boxes = [ax.get_tightbbox(renderer) for ax in axes]
    neighbours = itertools.pairwise(boxes)
    middles = [(left.x1 + right.x0) / 2 / figure.dpi for left, right in neighbours]
    edges = [box.x0, *middles, box.x1]
    starts = [72 * (edge - box.x0) for edge in edges]
    pairs = itertools.pairwise(starts)
    return ";".join(f"{start:.2f} {end - start:.2f}" for start, end in pairs)
