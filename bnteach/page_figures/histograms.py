"""What enters a layer while its network learns: a histogram and the accuracy below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bnteach import palette
from bnteach.interactive import Interactive, interactive

COLOUR = f"bn ? '{palette.BN}' : '{palette.PLAIN}'"
SHOWN = "datum.bn === bn && datum.step === step"
# Has batch normalization, name, colour and dashes of the line, where its name stands.
NETWORKS = (
    (False, "plain", palette.PLAIN, [1, 0], -10),
    (True, "batch norm", palette.BN, [6, 4], 14),
)


def training_histograms(
    step: Sequence[int],
    edges: Sequence[float],
    counts: Mapping[bool, Mapping[str, np.ndarray]],
    accuracy: Mapping[bool, np.ndarray],
    *,
    description: str,
) -> Interactive:
    """Show histograms of a sigmoid's inputs at a step that the reader chooses.

    Bars are shares of the fullest bin. Behind them stands the slope of the sigmoid as
    a share of its greatest value; below them the accuracy of both networks.

    Args:
        step: training steps of the records, evenly spaced, shape (T,).
        edges: of the bins, evenly spaced, shape (bins + 1,).
        counts: for the networks without (False) and with batch normalization (True),
            the name of what is counted -> counts, shape (T, bins).
        accuracy: for both networks, from 0 to 1, shape (T,).
        description: what is seen, for readers who do not see it.

    Returns:
        A figure with a slider for the step, a box for batch normalization and a list
        of what to look at.

    Raises:
        ValueError: counts or accuracies that do not fit the steps and the bins.
    """
    import altair as alt

    step = [int(number) for number in step]
    for bn in (False, True):
        for name, values in counts[bn].items():
            _check(f"counts of {name!r}", values, (len(step), len(edges) - 1))
        _check("accuracy", accuracy[bn], (len(step),))
    views = list(counts[False])
    upper = alt.layer(_slope(edges), _bars(step, edges, counts, views), _words(edges))
    lower = _curves(step, accuracy)
    chart = upper.properties(height=190) & lower
    return interactive(chart.add_params(*_params(step, views)), description)


def _check(name: str, values: Any, shape: tuple[int, ...]) -> None:
    if np.shape(values) != shape:
        raise ValueError(
            f"expected {name} with shape {shape}. Received: {np.shape(values)}"
        )


def _params(step, views):
    import altair as alt

    slider = {"min": step[0], "max": step[-1], "step": step[1] - step[0]}
    return (
        alt.param(
            name="step", value=step[0], bind=alt.binding_range(name="step", **slider)
        ),
        alt.param(name="bn", value=False, bind=alt.binding_checkbox(name="batch norm")),
        alt.param(
            name="which",
            value=views[0],
            bind=alt.binding_select(options=views, name="inputs of"),
        ),
    )


def _bars(step, edges, counts, views):
    import altair as alt

    rows = [
        {"bn": bn, "view": view, "step": at, "count": [int(n) for n in row]}
        for bn in (False, True)
        for view in views
        for at, row in zip(step, counts[bn][view], strict=True)
    ]
    low, width = float(edges[0]), float(edges[1] - edges[0])
    bins = len(edges) - 1
    bars = (
        alt.Chart(alt.Data(values=rows))
        .transform_filter(f"{SHOWN} && datum.view === which")
        .transform_calculate(bin=f"sequence(0, {bins})")
        .transform_flatten(["count", "bin"])
        .transform_joinaggregate(most="max(count)")
        .transform_calculate(
            share="datum.count / datum.most",
            left=f"{low} + {width} * datum.bin",
            right=f"{low} + {width} * (datum.bin + 1)",
        )
        .mark_rect(color=alt.expr(COLOUR), opacity=0.75)
    )
    x = alt.X(
        "left:Q",
        scale=alt.Scale(domain=[low, float(edges[-1])]),
        axis=alt.Axis(title="input of the sigmoid"),
    )
    y = alt.Y(
        "share:Q",
        scale=alt.Scale(domain=[0, 1.05]),
        axis=alt.Axis(title="share of the fullest", tickCount=3, format="%"),
    )
    return bars.encode(x=x, x2="right:Q", y=y, y2=alt.YDatum(0))


def _words(edges):
    import altair as alt

    named = "(bn ? 'batch norm' : 'plain') + ', step ' + format(step, ',')"
    words = alt.Chart(alt.Data(values=[{}])).transform_calculate(words=named)
    at = {"x": alt.XDatum(float(edges[0])), "y": alt.YDatum(0.93)}
    return words.mark_text(align="left", dx=8, fontSize=15).encode(**at, text="words:N")


def _slope(edges):
    """Draw the slope of the sigmoid, as a share of its greatest value."""
    import altair as alt

    at = np.linspace(edges[0], edges[-1], 81)
    values = [
        {"left": float(v), "share": round(float(1 - np.tanh(v / 2) ** 2), 4)}
        for v in at
    ]
    line = alt.Chart(alt.Data(values=values)).mark_line(
        color=palette.OTHERS[2], strokeDash=[5, 4]
    )
    label = (
        alt.Chart(alt.Data(values=[{}]))
        .mark_text(align="left", color=palette.text_colour(palette.OTHERS[2]))
        .encode(
            x=alt.XDatum(0.27 * float(edges[-1])),
            y=alt.YDatum(0.42),
            text=alt.TextValue("slope"),
        )
    )
    return line.encode(x="left:Q", y="share:Q") + label


def _curves(step, accuracy):
    import altair as alt

    rows = [
        {"bn": bn, "step": at, "accuracy": round(float(value), 4)}
        for bn in (False, True)
        for at, value in zip(step, accuracy[bn], strict=True)
    ]
    base = alt.Chart(alt.Data(values=rows))
    x = alt.X(
        "step:Q",
        scale=alt.Scale(domain=[step[0], step[-1]]),
        axis=alt.Axis(title="step", tickCount=5),
    )
    y = alt.Y(
        "accuracy:Q",
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(title="accuracy", tickCount=3, format="%"),
    )
    layers = [
        layer.encode(x=x, y=y)
        for network in NETWORKS
        for layer in _curve(base, step[len(step) // 6], *network)
    ]
    now = base.transform_filter(SHOWN)
    rule = now.mark_rule(color=palette.OTHERS[2]).encode(x=x)
    dot = now.mark_point(filled=True, size=90, color=alt.expr(COLOUR), opacity=1)
    return alt.layer(*layers, rule, dot.encode(x=x, y=y)).properties(height=110)


def _curve(base, at, bn, name, colour, dash, dy):
    """Return the line of a network, and its name beside the step `at`."""
    chosen = base.transform_filter(f"datum.bn === {str(bn).lower()}")
    line = chosen.mark_line(color=colour, strokeDash=dash)
    words = palette.text_colour(colour)
    label = chosen.transform_filter(f"datum.step === {at}")
    return line, label.mark_text(text=name, align="left", color=words, dy=dy)
