"""Read and write recorded runs, and find them."""

from __future__ import annotations

import difflib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bnteach import experiments
from bnteach.files import atomic_path, check_regular, expand
from bnteach.runs.form import check_run
from bnteach.runs.record import ResultsError, Run, UnknownNameError, stem

__all__ = [
    "RECORDED",
    "ResultsError",
    "Run",
    "UnknownNameError",
    "list_runs",
    "plain",
    "read",
    "read_json",
    "search_path",
    "stem",
    "write",
    "write_json",
]

RECORDED = Path(__file__).with_name("recorded")  # the runs that the book speaks of
DIRECTORY_VARIABLE = "BNTEACH_RESULTS_DIR"
LARGEST = 500_000_000  # bytes of a file; those of the book have at most 200,000


def search_path(directory: str | os.PathLike | None = None) -> list[Path]:
    """Return the folders in which recorded runs are looked for, the first one first.

    The folder that is given, and no other; by default the one that
    BNTEACH_RESULTS_DIR names, then `runs` in the current folder, where ``bnteach run``
    writes, then the runs that come with the package.

    Raises:
        ResultsError: ``~`` stands for a home folder that is not known.
    """
    try:
        if directory is not None:
            return [expand(directory, "the folder of recorded runs")]
        named = os.environ.get(DIRECTORY_VARIABLE)
        own = [expand(named, DIRECTORY_VARIABLE)] if named else []
    except ValueError as error:
        raise ResultsError(str(error)) from error
    return [*own, Path("runs"), RECORDED]


def read(name: str, directory: str | os.PathLike | None = None) -> Run:
    """Read a recorded run.

    Args:
        name: name of the experiment; with "-quick" or "-cpu" for a smaller run of it.
        directory: folder of the recorded runs; by default see `search_path`.

    Returns:
        The run.

    Raises:
        ResultsError: there is no such run, or the file is damaged.
    """
    folders = search_path(directory)
    path = next(filter(Path.exists, (at / f"{name}.json" for at in folders)), None)
    if path is None:
        raise ResultsError(_no_such_run(name, directory))
    fields = read_json(path)
    try:
        check_run(fields)
        return Run(**fields)
    except (ValueError, TypeError) as error:
        raise ResultsError(
            f"expected a recorded run in {path}. Received other fields: {error}"
        ) from error


def read_json(path: str | os.PathLike) -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Raises:
        ResultsError: the file is damaged. It is left where it is.
    """
    try:
        check_regular(path)
        if os.stat(path).st_size > LARGEST:
            raise ValueError(f"more than {LARGEST} bytes")
        text = Path(path).read_text(encoding="utf-8")
        value = json.loads(text, parse_int=_integer)
    except (ValueError, OSError) as error:
        value = error
    except RecursionError:
        value = "lists within lists without end"
    if not isinstance(value, dict):
        raise ResultsError(
            f"expected a JSON object in {path}. Received: {value!s:.200}. Remove the "
            "file and run the experiment again, or restore it."
        )
    return value


def _integer(digits: str) -> int:
    """Return a whole number that fits into an array."""
    if len(digits) > 19:
        raise ValueError(f"a whole number of {len(digits)} digits")
    return int(digits)


def list_runs(directory: str | os.PathLike | None = None) -> list[str]:
    """Return the names of the recorded runs that `read` finds, sorted."""
    folders = search_path(directory)
    found = (path for at in folders for path in at.glob("[!.]*.json"))
    return sorted({path.stem for path in found if path.is_file()})


def write(run: Run, directory: str | os.PathLike) -> Path:
    """Write a run to a folder, as `Run.stem` says, in one step; return the path."""
    path = Path(directory) / f"{run.stem}.json"
    write_json(path, asdict(run))
    return path


def plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a value as it will be after it was written and read again."""
    return json.loads(json.dumps(_rounded(value)))


def write_json(path: str | os.PathLike, value: Mapping[str, Any]) -> None:
    """Write JSON in one step; floats keep 6 digits, and none is NaN or infinite."""
    text = json.dumps(_rounded(value), ensure_ascii=False, allow_nan=False)
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    if isinstance(value, float | np.floating):
        # JSON knows no NaN or infinity; a diverged run is a gap in its curve.
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def _no_such_run(name: str, directory: str | os.PathLike | None) -> str:
    known = list_runs(directory)
    have = ", ".join(known) if known else "none"
    places = ", ".join(map(str, search_path(directory)))
    return (
        f"expected a recorded run in {places} (there: {have}). "
        f"Received: {name!r:.100}. {_advice(name, known)}"
    )


def _advice(stem: str, known: list[str]) -> str:
    """Say how to come by a run of that name, or which name may be meant."""
    name, dash, profile = stem.rpartition("-")
    if not dash:
        name, profile = stem, "full"
    experiment = experiments.EXPERIMENTS.get(name)
    if experiment and profile in experiment.profiles:
        return f"Record it with: bnteach run {name} --profile {profile}"
    close = difflib.get_close_matches(stem, [*known, *experiments.EXPERIMENTS], n=1)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    return f"{hint}Experiments and recorded runs: bnteach list"
