"""The command line: ``python -m bnteach list | run | show | data``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from bnteach import experiments, results

EXIT_ERROR = 2
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    parsed = _parser().parse_args(arguments)
    try:
        return parsed.command(parsed) or 0
    except KeyboardInterrupt:
        print("\nStopped. What is finished is kept; the same command goes on.")
        return EXIT_INTERRUPTED
    except tuple(_expected_errors()) as error:
        print(f"bnteach: {error}", file=sys.stderr)
        return EXIT_ERROR


def _expected_errors():
    """Yield the exceptions that tell a user what to do; others are bugs."""
    yield from (ValueError, KeyError, OSError, results.ResultsError)
    if "bnteach.datasets" in sys.modules:
        yield sys.modules["bnteach.datasets"].DatasetError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bnteach",
        description="Run the experiments of the book and look at recorded runs.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    listing = commands.add_parser("list", help="experiments, and what they cost here")
    listing.set_defaults(command=_list)

    run = commands.add_parser(
        "run",
        help="run an experiment and write what was measured",
        description="Run an experiment. Ctrl-C stops it; the same command goes on.",
    )
    run.add_argument("name", metavar="NAME", help="see: python -m bnteach list")
    run.add_argument("--profile", choices=experiments.PROFILES, help="default: quick")
    run.add_argument("--seeds", type=int, metavar="N", help="how many seeds, from 0")
    run.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        default=Path("runs"),
        help="folder for the finished run and for unfinished parts (default: runs)",
    )
    run.add_argument(
        "--strategy",
        choices=("mirrored", "multi-worker"),
        help="share each batch among all GPUs of this machine, or among the workers "
        "that TF_CONFIG names, on each of which this command must be started "
        "(TensorFlow only; default: one device)",
    )
    run.set_defaults(command=_run)

    show = commands.add_parser("show", help="table and picture of a recorded run")
    show.add_argument("name", metavar="NAME")
    show.add_argument(
        "--directory", type=Path, metavar="DIR", help="default: book/results"
    )
    show.add_argument(
        "--picture",
        type=Path,
        metavar="FILE",
        help="where the picture goes (default: NAME.png in this folder)",
    )
    show.set_defaults(command=_show)

    data = commands.add_parser("data", help="what data is where; fetch, export")
    data.set_defaults(command=_data)
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
    return parser


def _list(parsed) -> None:
    from bnteach.runner import cost_seconds, machine_factor

    factor = machine_factor()
    sizes = (profile.upper() for profile in experiments.PROFILES)
    table = _table("NAME", "WHAT", "VARIANTS", *sizes, "RECORDED")
    recorded = results.list_runs()
    for experiment in experiments.EXPERIMENTS.values():
        costs = [
            _duration(cost_seconds(experiment.name, profile, factor))
            if profile in experiment.profiles
            else ""
            for profile in experiments.PROFILES
        ]
        records = [name for name in recorded if _belongs(name, experiment)]
        table.add_row(
            experiment.name,
            experiment.title,
            str(len(experiment.variants)),
            *costs,
            ", ".join(records) or "no",
        )
    _print(table)
    print("Times are estimates for this machine, with the profile's own seeds.")


def _belongs(record: str, experiment) -> bool:
    """Tell whether a recorded run, named by its file, is one of an experiment."""
    stems = (f"{experiment.name}-{profile}" for profile in experiment.profiles)
    return record in (experiment.name, *stems)


def _run(parsed) -> None:
    profile = experiments.profile_name(parsed.profile)
    # Before the seconds that loading a framework takes.
    experiments.settings(experiments.get(parsed.name), profile)
    from bnteach import runner

    seconds = runner.cost_seconds(parsed.name, profile, seeds=parsed.seeds)
    print(f"{parsed.name}, {profile} profile: about {_duration(seconds)} here.")
    if parsed.strategy == "multi-worker":
        print("Waiting until all workers that TF_CONFIG names are there.", flush=True)
    finished = runner.run(
        parsed.name,
        profile,
        seeds=parsed.seeds,
        directory=parsed.out,
        progress=True,
        strategy=parsed.strategy,
    )
    if finished is None:
        print("This worker is done. The first one has written the run.")
        return
    _print(_measured_table(finished))
    print(f"Written: {parsed.out / (finished.stem + '.json')}")


def _show(parsed) -> None:
    finished = results.read(parsed.name, parsed.directory)
    print(finished.title)
    print(f"{finished.label()}, {finished.processor}")
    _print(_measured_table(finished))
    path = parsed.picture or Path(f"{parsed.name}.png")
    _draw(finished, path)
    print(f"Picture: {path}")


def _data(parsed) -> None:
    from bnteach import datasets

    table = _table("NAME", "WHERE", "SIZE", "NOTE")
    for row in datasets.describe():
        where = " ".join(filter(None, [row["where"], row["path"]])) or "nowhere"
        size = "" if row["size"] is None else f"{row['size'] / 1e6:.0f} MB"
        note = "; ".join(filter(None, [row["note"], row["command"]]))
        table.add_row(row["name"], where, size, note or "checked: the original")
    _print(table)


def _fetch(parsed) -> None:
    from bnteach import datasets

    for name in parsed.names:
        with _DownloadBar() as bar:
            path = datasets.fetch(name, parsed.directory, progress=bar)
        print(f"{name}: {path}")


def _export(parsed) -> None:
    from bnteach import datasets

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


def _measured_table(finished: results.Run) -> Table:
    """Mean, lowest and highest of every single number that was measured at the end."""
    first = next(iter(finished.variants.values()))[0]["measured"]
    names = [name for name, value in first.items() if isinstance(value, float | int)]
    table = _table("VARIANT", *(name.replace("_", " ").upper() for name in names))
    for variant in finished.variants:
        cells = []
        for name in names:
            values = finished.measured(variant, name)
            cells.append(f"{values.mean():.4f} ({values.min():.4f}-{values.max():.4f})")
        table.add_row(variant, *cells)
    return table


def _draw(finished: results.Run, path: Path) -> None:
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


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _print(table: Table) -> None:
    # Piped into a file there is no window to fit into, and no line may be cut.
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    console.print(table)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


if __name__ == "__main__":
    sys.exit(main())
