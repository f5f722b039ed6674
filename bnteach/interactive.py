"""Interactive figures: Altair charts that are recomputed in the page, with no server.

On the site `page/bn-interactive.js` draws the chart when it comes near the view; in
JupyterLab and the classic notebook the figure brings that script along, so that it
works without a network; elsewhere, and where scripts are off, a still picture remains.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import html
import json
import os
import re
from importlib import resources
from typing import Any

from bnteach import palette

WIDE, NARROW = 680, 340  # pixels of the text on a wide screen and on a phone
SMALLEST = 13  # pixels of the smallest letters
# Wherever it is shown, the letters are as wide as in the still picture.
FONT = "'Liberation Sans', Arial, Helvetica, sans-serif"
_LINES = {"domainColor": palette.OTHERS[2], "tickColor": palette.OTHERS[2]}
_WORDS = {
    f"{part}{key}": value
    for part in ("label", "title")
    for key, value in (("Color", palette.INK), ("FontSize", SMALLEST))
}
# The picture as a whole has its description; a name for every mark says nothing more.
_SILENT: dict[str, Any] = {"aria": False}
CONFIG = {
    "background": palette.PAPER,
    "font": FONT,
    "padding": 2,
    "view": {"stroke": None},
    "mark": {**_SILENT, "color": palette.OTHERS[0]},
    "axis": {
        **_SILENT,
        **_WORDS,
        **_LINES,
        "gridColor": palette.GRID,
        "labelFlush": False,
        "titleFontWeight": "normal",
    },
    "legend": {**_SILENT, **_WORDS, "titleFontWeight": "normal", "symbolSize": 120},
    "header": _WORDS,
    "title": {**_SILENT, "color": palette.INK, "fontSize": 14, "anchor": "start"},
    "text": {"color": palette.INK, "fontSize": SMALLEST},
    "range": {"category": list(palette.OTHERS)},
}


class Interactive:
    """An Altair chart that shows itself where it stands: site, notebook or paper."""

    def __init__(self, chart, description: str, new_sample: str | None = None):
        self.chart = chart.properties(description=description)
        self.description = description
        self.new_sample = new_sample

    def __repr__(self) -> str:
        return f"<interactive figure: {self.description}>"

    def _repr_html_(self) -> str:
        return self._live_html() if _in_live_session() else self.page_html()

    def spec(self) -> dict[str, Any]:
        """Return the Vega-Lite specification in the book's look, without controls.

        What its parameters are bound to stands under `usermeta`: the page makes the
        controls itself, so that each has a name, a value and a place in the address.
        """
        spec = self.chart.to_dict()
        own = spec.get("config", {})
        keys = CONFIG.keys() | own.keys()
        spec["config"] = {key: _merged(CONFIG.get(key), own.get(key)) for key in keys}
        _enlarge(spec)
        names = {param["name"] for param in spec.get("params", [])}
        if self.new_sample is not None and self.new_sample not in names:
            raise ValueError(
                f"expected new_sample to be one of the parameters {sorted(names)}. "
                f"Received: {self.new_sample!r}"
            )
        spec["usermeta"] = {
            "controls": [c for p in spec.get("params", []) if (c := _pop(p))],
            "newSample": self.new_sample,
        }
        return spec

    def page_html(self) -> str:
        """Return what the site shows: specification, still picture and controls."""
        spec = self.spec()
        key = "bn-" + hashlib.sha256(_json(spec).encode()).hexdigest()[:8]
        still = still_picture(spec, WIDE)
        width, height = picture_size(still)
        narrow = picture_size(still_picture(stacked(spec), NARROW))[1]
        data = base64.b64encode(still.encode()).decode("ascii")
        alt = html.escape(self.description, quote=True)
        script = _inside_script(_json(spec))
        return (
            '<div class="bn-interactive" '
            f'style="--bn-height: {height}px; --bn-narrow-height: {narrow}px">'
            f'<script type="application/vnd.vegalite+json">{script}</script>'
            '<div class="bn-plot">'
            f'<img class="bn-still" src="data:image/svg+xml;base64,{data}" '
            f'alt="{alt}" width="{width}" height="{height}"></div>'
            f"{_form(spec['usermeta'], key)}</div>"
        )

    def _live_html(self) -> str:
        import altair
        import vl_convert

        version = altair.SCHEMA_VERSION.removeprefix("v").rsplit(".", 1)[0]
        bundle = vl_convert.javascript_bundle(vl_version=version)
        files = resources.files("bnteach") / "page"
        style = (files / "bn-interactive.css").read_text("utf-8")
        script = (files / "bn-interactive.js").read_text("utf-8")
        # All in one function: the notebook runs every script in one global scope, where
        # the same names may not be declared twice.
        text = _inside_script(f"(() => {{\n{bundle}\n{script}\n}})();")
        return f"<style>{style}</style>{self.page_html()}<script>{text}</script>"


def interactive(
    chart, description: str, *, new_sample: str | None = None
) -> Interactive:
    """Show an Altair chart whose parameters can be moved by mouse and keyboard.

    The figure is as wide as the text, has a button that resets it, and on the site
    keeps its values in the address of the page.

    Args:
        chart: an ``altair`` chart with bound parameters.
        description: what the chart shows, for readers who do not see it; becomes
            the alternative text of the still picture and the chart's label.
        new_sample: name of a parameter without a control that counts samples; a button
            "New sample" adds 1 to it. ``normal_draw`` draws by such a number.

    Returns:
        An object that the notebook displays.

    Raises:
        ValueError: the description is empty, or ``new_sample`` names no parameter of
            the chart.
    """
    if not description.strip():
        raise ValueError(
            f"expected a description of what the chart shows. Received: {description!r}"
        )
    figure = Interactive(chart, description, new_sample)
    figure.spec()
    return figure


def normal_draw(index: str, sample: str) -> str:
    """Return an expression of Vega for a standard normal draw, the same each time.

    Vega's own `random()` draws anew whenever a slider moves. This one depends on two
    numbers alone: a Box-Muller transform of two hashes of them.

    Args:
        index: expression for the number of the draw in its sample, "datum.i" say.
        sample: expression for the number of the sample.
    """

    def uniform(a: float, b: float) -> str:
        wave = f"abs(sin({a} * ({index} + 1) + {b} * ({sample} + 1)) * 43758.5453)"
        return f"({wave} - floor({wave}))"

    first, second = uniform(12.9898, 78.233), uniform(39.3468, 11.1351)
    return f"sqrt(-2 * log(max({first}, 1e-9))) * cos(2 * PI * {second})"


def stacked(spec: dict[str, Any]) -> dict[str, Any]:
    """Return `spec` with the charts of its row under each other."""
    spec = copy.deepcopy(spec)
    if "hconcat" in spec:
        spec["vconcat"] = spec.pop("hconcat")
    return spec


def still_picture(spec: dict[str, Any], width: int) -> str:
    """Return an SVG of `spec` that is `width` pixels wide, axes and labels included."""
    import vl_convert

    columns = len(spec.get("hconcat", [0]))
    inner = width / columns
    for _ in range(2):  # the first drawing tells how much room the axes take
        picture = vl_convert.vegalite_to_svg(_widened(spec, inner))
        inner = max(inner + (width - picture_size(picture)[0]) / columns, 60)
    return picture


def picture_size(svg: str) -> tuple[int, int]:
    """Return the width and the height that an SVG of Vega states, in pixels."""
    width, height = re.search(r'width="([\d.]+)" height="([\d.]+)"', svg).groups()
    return round(float(width)), round(float(height))


def _widened(spec: dict[str, Any], width: float) -> dict[str, Any]:
    for key in ("vconcat", "hconcat", "concat"):
        if key in spec:
            return {**spec, key: [_widened(part, width) for part in spec[key]]}
    return {**spec, "width": round(width)}


def _merged(ours: Any, own: Any) -> Any:
    if own is None:
        return ours
    both = isinstance(ours, dict) and isinstance(own, dict)
    return {**ours, **own} if both else own


def _enlarge(part: Any) -> None:
    """Raise sizes of letters that a phone would not show, in place."""
    if isinstance(part, list):
        for item in part:
            _enlarge(item)
    elif isinstance(part, dict):
        for key, value in part.items():
            if key.lower().endswith("fontsize") and isinstance(value, int | float):
                part[key] = max(value, SMALLEST)
            elif key not in ("data", "datasets"):
                _enlarge(value)


def _pop(param: dict[str, Any]) -> dict[str, Any] | None:
    """Take the control off a parameter; return it with the parameter's name."""
    if "select" in param or not isinstance(param.get("bind"), dict):
        return None
    bind = param.pop("bind")
    label = str(bind.get("name") or param["name"]).strip().rstrip(":").strip()
    return {**bind, "param": param["name"], "name": label, "value": param.get("value")}


