"""Figures: functions take arrays and an ``ax`` and return the ``ax``.

The look is in ``book.mplstyle`` beside this file, the colours are in ``palette``: a
network that is named gets the one colour and line style that it has in the whole book.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation

from bnteach import palette, pictures
from bnteach.interactive import Interactive, interactive

__all__ = [
    "Interactive",
    "interactive",
    "label_ends",
    "panels",
    "plot_curves",
    "plot_percentiles",
    "use_style",
]
LINE_STYLES = ("-", "--", "-.", ":")


def use_style() -> None:
    """Apply the book's style to all figures made afterwards; notebooks show SVG."""
    with resources.as_file(resources.files("bnteach") / "book.mplstyle") as path:
        plt.style.use(path)
    pictures.show_as_svg()


def panels(
    count: int, *, height: float = 3.3, width: float = 7.4, **options
) -> tuple[Figure, Sequence[Axes]]:
    """Make one row of panels, which stack on a narrow screen of the site.

    Args:
        count: number of panels.
        height: of the row, in inches.
        width: of the whole row, in inches.
        **options: for ``plt.subplots``, such as ``sharey=True``; each panel keeps the
            numbers at its axis, since it may stand alone.

    Returns:
        The figure and its axes, from left to right.

    Raises:
        ValueError: ``count`` is less than 2.
    """
    if count < 2:
        raise ValueError(f"expected 2 panels or more. Received: {count}")
    figure, axes = plt.subplots(1, count, figsize=(width, height), **options)
    for ax in axes:
        ax.tick_params(labelleft=True)
    figure.bn_panels = list(axes)
    return figure, axes


def plot_curves(
    ax: Axes,
    step: Sequence[float],
    curves: Mapping[str, np.ndarray],
    *,
    xlabel: str = "training step",
    ylabel: str = "",
) -> Axes:
    """Draw one line a name; several seeds become their mean and a band of min to max.

    Each name stands at the right end of its line. A name of a network ("plain",
    "batch norm", "ReLU + BN") gives the line the look of that network.

    Args:
        ax: where to draw.
        step: x positions, shape (T,).
        curves: name -> array of shape (T,) or (seeds, T).
        xlabel: label of the x axis.
        ylabel: label of the y axis.

    Returns:
        The same ``ax``.

    Raises:
        ValueError: a curve has another number of points than ``step``.
    """
    for name, values in curves.items():
        values = np.atleast_2d(np.asarray(values, dtype=float))  # (seeds, T)
        if values.shape[-1] != len(step):
            raise ValueError(
                f"expected curve {name!r} with {len(step)} points, one a step. "
                f"Received: shape {values.shape}"
            )
        look = _look(ax, name)
        (line,) = ax.plot(step, values.mean(axis=0), label=name, **look)
        if len(values) > 1:
            low, high = values.min(axis=0), values.max(axis=0)
            ax.fill_between(step, low, high, color=line.get_color(), alpha=0.15, lw=0)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    return label_ends(ax)


def _look(ax: Axes, name: str) -> dict[str, str]:
    look = palette.network_style(name)
    if look is None:
        return {}  # the next of the style's cycle
    # A second curve of the same network keeps the colour and takes a free line style.
    colour = look["color"]
    taken = {line.get_linestyle() for line in ax.lines if line.get_color() == colour}
    free = [s for s in (look["linestyle"], *LINE_STYLES) if s not in taken]
    return {**look, "linestyle": free[0]} if free else look


