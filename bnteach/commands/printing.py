"""Tables and durations as the commands print them."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

from bnteach import runs


def table(*columns: str) -> Table:
    """Return an empty table with these headings."""
    empty = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        empty.add_column(column, overflow="fold")
    return empty


def show(filled: Table) -> None:
    """Print a table, as wide as the window; into a file no line is cut."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    console.print(filled)


def duration(seconds: float) -> str:
    """Return a time in the unit that suits it, for example "12 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def measured_table(finished: runs.Run) -> Table:
    """Mean, lowest and highest of every single number that was measured at the end."""
    first = next(iter(finished.variants.values()))[0]["measured"]
    names = [name for name, value in first.items() if isinstance(value, float | int)]
    filled = table("VARIANT", *(name.replace("_", " ").upper() for name in names))
    for variant in finished.variants:
        cells = []
        for name in names:
            values = finished.measured(variant, name)
            cells.append(f"{values.mean():.4f} ({values.min():.4f}-{values.max():.4f})")
        filled.add_row(variant, *cells)
    return filled
