"""Figures: functions take arrays and an ``ax`` and return the ``ax``.

The look is in ``book.mplstyle`` beside this file. Interactive figures are Altair
charts whose parameters are recomputed in the page, with no server behind it.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import os
from collections.abc import Mapping, Sequence
from importlib import resources

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes


def use_style() -> None:
    """Apply the book's matplotlib style to all figures made afterwards."""
    with resources.as_file(resources.files("bnteach") / "book.mplstyle") as path:
        plt.style.use(path)


def plot_curves(
    ax: Axes,
    step: Sequence[float],
    curves: Mapping[str, np.ndarray],
    *,
    xlabel: str = "training step",
    ylabel: str = "",
) -> Axes:
    """Draw one line a name; several seeds become their mean and a band of min to max.

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
        (line,) = ax.plot(step, values.mean(axis=0), label=name)
        if len(values) > 1:
            low, high = values.min(axis=0), values.max(axis=0)
            ax.fill_between(step, low, high, color=line.get_color(), alpha=0.15, lw=0)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.legend()
    return ax


def plot_percentiles(
    ax: Axes,
    step: Sequence[float],
    percentiles: np.ndarray,
    *,
    names: Sequence[str] = ("15th", "50th", "85th"),
    ylabel: str = "input of the unit",
) -> Axes:
    """Draw how percentiles of one quantity move while a network trains.

    Args:
        ax: where to draw.
        step: x positions, shape (T,).
        percentiles: shape (T, P), one column a percentile.
        names: P labels, drawn at the right end of each line.
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
    for column, name in zip(percentiles.T, names, strict=True):
        middle = name.startswith("50")
        ax.plot(step, column, color="C0", ls="-" if middle else "--", lw=1.6)
        ax.annotate(
            name,
            (step[-1], column[-1]),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize="small",
        )
    ax.margins(x=0.1)
    ax.set(xlabel="training step", ylabel=ylabel)
    return ax


class Interactive:
    """An Altair chart that shows itself where it stands: site, notebook or paper.

    On the site a small script draws the chart in the page; in JupyterLab and the
    classic notebook the chart brings its own script along, so that it works without
    a network; anywhere else, and where scripts are off, the still picture remains.
    """

    def __init__(self, chart, description: str):
        self.chart = chart.properties(description=description)
        self.description = description

    def __repr__(self) -> str:
        return f"<interactive figure: {self.description}>"

    def _repr_html_(self) -> str:
        return self._live_html() if _in_live_session() else self._site_html()

    def _live_html(self) -> str:
        import altair
        import vl_convert

        version = altair.SCHEMA_VERSION.removeprefix("v").rsplit(".", 1)[0]
        bundle = vl_convert.javascript_bundle(vl_version=version)
        spec = self._spec()
        # Two charts in one notebook need two names; the same chart keeps its own.
        div = "bn-" + hashlib.sha256(spec.encode()).hexdigest()[:12]
        # All in one function: the notebook runs every script in one global scope, where
        # the same names may not be declared twice.
        script = (
            f"(() => {{\n{bundle}\n"
            f'vegaEmbed("#{div}", {spec}, {{actions: false}});\n}})();'
        )
        return f'<div id="{div}"></div><script>{_inside_script(script)}</script>'

    def _spec(self) -> str:
        return json.dumps(self.chart.to_dict(), sort_keys=True)

    def _site_html(self) -> str:
        spec = _inside_script(self._spec())
        alt = html.escape(self.description, quote=True)
        return (
            '<div class="bn-interactive">'
            f'<script type="application/vnd.vegalite+json">{spec}</script>'
            f'<img class="bn-still" src="data:image/png;base64,{self._png()}" '
            f'alt="{alt}"></div>'
        )

    def _png(self) -> str:
        import vl_convert
        from PIL import Image

        png = vl_convert.vegalite_to_png(self.chart.to_dict(), scale=1)
        small = io.BytesIO()
        with Image.open(io.BytesIO(png)) as picture:
            picture.convert("RGB").quantize(64).save(small, "PNG", optimize=True)
        return base64.b64encode(small.getvalue()).decode("ascii")


def interactive(chart, description: str) -> Interactive:
    """Show an Altair chart whose parameters can be moved by mouse and keyboard.

    Args:
        chart: an ``altair`` chart with bound parameters.
        description: what the chart shows, for readers who do not see it; becomes
            the alternative text of the still picture and the chart's label.

    Returns:
        An object that the notebook displays.

    Raises:
        ValueError: the description is empty.
    """
    if not description.strip():
        raise ValueError(
            f"expected a description of what the chart shows. Received: {description!r}"
        )
    return Interactive(chart, description)


def _inside_script(text: str) -> str:
    # "</script" would end the element early; in JavaScript and JSON "\/" is "/".
    return text.replace("</script", "<\\/script")


def _in_live_session() -> bool:
    # Set by Jupyter's server for kernels that a person opened; not by the tools that
    # execute notebooks for the site or the tests.
    return "JPY_SESSION_NAME" in os.environ
