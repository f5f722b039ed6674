"""``bnteach list``: the experiments, and what they cost here."""

from __future__ import annotations

from bnteach import experiments, runs
from bnteach.commands import printing


def add_to(commands) -> None:
    """Add this command to the parser's commands."""
    listing = commands.add_parser("list", help="experiments, and what they cost here")
    listing.set_defaults(command=main)


def main(parsed) -> None:
    """Print one row an experiment."""
    from bnteach.runs.costs import cost_seconds, machine_factor

    factor = machine_factor()
    sizes = (profile.upper() for profile in experiments.PROFILES)
    table = printing.table("NAME", "WHAT", "VARIANTS", *sizes, "RECORDED")
    recorded = runs.list_runs()
    for experiment in experiments.EXPERIMENTS.values():
        costs = [
            printing.duration(cost_seconds(experiment.name, profile, factor))
            if profile in experiment.profiles
            else ""
            for profile in experiments.PROFILES
        ]
        records = [name for name in recorded if _belongs(name, experiment)]
        printing.add_row(
            table,
            experiment.name,
            experiment.title,
            str(len(experiment.variants)),
            *costs,
            ", ".join(records) or "no",
        )
    printing.show(table)
    print("Times are estimates for this machine, with the profile's own seeds.")


def _belongs(record: str, experiment) -> bool:
    """Tell whether a recorded run, named by its file, is one of an experiment."""
    stems = (f"{experiment.name}-{profile}" for profile in experiment.profiles)
    return record in (experiment.name, *stems)
