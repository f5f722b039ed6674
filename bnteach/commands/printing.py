"""Tables and durations as the commands print them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from bnteach import runs


def table(*columns: str) -> Table:
    """Return an empty table with these headings."""
    empty = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        empty.add_column(plain(column), overflow="fold")
    return empty


def add_row(filled: Table, *cells: str) -> None:
    """Add a row of texts to a table; they may be from anywhere."""
    filled.add_row(*map(plain, cells))


def show(filled: Table) -> None:
    """Print a table, as wide as the window; into a file no line is cut."""
    literal = {"markup": False, "emoji": False, "highlight": False}
    console = Console(**literal)
    if not console.is_terminal:
        console = Console(width=160, **literal)
    console.print(filled)


def plain(text: str) -> str:
    """Return a text in one line, without what would move or colour the terminal."""
    return "".join(
        letter if letter.isprintable() else repr(letter)[1:-1] for letter in text
    )


def duration(seconds: float) -> str:
    """Return a time in the unit that suits it, for example "12 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def measured_table(finished: runs.Run) -> Table:
    """Mean, lowest and highest of every single number that was measured at the end."""
    measured = {
        variant: [part["measured"] for part in parts]
        for variant, parts in finished.variants.items()
    }
    names = _numbers(measured)
    filled = table("VARIANT", *(name.replace("_", " ").upper() for name in names))
    for variant, several in measured.items():
        cells = [_cell([found.get(name) for found in several]) for name in names]
        add_row(filled, variant, *cells)
    return filled


def _numbers(measured: Mapping[str, list[Mapping]]) -> list[str]:
    """Return the names of single numbers, in their order, of whichever variant."""
    all_of_them = [found for several in measured.values() for found in several]
    names = dict.fromkeys(name for found in all_of_them for name in found)
    return [
        name
        for name in names
        if all(isinstance(f.get(name), int | float | None) for f in all_of_them)
    ]


def _cell(values: list[float | None]) -> str:
    """Return mean, lowest and highest; null in a file stands for NaN or infinity.

    That is what a diverged network measures.
    """
    numbers = np.array([np.nan if v is None else v for v in values], float)
    finite = numbers[np.isfinite(numbers)]
    if not len(finite):
        return "diverged"
    text = f"{finite.mean():.4f} ({finite.min():.4f}-{finite.max():.4f})"
    lost = len(values) - len(finite)
    return f"{text}, {lost} of {len(values)} diverged" if lost else text
