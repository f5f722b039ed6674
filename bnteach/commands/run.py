"""``bnteach run``: run an experiment and write what was measured."""

from __future__ import annotations

import os
from pathlib import Path

from bnteach import experiments, runs
from bnteach.commands import printing
from bnteach.files import expand
from bnteach.runs import checks, costs


def add_to(commands) -> None:
    """Add this command to the parser's commands."""
    run = commands.add_parser(
        "run",
        help="run an experiment and write what was measured",
        description="Run an experiment. Ctrl-C stops it; the same command goes on.",
    )
    run.add_argument("name", metavar="NAME", help="see: bnteach list")
    run.add_argument("--profile", choices=experiments.PROFILES, help="default: quick")
    run.add_argument("--seeds", type=int, metavar="N", help="how many seeds, from 0")
    run.add_argument(
        "--only",
        action="append",
        metavar="VARIANT",
        help='run this variant alone, for example "ReLU + BN"; may be given several '
        "times. What is finished of the others stays in the run",
    )
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
    run.set_defaults(command=main)


def main(parsed) -> None:
    """Run the experiment and print what was measured at the end."""
    profile = experiments.profile_name(parsed.profile)
    seeds, chosen, folder = _checked(parsed, profile)
    # TensorFlow's start-up lines say nothing that helps.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    seconds = costs.cost_seconds(parsed.name, profile, seeds=seeds, variants=chosen)
    print(f"{parsed.name}, {profile} profile: about {printing.duration(seconds)} here.")
    if parsed.strategy == "multi-worker":
        print("Waiting until all workers that TF_CONFIG names are there.", flush=True)
    finished = runs.run(
        parsed.name,
        profile,
        seeds=seeds,
        variants=chosen,
        directory=folder,
        progress=True,
        strategy=parsed.strategy,
    )
    if finished is None:
        print("This worker is done. The first one has written the run.")
        return
    printing.show(printing.measured_table(finished))
    print(f"Written: {folder / (finished.stem + '.json')}")
    option = "" if folder in runs.search_path() else f' --directory "{folder}"'
    print(f"Its curves: bnteach show {finished.stem}{option}")


def _checked(parsed, profile: str) -> tuple[int, list[str], Path]:
    """Return seeds, variants and folder of the run, or say at once what is wrong.

    Loading a framework takes seconds, and training may take hours.
    """
    experiment = experiments.get(parsed.name)
    settings = experiments.settings(experiment, profile)
    seeds = checks.seed_count(parsed.seeds, settings)
    chosen = checks.chosen_variants(experiment, settings, parsed.only)
    strategy = parsed.strategy
    checks.check_backend(experiment, settings, chosen, strategy)
    folder = expand(parsed.out, "--out")
    if checks.check_strategy(strategy):
        checks.check_folder(folder, parsed.name, profile)
    return seeds, chosen, folder
