"""``bnteach show``: table and picture of a recorded run."""

from __future__ import annotations

from pathlib import Path

from bnteach import runs
from bnteach.commands import printing


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
        help="where the picture goes (default: NAME.png in this folder)",
    )
    show.set_defaults(command=main)


def main(parsed) -> None:
    """Print what was measured and draw the curves."""
    finished = runs.read(parsed.name, parsed.directory)
    print(finished.title)
    print(f"{finished.label()}, {finished.processor}")
    printing.show(printing.measured_table(finished))
    path = parsed.picture or Path(f"{parsed.name}.png")
    _draw(finished, path)
    print(f"Picture: {path}")


def _draw(finished: runs.Run, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from bnteach import plotting

    plotting.use_style()
    name = "val_accuracy"
    figure, ax = plt.subplots()
    for variant in finished.variants:
        curve = {variant: finished.curve(variant, name)}
        plotting.plot_curves(ax, finished.step(variant), curve, ylabel=name)
    ax.set_title(finished.label(), fontsize="small")
    figure.savefig(path)
    plt.close(figure)