def plot_percentiles(
    ax: Axes,
    step: Sequence[float],
    percentiles: np.ndarray,
    *,
    names: Sequence[str] = ("15th", "50th", "85th"),
    network: str = "plain",
    ylabel: str = "input of the unit",
) -> Axes:
    """Draw how percentiles of one quantity move while a network trains.

    Args:
        ax: where to draw.
        step: x positions, shape (T,).
        percentiles: shape (T, P), one column a percentile.
        names: P labels, drawn at the right end of each line.
        network: the network that they belong to, whose colour they get.
        ylabel: label of the y axis.

    Returns:
        The same ``ax``.

    Raises:
        ValueError: ``percentiles`` is not of shape (len(step), len(names)).
    """
    percentiles = np.asarray(percentiles, dtype=float)
    if percentiles.shape != (len(step), len(names)):
        raise ValueError(
            f"expected percentiles with shape ({len(step)}, {len(names)}). "
            f"Received: {percentiles.shape}"
        )
    look = palette.network_style(network) or {"color": palette.OTHERS[0]}
    for column, name in zip(percentiles.T, names, strict=True):
        style = "-" if name.startswith("50") else "--"
        ax.plot(step, column, color=look["color"], ls=style, lw=1.6, label=name)
    ax.set(xlabel="training step", ylabel=ylabel)
    return label_ends(ax)


def label_ends(ax: Axes) -> Axes:
    """Write the name of each labelled line of ``ax`` at the line's right end.

    Names move apart where they would touch, also when the axis is changed afterwards.
    They take the place of a legend; a second call replaces the first.

    Args:
        ax: axes with lines that have a ``label``.

    Returns:
        The same ``ax``.
    """
    for text in [text for text in ax.texts if isinstance(text, _EndLabel)]:
        text.remove()
    group: list[_EndLabel] = []
    for line in ax.lines:
        if not str(line.get_label()).startswith("_"):
            group.append(_EndLabel(ax, line, group))
    for label in group:
        ax.add_artist(label)
    return ax


class _EndLabel(Annotation):
    """The name of one line; all of its group are placed when they are drawn."""

    def __init__(self, ax: Axes, line: Line2D, group: list[_EndLabel]):
        self.group = group
        y = np.asarray(line.get_ydata(), dtype=float)
        self.end = next((value for value in y[::-1] if np.isfinite(value)), None)
        super().__init__(
            str(line.get_label()),
            (1, 0),
            xycoords="axes fraction",
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color=palette.text_colour(to_hex(line.get_color())),
            annotation_clip=False,
            clip_on=False,
        )
        self.set_visible(self.end is not None)

    def wanted(self) -> float:
        """Return the height in pixels of the line's end, kept within the axes."""
        box = self.axes.bbox
        height = self.axes.transData.transform((self.axes.get_xlim()[0], self.end))[1]
        # On a logarithmic axis zero has no height: it is below all.
        return min(max(height, box.y0), box.y1) if np.isfinite(height) else box.y0

    def update_positions(self, renderer) -> None:
        """Move the name next to those of the other lines; matplotlib calls it."""
        shown = sorted((a for a in self.group if a.get_visible()), key=_EndLabel.wanted)
        gap = 1.15 * renderer.points_to_pixels(self.get_fontsize())
        limits = self.axes.bbox.y0, self.axes.bbox.y1
        heights = spread_apart([label.wanted() for label in shown], gap, *limits)
        shift = heights[shown.index(self)] - self.axes.bbox.y0
        self.xyann = (4, shift / renderer.points_to_pixels(1))
        super().update_positions(renderer)


def spread_apart(
    heights: Sequence[float], gap: float, low: float, high: float
) -> list[float]:
    """Return ``heights`` moved as little as needed to lie ``gap`` apart.

    Args:
        heights: positions in ascending order.
        gap: the least distance of two neighbours.
        low: the lowest position to take; it wins where there is too little room.
        high: the highest position to take.

    Returns:
        The new positions; those that stood too close lie around their common middle.
    """
    blocks: list[list[float]] = []  # each: the middle, the number of its members
    for height in heights:
        blocks.append([height, 1])
        while len(blocks) > 1:
            (a, m), (b, n) = blocks[-2:]
            if b - a >= gap * (m + n) / 2:
                break
            blocks[-2:] = [[(a * m + b * n) / (m + n), m + n]]
    placed = [
        middle + gap * (place - (count - 1) / 2)
        for middle, count in blocks
        for place in range(int(count))
    ]
    last = len(placed) - 1
    placed = [min(y, high - gap * (last - i)) for i, y in enumerate(placed)]
    return [max(y, low + gap * i) for i, y in enumerate(placed)]
