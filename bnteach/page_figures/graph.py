"""The backward pass of the training mode, one arrow of the graph at a time."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bnteach.page_figures.figure import PageFigure, two_digits

# Arrow of the graph (from-to) that the gradient goes back along, what happens there,
# the rule, the line of NumPy, and whose gradient it gives.
STEPS = [
    ("y-L", "The incoming gradient", "∂L/∂y is given", "dy", "y"),
    (
        "beta-y",
        "Back to β: every output has β in it, so add up",
        "∂L/∂β = Σ ∂L/∂yᵢ",
        "dbeta = dy.sum()",
        "β",
    ),
    (
        "gamma-y",
        "Back to γ: the slope is x̂, and every output has γ in it",
        "∂L/∂γ = Σ ∂L/∂yᵢ · x̂ᵢ",
        "dgamma = (dy * x_hat).sum()",
        "γ",
    ),
    (
        "x_hat-y",
        "Back to x̂: the slope is γ",
        "∂L/∂x̂ᵢ = ∂L/∂yᵢ · γ",
        "dx_hat = dy * gamma",
        "x̂",
    ),
    (
        "d-x_hat",
        "Back to d, first path: the slope is 1/s",
        "∂L/∂dᵢ (first path) = ∂L/∂x̂ᵢ / s",
        "first = dx_hat / s",
        "d, first path",
    ),
    (
        "s-x_hat",
        "Back to s: the slope is −dᵢ/s², and every x̂ has s in it",
        "∂L/∂s = −Σ ∂L/∂x̂ᵢ · dᵢ / s²",
        "ds = -(dx_hat * d).sum() / s**2",
        "s",
    ),
    (
        "variance-s",
        "Back to σ²: the slope of the root is 1/(2s)",
        "∂L/∂σ² = ∂L/∂s / (2s)",
        "dvariance = ds / (2 * s)",
        "σ²",
    ),
    (
        "squared-variance",
        "Back to d²: the slope of a mean is 1/m",
        "∂L/∂(dᵢ²) = ∂L/∂σ² / m",
        "dsquared = np.full(m, dvariance / m)",
        "d²",
    ),
    (
        "d-squared",
        "Back to d, second path: the slope is 2dᵢ. Both paths into d are added",
        "∂L/∂dᵢ = first path + ∂L/∂(dᵢ²) · 2dᵢ",
        "dd = first + dsquared * 2 * d",
        "d",
    ),
    (
        "x-d",
        "Back to x, first path: the slope is 1",
        "∂L/∂xᵢ (first path) = ∂L/∂dᵢ",
        "direct = dd",
        "x, first path",
    ),
    (
        "mean-d",
        "Back to μ: the slope is −1, and every d has μ in it",
        "∂L/∂μ = −Σ ∂L/∂dᵢ",
        "dmean = -dd.sum()",
        "μ",
    ),
    (
        "x-mean",
        "Back to x, second path: the slope is 1/m. Both paths into x are added",
        "∂L/∂xᵢ = first path + ∂L/∂μ / m",
        "dx = direct + dmean / m",
        "x",
    ),
]
WIDTH, HEIGHT = 340, 580
# Centre of each node, and what is written in it.
NODES = {
    "x": (190, 20, "x"),
    "mean": (55, 75, "μ"),
    "d": (190, 130, "d = x − μ"),
    "squared": (55, 195, "d²"),
    "variance": (55, 260, "σ²"),
    "s": (55, 325, "s"),
    "x_hat": (190, 390, "x̂ = d / s"),
    "gamma": (60, 525, "γ"),
    "beta": (283, 525, "β"),
    "y": (190, 470, "y = γ x̂ + β"),
    "L": (190, 560, "L"),
}
# Where the label of each arrow stands, and which end of it.
LABELS = {
    "y-L": (182, 520, "end"),
    "beta-y": (283, 560, "middle"),
    "gamma-y": (60, 560, "middle"),
    "x_hat-y": (198, 435, "start"),
    "d-x_hat": (198, 265, "start"),
    "s-x_hat": (0, 374, "start"),
    "variance-s": (64, 297, "start"),
    "squared-variance": (64, 232, "start"),
    "d-squared": (10, 160, "start"),
    "x-d": (198, 80, "start"),
    "mean-d": (0, 125, "start"),
    "x-mean": (35, 38, "start"),
}


class Step(NamedTuple):
    """One step of the backward pass.

    Attributes:
        arrow: The arrow that the gradient goes back along, "from-to".
        title: What happens.
        formula: The rule.
        code: The line of NumPy that gave the value.
        symbol: Whose gradient it is.
        value: The gradient, shape (m,) or ().
    """

    arrow: str
    title: str
    formula: str
    code: str
    symbol: str
    value: np.ndarray


def walk_back(
    x: Sequence[float], dy: Sequence[float], gamma: float, epsilon: float = 1e-3
) -> list[Step]:
    """Run the backward pass for one channel, one line of code after another.

    It is the chain rule of Ioffe and Szegedy (2015), section 3, not yet simplified.

    Args:
        x: The values of one channel, shape (m,).
        dy: Gradient of the loss for each output, shape (m,).
        gamma: Scale.
        epsilon: Added to the variance, inside the square root.

    Returns:
        The steps in their order; the last holds the gradient for x, shape (m,).
    """
    x, dy = np.asarray(x, dtype=float), np.asarray(dy, dtype=float)  # (m,)
    d = x - x.mean()  # (m,)
    s = np.sqrt((d**2).mean() + epsilon)  # ()
    names = {"np": np, "m": len(x), "dy": dy, "gamma": gamma}
    names |= {"d": d, "s": s, "x_hat": d / s}
    steps = []
    for arrow, title, formula, code, symbol in STEPS:
        exec(code, names)  # what the page shows is what ran
        value = np.asarray(names[code.split(" = ")[0]])
        steps.append(Step(arrow, title, formula, code, symbol, value))
    return steps


def backward_steps(
    x: Sequence[float],
    dy: Sequence[float],
    gamma: float,
    epsilon: float = 1e-3,
    *,
    name: str,
    description: str,
) -> PageFigure:
    """Show the computational graph and the way of the gradient back through it.

    Args:
        x: The values of one channel, shape (m,).
        dy: Gradient of the loss for each output, shape (m,).
        gamma: Scale.
        epsilon: Added to the variance, inside the square root.
        name: Under which the address of the page keeps the step.
        description: What is seen, for readers who do not see it.

    Returns:
        A figure with buttons for the next step and the one before.
    """
    steps = walk_back(x, dy, gamma, epsilon)
    arrows = "".join(_arrow(index, step) for index, step in enumerate(steps))
    nodes = "".join(_node(*node) for node in NODES.values())
    items = "".join(_item(*numbered) for numbered in enumerate(steps, start=1))
    label = html.escape(description, quote=True)
    page = (
        f'<div class="bn-numbers" data-kind="steps" data-name="{name}" role="group" '
        f'aria-label="{label}"><div class="bn-steps">'
        f'<svg class="bn-graph" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'aria-hidden="true">{arrows}{nodes}</svg><div>'
        '<div class="bn-buttons bn-needs-script"><button type="button">Back</button>'
        '<button type="button">Next</button><span class="bn-where"></span>'
        '<button type="button" class="bn-reset">Reset</button></div>'
        f'<ol class="bn-step-list" aria-live="polite">{items}</ol></div></div></div>'
    )
    return PageFigure(page, description)


def _shape(value):
    return f"({', '.join(map(str, value.shape))}{',' if value.ndim == 1 else ''})"


def _item(number, step):
    values = "\u2002".join(map(two_digits, np.atleast_1d(step.value)))
    return (
        f'<li class="bn-step" value="{number}"><span class="bn-title">'
        f'{step.title}</span><span class="bn-rule">{step.formula}</span>'
        f"<code>{html.escape(step.code)}</code>"
        f'<span class="bn-soft-text">{values}, shape {_shape(step.value)}</span></li>'
    )


def _half_width(text):
    return 5 * len(text.replace("\u0302", "")) + 8  # a combining hat has no width


def _node(x, y, text):
    half = _half_width(text)
    return (
        f'<g class="bn-node"><rect x="{x - half}" y="{y - 14}" '
        f'width="{2 * half}" height="28" rx="6"/>'
        f'<text x="{x}" y="{y + 5}">{text}</text></g>'
    )


def _ends(start, to):
    """Return where the way between two nodes leaves the one box and meets the other."""
    step = np.subtract(to[:2], start[:2])  # (2,)
    step = step / np.hypot(*step)

    def inside(text):
        x, y = np.maximum(np.abs(step), 1e-9)
        return min(_half_width(text) / x, 14 / y) + 2

    begin = np.array(start[:2]) + step * inside(start[2])
    return begin, np.array(to[:2]) - step * inside(to[2]), step


def _arrow(index, step):
    """Return one arrow against the forward direction, with its gradient and shape."""
    to, start = (NODES[name] for name in step.arrow.split("-"))
    begin, tip, way = _ends(start, to)
    across = np.array([-way[1], way[0]])
    corners = [tip, tip - 9 * way + 5 * across, tip - 9 * way - 5 * across]
    head = "L".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    value = "" if step.value.ndim else f" = {two_digits(step.value)}"
    x, y, anchor = LABELS[step.arrow]
    return (
        f'<g class="bn-arrow" data-step="{index}">'
        f'<path d="M{begin[0]:.1f},{begin[1]:.1f}L{tip[0]:.1f},{tip[1]:.1f}"/>'
        f'<path class="bn-head" d="M{head}Z"/>'
        f'<text x="{x}" y="{y}" text-anchor="{anchor}">'
        f"∂L/∂{step.symbol}{value} {_shape(step.value)}</text></g>"
    )
