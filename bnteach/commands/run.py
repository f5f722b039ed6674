"""``bnteach run``: run an experiment and write what was measured."""

from __future__ import annotations

from pathlib import Path

from bnteach import experiments
from bnteach.commands import printing


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
    # Before the seconds that loading a framework takes.
    experiments.settings(experiments.get(parsed.name), profile)
    from bnteach.runs import costs, runner

    seconds = costs.cost_seconds(parsed.name, profile, seeds=parsed.seeds)
    print(f"{parsed.name}, {profile} profile: about {printing.duration(seconds)} here.")
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
    printing.show(printing.measured_table(finished))
    print(f"Written: {parsed.out / (finished.stem + '.json')}")
