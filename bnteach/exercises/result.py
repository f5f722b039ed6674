"""What a check answers, and how it is shown: in words, in a notebook with a colour."""

from __future__ import annotations

import html
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

STATUSES = ("not attempted", "error", "shape", "property", "value", "right")
NOT_ATTEMPTED = "not attempted yet"
WIDTH = 80  # of printed lines; a page of the book shows no more without a scrollbar
HEADS = {
    "error": "not yet right: it raised an error",
    "shape": "not yet right: the type or the shape",
    "property": "not yet right: a property does not hold",
    "value": "not yet right: the values are off",
    "right": "right",
}
COLOURS = {"right": "#2e7d32", "not attempted": "#757575"}
OTHER_COLOUR = "#c62828"


@dataclass(frozen=True)
class Result:
    """The outcome of a check.

    Attributes:
        status: one of `STATUSES`, from "not attempted" to "right".
        kind: a short word for what is wrong, for example "unbiased-variance"; empty
            where there is nothing to name.
        message: what to tell the person who wrote the answer.
    """

    status: str
    kind: str
    message: str

    def __post_init__(self):
        if self.status not in STATUSES:
            raise ValueError(
                f"expected status to be one of {', '.join(STATUSES)}. "
                f"Received: {self.status!r}"
            )

    def __repr__(self):
        """Leave the message out: `check` has shown it already."""
        return f"Result(status={self.status!r}, kind={self.kind!r})"

    def _ipython_display_(self):
        """Show nothing as the last line of a cell: `check` has shown it already."""

    @property
    def text(self) -> str:
        """The message in lines of 80 characters, below one that names the status."""
        if self.status == "not attempted":
            return self.message
        return f"{HEADS[self.status]}\n{wrapped(self.message)}"


def listed(names: Sequence[str]) -> str:
    """Join names: "a", "a and b", "a, b and c"."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def wrapped(text: str) -> str:
    """Return a text in lines of at most 80 characters; long words stay whole."""
    lines = []
    for paragraph in text.splitlines():
        lines += textwrap.wrap(
            paragraph, WIDTH, break_long_words=False, break_on_hyphens=False
        ) or [""]
    return "\n".join(lines)


def show(result: Result) -> None:
    """Print the result; in a notebook one that was judged gets a colour.

    An untouched stub prints plain text everywhere: its output is kept and compared.
    """
    shell = _notebook()
    if shell is None or result.status == "not attempted":
        print(result.text)
        return
    from IPython.display import display

    display({"text/plain": result.text, "text/html": _html(result)}, raw=True)


def _notebook():
    """Return the shell of a notebook's kernel, None in a terminal or a script."""
    if "IPython" not in sys.modules:
        return None
    shell = sys.modules["IPython"].get_ipython()
    return shell if getattr(shell, "kernel", None) is not None else None


def _html(result: Result) -> str:
    """Return a box with a coloured edge; its words say the same without the colour."""
    colour = COLOURS.get(result.status, OTHER_COLOUR)
    head, _, rest = result.text.partition("\n")
    body = f"<pre style='white-space: pre-wrap; margin: 0'>{html.escape(rest)}</pre>"
    style = f"border-left: 4px solid {colour}; padding: 0.2em 0.8em"
    return (
        f'<div class="bnteach-result" data-status="{result.status}" style="{style}">'
        f"<strong>{html.escape(head)}</strong>{body}</div>"
    )
