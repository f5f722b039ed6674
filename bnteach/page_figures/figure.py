"""What a notebook displays, and how these figures write numbers."""

from __future__ import annotations

import os
from importlib import resources

FILES = resources.files("bnteach") / "page"


class PageFigure:
    """A figure in HTML.

    Args:
        page: The figure in its first state.
        description: What is seen, for readers who do not see it.

    Raises:
        ValueError: the description is empty.
    """

    def __init__(self, page: str, description: str):
        if not description.strip():
            raise ValueError(
                "expected a description of what the figure shows. "
                f"Received: {description!r}"
            )
        self.page = page
        self.description = description

    def __repr__(self) -> str:
        return f"<interactive figure: {self.description}>"

    def _repr_html_(self) -> str:
        # Set by Jupyter's server for kernels that a person opened. The site brings
        # style and script by itself.
        if "JPY_SESSION_NAME" not in os.environ:
            return self.page
        style = (FILES / "bn-numbers.css").read_text("utf-8")
        script = (FILES / "bn-numbers.js").read_text("utf-8")
        return f"<style>{style}</style>{self.page}<script>{script}</script>"


def two_digits(value: float) -> str:
    """Return a number with two decimals, a real minus sign and no negative zero."""
    text = f"{value:.2f}"
    return ("0.00" if text == "-0.00" else text).replace("-", "−")
