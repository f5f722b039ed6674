"""The command line: ``bnteach COMMAND``, or ``python -m bnteach COMMAND``."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence

import bnteach

EXIT_ERROR = 2
EXIT_INTERRUPTED = 130
EXIT_PIPE = 141  # as of a program that ends by the signal SIGPIPE
PACKAGES = {"PIL": "pillow", "sklearn": "scikit-learn"}  # others: the same name


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    try:
        try:
            return _run(arguments)
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()  # what goes wrong here is told, not at the end
    except BrokenPipeError:
        _drop_output()
        return EXIT_PIPE
    except OSError as error:
        _drop_output()
        return _complain(error)


def _run(arguments: Sequence[str] | None) -> int:
    try:
        parsed = _parser().parse_args(arguments)
        return parsed.command(parsed) or 0
    except KeyboardInterrupt:
        print("\nStopped. What is finished is kept; the same command goes on.")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        raise
    except tuple(_expected_errors()) as error:
        return _complain(error)


def _expected_errors():
    """Yield the exceptions that tell a user what to do; others are bugs."""
    yield from (ValueError, KeyError, OSError, MemoryError, ImportError)
    for module, name in (
        ("bnteach.runs.results", "ResultsError"),
        ("bnteach.runs.collection", "RunError"),
        ("bnteach.datasets.catalogue", "DatasetError"),
    ):
        if module in sys.modules:
            yield getattr(sys.modules[module], name)


def _complain(error: BaseException) -> int:
    """Print what went wrong; nothing in it moves or colours the terminal."""
    lines = _text(error).splitlines() or [type(error).__name__]
    for start, line in zip(["bnteach: ", *[""] * len(lines)], lines, strict=False):
        plain = "".join(letter if letter.isprintable() else "?" for letter in line)
        print(start + plain, file=sys.stderr)
    return EXIT_ERROR


def _text(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError):
        name = (error.name or str(error)).partition(".")[0]
        package = PACKAGES.get(name, name)
        return (
            f"expected the package {package} in the environment of {sys.executable}. "
            f"Received: it is not there. Install it: python -m pip install {package}"
        )
    if isinstance(error, MemoryError):
        return "expected enough memory. Received: less than this command needs"
    if type(error) is KeyError:
        return f"expected an entry {error}. Received: none of that name"
    return str(error)


def _drop_output() -> None:
    """Let what is still to be written go nowhere: nobody takes it."""
    with contextlib.suppress(OSError, ValueError), open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    from bnteach.commands import COMMANDS  # here, because a package may be missing

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
