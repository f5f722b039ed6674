"""``bnteach data``: what data is where; fetch it, export it."""

from __future__ import annotations

from pathlib import Path

from tqdm import tqdm

from bnteach import datasets
from bnteach.commands import printing


def add_to(commands) -> None:
    """Add this command to the parser's commands."""
    data = commands.add_parser("data", help="what data is where; fetch, export")
    data.set_defaults(command=main)
    actions = data.add_subparsers(title="actions", metavar="ACTION")
    fetch = actions.add_parser("fetch", help="download a data set into the cache")
    fetch.add_argument("names", nargs="+", metavar="NAME")
    fetch.add_argument(
        "--directory",
        type=Path,
        metavar="DIR",
        help="default: BNTEACH_DATA_DIR, else the cache",
    )
    fetch.set_defaults(command=_fetch)
    export = actions.add_parser(
        "export", help="write NAME.npz files, for a class without a network"
    )
    export.add_argument("directory", type=Path, metavar="DIR")
    export.add_argument("names", nargs="*", metavar="NAME", help="default: all at hand")
    export.set_defaults(command=_export)


def main(parsed) -> None:
    """Print one row a data set."""
    table = printing.table("NAME", "WHERE", "SIZE", "NOTE")
    for row in datasets.describe():
        where = " ".join(filter(None, [row["where"], row["path"]])) or "nowhere"
        size = "" if row["size"] is None else f"{row['size'] / 1e6:.0f} MB"
        note = "; ".join(filter(None, [row["note"], row["command"]]))
        printing.add_row(
            table, row["name"], where, size, note or "checked: the original"
        )
    printing.show(table)


def _fetch(parsed) -> None:
    for name in parsed.names:
        with _DownloadBar() as bar:
            path = datasets.fetch(name, parsed.directory, progress=bar)
        print(f"{name}: {path}")


def _export(parsed) -> None:
    for path in datasets.export(parsed.directory, parsed.names or None):
        print(path)
    print(f"To use them: BNTEACH_DATA_DIR={parsed.directory}")


class _DownloadBar:
    """Shows how far each file of a download is, with the time left."""

    def __init__(self):
        self.bar = None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.bar is not None:
            self.bar.close()

    def __call__(self, file: str, received: int, whole: int | None) -> None:
        if self.bar is None or self.bar.desc != f"{file}: ":
            self.__exit__()
            self.bar = tqdm(desc=file, unit="B", unit_scale=True)
        self.bar.total = whole
        self.bar.update(received - self.bar.n)
