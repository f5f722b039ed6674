"""The command line: ``bnteach COMMAND``, or ``python -m bnteach COMMAND``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import bnteach
from bnteach import runs
from bnteach.commands import COMMANDS

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
    yield from (ValueError, KeyError, OSError, ImportError)
    yield runs.ResultsError
    if "bnteach.datasets" in sys.modules:
        yield sys.modules["bnteach.datasets"].DatasetError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bnteach",
        description="Run the experiments of the book and look at recorded runs.",
    )
    version = f"bnteach {bnteach.__version__}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_to(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