def _form(meta: dict[str, Any], key: str) -> str:
    controls = "".join(_control(control, key) for control in meta["controls"])
    new = '<button type="button" class="bn-new" disabled>New sample</button>'
    reset = '<button type="button" class="bn-reset" disabled>Reset</button>'
    buttons = f"{new if meta['newSample'] else ''}{reset}"
    return (
        '<form class="bn-controls" autocomplete="off">'
        f'{controls}<div class="bn-buttons">{buttons}</div></form>'
    )


def _control(control: dict[str, Any], key: str) -> str:
    name = f"{key}-{control['param']}"
    kind, value = control["input"], control["value"]
    given = f'id="{name}" name="{control["param"]}" disabled'
    label = f'<label for="{name}">{html.escape(control["name"])}</label>'
    if kind in ("select", "radio"):
        names = control.get("labels") or control["options"]
        options = "".join(
            f'<option value="{number}"{" selected" if option == value else ""}>'
            f"{html.escape(str(shown))}</option>"
            for number, (option, shown) in enumerate(
                zip(control["options"], names, strict=True)
            )
        )
        field = f"<select {given}>{options}</select>"
    elif kind == "checkbox":
        field = f'<input type="checkbox" {given}{" checked" if value else ""}>'
    else:
        keys = ("min", "max", "step")
        limits = "".join(f' {k}="{control[k]:g}"' for k in keys if k in control)
        field = f'<input type="{kind}" {given}{limits} value="{value}">'
    shown = f'<span class="bn-value" aria-hidden="true">{value}</span>'
    shown = shown if kind == "range" else ""
    return f'<div class="bn-control">{label}{field}{shown}</div>'


def _json(spec: dict[str, Any]) -> str:
    return json.dumps(spec, sort_keys=True)


def _inside_script(text: str) -> str:
    # "</script" would end the element early; in JavaScript and JSON "\\/" is "/".
    return text.replace("</script", "<\\/script")


def _in_live_session() -> bool:
    # Set by Jupyter's server for kernels that a person opened; not by the tools that
    # execute notebooks for the site or the tests.
    return "JPY_SESSION_NAME" in os.environ
