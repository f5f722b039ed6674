"""The four steps of batch normalization on number lines, one below another."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from bnteach.batch_norm import batch_norm_train
from bnteach.page_figures.figure import PageFigure, two_digits

# An input can be moved from 0 to 10, gamma from -3 to 3, beta from -2 to 6: no value
# of a batch of five then leaves the number lines.
LOW, HIGH = -8.0, 12.0
INPUT_LOW, INPUT_HIGH = 0.0, 10.0
ROW_HEIGHT = 76  # pixels
ROWS = {
    "x": "x: the five numbers",
    "centred": "centre: d = x − μ",
    "x-hat": "scale: x̂ = d / s",
    "gamma": "gamma: γ x̂",
    "y": "beta: y = γ x̂ + β",
}


def number_lines(
    x: Sequence[float],
    gamma: float,
    beta: float,
    epsilon: float = 1e-3,
    *,
    name: str,
    description: str,
) -> PageFigure:
    """Show the four steps of batch normalization on number lines, one below another.

    Args:
        x: The values of one channel, shape (m,).
        gamma: Scale at the start.
        beta: Shift at the start.
        epsilon: Added to the variance, inside the square root.
        name: Under which the address of the page keeps the state.
        description: What is seen, for readers who do not see it.

    Returns:
        A figure in which the values, gamma and beta can be moved.
    """
    start = first_state(x, gamma, beta, epsilon, list(ROWS))
    controls = _slider(name, "gamma", gamma, -3, 3) + _slider(name, "beta", beta, -2, 6)
    return draw(start, name, description, controls)


def first_state(x, gamma, beta, epsilon, rows):
    """Return the state that the script starts from."""
    x = [float(value) for value in np.asarray(x, dtype=float)]
    limits = {"low": LOW, "high": HIGH, "inputLow": INPUT_LOW, "inputHigh": INPUT_HIGH}
    state = {"x": x, "gamma": gamma, "beta": beta, "epsilon": epsilon, "rows": rows}
    return {**state, **limits}


def row_values(start: dict) -> list[np.ndarray]:
    """Return the values on each number line of a state, each of shape (m,)."""
    x = np.array(start["x"])  # (m,)
    x_hat, cache = batch_norm_train(x[:, None], [1.0], [0.0], start["epsilon"])
    x_hat = x_hat[:, 0]
    scaled = start["gamma"] * x_hat
    values = {"x": x, "centred": x - cache.mean, "x-hat": x_hat, "gamma": scaled}
    values["y"] = scaled + start["beta"]
    return [values[name] for name in start["rows"]]


def _percent(value):
    inside = min(max(float(value), LOW), HIGH)
    return f"{4 + 92 * (inside - LOW) / (HIGH - LOW):.3f}%"


def draw(start, name, description, controls, below=""):
    """Return the figure of a state: number lines, what is `below` them, controls."""
    rows = row_values(start)
    height = ROW_HEIGHT * len(rows)
    zero = _percent(0)
    lines = (
        f'<line class="bn-zero" x1="{zero}" x2="{zero}" y1="30" y2="{height - 22}"/>'
    )
    lines += "".join(_links(index, *pair) for index, pair in enumerate(pairwise(rows)))
    for index, (title, values) in enumerate(zip(start["rows"], rows, strict=True)):
        lines += _row(index, ROWS[title], values)
    state = html.escape(json.dumps(start), quote=True)
    label = html.escape(description, quote=True)
    page = (
        f'<div class="bn-numbers" data-kind="lines" data-name="{name}" role="group" '
        f'aria-label="{label}" data-start="{state}">'
        f'<svg width="100%" height="{height}">{lines}</svg>{below}'
        f'<div class="bn-controls bn-needs-script">{controls}'
        '<button type="button" class="bn-reset">Reset</button></div></div>'
    )
    return PageFigure(page, description)


def _links(index, above, below):
    """Return lines from each value to what becomes of it on the next number line."""
    top = ROW_HEIGHT * index + 42
    lines = "".join(
        f'<line class="bn-link" x1="{_percent(a)}" x2="{_percent(b)}" '
        f'y1="{top}" y2="{top + ROW_HEIGHT}"/>'
        for a, b in zip(above, below, strict=True)
    )
    return f'<g data-links="{index}">{lines}</g>'


def _row(index, title, values):
    """Return one number line as SVG."""
    top, axis = ROW_HEIGHT * index, ROW_HEIGHT * index + 42
    mean, std = values.mean(), values.std()
    left, right = _percent(mean - std), _percent(mean + std)
    width = float(right[:-1]) - float(left[:-1])
    written = "\u2002".join(map(two_digits, values))
    parts = [
        f'<rect class="bn-band" x="{left}" width="{width:.3f}%" '
        f'y="{axis - 11}" height="22"/>',
        f'<line class="bn-axis" x1="2%" x2="98%" y1="{axis}" y2="{axis}"/>',
    ]
    parts += [
        f'<line class="bn-mean" x1="{_percent(mean)}" x2="{_percent(mean)}" '
        f'y1="{axis - 13}" y2="{axis + 13}"/>',
        f'<text x="0" y="{top + 18}">{title}</text>',
        f'<text class="bn-stat bn-soft-text" x="100%" y="{top + 18}" '
        f'text-anchor="end">mean {two_digits(mean)}, sd {two_digits(std)}</text>',
        f'<text class="bn-values bn-soft-text" x="100%" y="{axis + 26}" '
        f'text-anchor="end">{written}</text>',
    ]
    parts += [_point(i, value, axis, index == 0) for i, value in enumerate(values)]
    return f'<g data-row="{index}">{"".join(parts)}</g>'


def _point(i, value, axis, moves):
    at = f'cx="{_percent(value)}" cy="{axis}"'
    if not moves:
        return f'<g class="bn-point"><circle class="bn-dot" {at} r="5"/></g>'
    return (
        f'<g class="bn-point bn-handle" tabindex="0" role="slider" '
        f'aria-label="value {i + 1}" aria-valuemin="{INPUT_LOW:g}" '
        f'aria-valuemax="{INPUT_HIGH:g}" aria-valuenow="{value:g}">'
        f'<circle class="bn-reach" {at} r="16"/>'
        f'<circle class="bn-dot" {at} r="8"/></g>'
    )


def _slider(name, label, value, low, high):
    return (
        f'<div class="bn-control"><label for="{name}-{label}">{label}</label>'
        f'<input type="range" id="{name}-{label}" name="{label}" min="{low}" '
        f'max="{high}" step="0.1" value="{value:g}">'
        f"<output>{two_digits(value)}</output></div>"
    )
