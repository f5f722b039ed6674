"""``bnteach exercises``: the exercises of the book, and which are solved here."""

from __future__ import annotations

from bnteach.commands import printing


def add_to(commands) -> None:
    """Add this command to the parser's commands."""
    listing = commands.add_parser(
        "exercises", help="the exercises, and which are solved here"
    )
    listing.add_argument(
        "--reset", action="store_true", help="forget which are solved here"
    )
    listing.add_argument(
        "name", nargs="?", metavar="NAME", help="show what this exercise asks"
    )
    listing.set_defaults(command=main)


def main(parsed) -> None:
    """Print one row an exercise, what one asks, or forget what was solved."""
    from bnteach.exercises import EXERCISES, catalogue, progress

    if parsed.reset:
        forgot = progress.reset()
        print("Forgot what was solved." if forgot else "Nothing was noted as solved.")
        return
    if parsed.name:
        _show(catalogue.get(parsed.name))
        return
    solved = progress.solved()
    columns = ("NAME", "CHAPTER", "MINUTES", "DIFFICULTY", "SOLVED", "QUESTION")
    table = printing.table(*columns)
    for exercise in EXERCISES.values():
        printing.add_row(
            table,
            exercise.name,
            str(exercise.chapter),
            str(exercise.minutes),
            exercise.difficulty,
            solved.get(exercise.name, "no"),
            exercise.question,
        )
    printing.show(table)
    count = sum(name in solved for name in EXERCISES)
    print(f"{count} of {len(EXERCISES)} solved, as noted in {progress.path()}.")
    print("`bnteach exercises NAME` shows what one asks.")


def _show(exercise) -> None:
    """Print what an exercise asks, and the cell to complete."""
    head = f"chapter {exercise.chapter}, {exercise.minutes} minutes"
    print(f"{exercise.name} ({head}, {exercise.difficulty})\n{exercise.question}\n")
    print("import numpy as np\n\nfrom bnteach.exercises import check, hint\n")
    print(exercise.stub.rstrip())
