"""What one example of a batch does to the others: values to drag, and the Jacobian."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bnteach.batch_norm import batch_norm_backward, batch_norm_train
from bnteach.page_figures.figure import PageFigure, two_digits
from bnteach.page_figures.lines import draw, first_state, row_values


def coupling(
    x: Sequence[float], epsilon: float = 1e-3, *, name: str, description: str
) -> PageFigure:
    """Show a batch, its normalized values and the Jacobian between its examples.

    Args:
        x: The values of one channel, shape (m,).
        epsilon: Added to the variance, inside the square root.
        name: Under which the address of the page keeps the state.
        description: What is seen, for readers who do not see it.

    Returns:
        A figure in which the values can be moved and the mode chosen.
    """
    start = first_state(x, 1.0, 0.0, epsilon, ["x", "x-hat"])
    controls = (
        f'<div class="bn-mode"><input type="checkbox" id="{name}-mode" '
        f'name="inference"><label for="{name}-mode">inference mode: mean and variance '
        "stay those of the start</label></div>"
    )
    return draw(start, name, description, controls, _jacobian_table(x, epsilon))


def jacobian(x: Sequence[float], epsilon: float = 1e-3) -> np.ndarray:
    """Return the slopes of every normalized value for every input, one channel.

    Args:
        x: The values of one channel, shape (m,).
        epsilon: Added to the variance, inside the square root.

    Returns:
        Shape (m, m), row i for output i: one backward pass a row.
    """
    column = np.asarray(x, dtype=float)[:, None]  # (m, 1)
    _, cache = batch_norm_train(column, [1.0], [0.0], epsilon)
    starts = np.eye(len(column))[:, :, None]  # (m, m, 1)
    return np.array([batch_norm_backward(dy, cache)[0][:, 0] for dy in starts])


def _jacobian_table(x, epsilon):
    """Return the Jacobian as a table, with the values of x above and x-hat beside."""
    x_hat = row_values(first_state(x, 1.0, 0.0, epsilon, ["x-hat"]))[0]
    head = "".join(
        f'<th scope="col" data-at="{j}">{two_digits(v)}</th>' for j, v in enumerate(x)
    )
    lines = []
    for value, entries in zip(x_hat, jacobian(x, epsilon), strict=True):
        cells = "".join(map(_cell, entries))
        lines.append(f'<tr><th scope="row">{two_digits(value)}</th>{cells}</tr>')
    return (
        '<table class="bn-table"><caption>Slope of x̂ (row) for x (column)'
        f"</caption><thead><tr><th>x̂ \\ x</th>{head}</tr></thead>"
        f"<tbody>{''.join(lines)}</tbody></table>"
    )


def _cell(entry):
    colour = "var(--bn-out)" if entry < 0 else "var(--bn-in)"
    share = round(45 * min(abs(entry) / 0.4, 1))
    shade = f"background:color-mix(in srgb, {colour} {share}%, transparent)"
    return f'<td style="{shade}">{two_digits(entry)}</td>'
