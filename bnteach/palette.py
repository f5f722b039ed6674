"""The colours of every figure, drawn or interactive, in light and in dark.

A network has one colour and one line style in the whole book: cool without batch
normalization, warm with it. What is no network takes its colour from `OTHERS`, in which
none of those occurs. Colours of the light look keep a contrast of 3:1 on white.
"""

from __future__ import annotations

import re

INK = "#1f2328"
PAPER = "#ffffff"
GRID = "#e0e0e0"
SHADE = "#f2ede4"
FAINT = "#bbbbbb"

PLAIN, BN, RELU, RELU_BN = "#0072b2", "#d55e00", "#009e73", "#aa4499"
# (has batch normalization, has ReLU) -> matplotlib's colour and line style
NETWORKS = {
    (False, False): {"color": PLAIN, "linestyle": "-"},
    (True, False): {"color": BN, "linestyle": "--"},
    (False, True): {"color": RELU, "linestyle": "-."},
    (True, True): {"color": RELU_BN, "linestyle": ":"},
}
# In the order of the style's cycle: the first four curves of other things.
OTHERS = ("#4636a3", "#9a6b00", "#6e7781", "#222222")

# Text in the colour of its line must be darker than the line to be read on white.
TEXT = {
    PLAIN: "#005f94",
    BN: "#a84a00",
    RELU: "#00714f",
    RELU_BN: "#8a2f7a",
    OTHERS[1]: "#7d5700",
    OTHERS[2]: "#57606a",
}

# What takes the place of each colour on the dark page, whose background is #121212.
DARK = {
    INK: "#e6e9ed",
    "#000000": "#e6e9ed",
    PAPER: "#121212",
    GRID: "#353c45",
    SHADE: "#2b2a26",
    FAINT: "#59616b",
    "#cccccc": "#4a525c",
    "#888888": "#9aa4ae",
    PLAIN: "#56b4e9",
    BN: "#ff8c42",
    RELU: "#3fc1a0",
    RELU_BN: "#e08bd0",
    OTHERS[0]: "#a99bff",
    OTHERS[1]: "#e3b341",
    OTHERS[2]: "#9aa4ae",
    OTHERS[3]: "#d6dbe1",
    "#005f94": "#7cc4ee",
    "#a84a00": "#ffa366",
    "#00714f": "#5fd0b3",
    "#8a2f7a": "#e8a3db",
    "#7d5700": "#ecc363",
    "#57606a": "#b1bac4",
}

_BN = re.compile(
    r"\b(bn|batch[ -]?norm(alization|alized)?|(our|keras'?s) layer)\b", re.IGNORECASE
)
_RELU = re.compile(r"\brelu\b", re.IGNORECASE)
_NETWORK = re.compile(r"^(plain|sigmoid|tanh|relu)\b|\bplain\b", re.IGNORECASE)
_WITHOUT = re.compile(r"\b(without|no) (bn|batch)", re.IGNORECASE)


def network_style(name: str) -> dict[str, str] | None:
    """Return the one look of the network that `name` names, None if it names none.

    Args:
        name: how a figure calls a curve, such as "plain", "ReLU + BN" or
            "batch norm, rate 0.1".

    Returns:
        Keyword arguments `color` and `linestyle` of matplotlib.
    """
    with_bn = bool(_BN.search(name)) and not _WITHOUT.search(name)
    if not (with_bn or _NETWORK.search(name) or _WITHOUT.search(name)):
        return None
    return dict(NETWORKS[with_bn, bool(_RELU.search(name))])


def text_colour(colour: str) -> str:
    """Return the colour for text that belongs to a line of `colour`."""
    return TEXT.get(colour.lower(), colour.lower())


def darkened(text: str) -> str:
    """Return an SVG or a style sheet with each colour of the book as it is in the dark.

    Colours that are not the book's, those of photographs and maps, stay.
    """

    def replaced(match: re.Match) -> str:
        colour = match[0].lower()
        whole = "#" + "".join(2 * c for c in colour[1:]) if len(colour) == 4 else colour
        return DARK.get(whole, match[0])

    return re.sub(r"#[0-9a-fA-F]{3}(?:[0-9a-fA-F]{3})?\b(?!\()", replaced, text)
