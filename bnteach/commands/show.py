"""``bnteach show``: table and picture of a recorded run."""

from __future__ import annotations

from pathlib import Path

from bnteach import runs
from bnteach.commands import printing
from bnteach.files import atomic_path, expand

SUFFIXES = (".png", ".svg", ".pdf")


def add_to(commands) -> None:
    """Add this command to the parser's commands."""
    show = commands.add_parser("show", help="table and picture of a recorded run")
    show.add_argument("name", metavar="NAME")
    show.add_argument(
        "--directory",
        type=Path,
        metavar="DIR",
        help="look there alone (default: the folder that BNTEACH_RESULTS_DIR names, "
        "runs in this folder, the runs that come with the package)",
    )
    show.add_argument(
        "--picture",
        type=Path,
        metavar="FILE",
        help="where the picture goes: a file, PNG unless its name ends in .svg or "
        ".pdf, or a folder (default: NAME.png in this folder)",
    )
    show.set_defaults(command=main)


def main(parsed) -> None:
    """Print what was measured and draw the curves."""
    path = _picture(parsed.picture, Path(parsed.name).name)
    unfinished = runs.read_unfinished(parsed.name, parsed.directory)
    if unfinished is None:
        finished = runs.read(parsed.name, parsed.directory)
        title = finished.label()
        line = f"{title}, {finished.processor}"
    else:
        finished, title = unfinished.run, unfinished.label()
        line = f"{title}, in {unfinished.folder}"
    if finished is None:
        print(printing.plain(line))
        return
    print(printing.plain(finished.title))
    print(printing.plain(line))
    printing.show(printing.measured_table(finished))
    curve = _curve_of_all(finished)
    if curve is None:
        print("No picture: the variants have no curve in common.")
        return
    _draw(finished, curve, title, path)
    print(f"Picture: {path}")


def _picture(asked: Path | None, name: str) -> Path:
    """Return the path of the picture, with the suffix that says how it is stored."""
    path = Path(f"{name}.png") if asked is None else expand(asked, "--picture")
    if path.is_dir():
        path = path / f"{name}.png"
    if not path.suffix:
        path = path.with_name(f"{path.name}.png")
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(
            f"expected a picture (--picture) that ends in {', '.join(SUFFIXES)}. "
            f"Received: {path}"
        )
    return path


def _curve_of_all(finished: runs.Run) -> str | None:
    """Return the curve to draw: the accuracy in validation, or the first there is."""
    parts = [part for several in finished.variants.values() for part in several]
    common = [n for n in parts[0]["curves"] if all(n in p["curves"] for p in parts)]
    if "val_accuracy" in common:
        return "val_accuracy"
    return common[0] if common else None


def _draw(finished: runs.Run, name: str, title: str, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from bnteach import plotting

    plotting.use_style()
    figure, ax = plt.subplots()
    for variant in finished.variants:
        curve = {_literal(variant): finished.curve(variant, name)}
        plotting.plot_curves(ax, finished.step(variant), curve, ylabel=_literal(name))
    ax.set_title(_literal(title, 90), fontsize="small")
    with atomic_path(path) as temporary:
        figure.savefig(temporary)
    plt.close(figure)


def _literal(text: str, most: int = 40) -> str:
    """Return a text that Matplotlib draws as it is, cut where there is no room.

    It would read a formula between dollars, and leave out a name that begins with "_".
    """
    text = " " * (text[:1] in "_") + printing.plain(text)
    text = text if len(text) <= most else text[: most - 1] + "…"
    return text.replace("$", r"\$")
