"""Read and write recorded runs: what was measured, and with what."""

from __future__ import annotations

import difflib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bnteach import experiments
from bnteach.files import atomic_path, check_regular, expand
from bnteach.runs.form import check_run

RECORDED = Path(__file__).with_name("recorded")  # the runs that the book speaks of
DIRECTORY_VARIABLE = "BNTEACH_RESULTS_DIR"
LARGEST = 500_000_000  # bytes of a file; those of the book have at most 200,000


class ResultsError(Exception):
    """A recorded run is missing, damaged or of another form."""


class UnknownNameError(ResultsError, KeyError):
    """A run has no variant, curve, probe or measurement of that name."""

    __str__ = Exception.__str__  # KeyError's shows the message in quotes


@dataclass(frozen=True)
class Run:
    """One experiment at one size: every variant with every seed.

    Attributes:
        name: name of the experiment.
        title: what it is, in words.
        profile: "quick", "cpu" or "full".
        settings: steps, batch size and all else that the experiment fixes.
        dataset: name, sha256 of the arrays, and a note if they are not the originals.
        packages: versions of what computed it.
        processor: on what.
        date: when it was finished, as YYYY-MM-DD.
        seconds: wall-clock time of all its parts.
        variants: variant -> one dict a seed, with the keys seed, step, curves,
            probes, measured and seconds; newer runs have elapsed and weights_sha256.
            A variant that `settings["given up"]` names has its first seed alone.
    """

    name: str
    title: str
    profile: str
    settings: dict[str, Any]
    dataset: dict[str, Any]
    packages: dict[str, str]
    processor: str
    date: str
    seconds: float
    variants: dict[str, list[dict[str, Any]]]

    @property
    def seeds(self) -> list[int]:
        """All seeds of the run. A variant may have fewer, if it was given up."""
        parts = (part for several in self.variants.values() for part in several)
        return sorted({part["seed"] for part in parts})

    @property
    def stem(self) -> str:
        """The name of its file: NAME at full size, else NAME-PROFILE."""
        return stem(self.name, self.profile)

    def step(self, variant: str) -> np.ndarray:
        """Return the training steps of the records of a variant, shape (T,)."""
        return np.array(self._parts(variant)[0]["step"])

    def curve(self, variant: str, name: str) -> np.ndarray:
        """Return one recorded curve, shape (seeds, T); NaN where it has a gap."""
        return self._stack(variant, "curves", name)

    def probe(self, variant: str, name: str) -> np.ndarray:
        """Return what a probe recorded, shape (seeds, T, ...)."""
        return self._stack(variant, "probes", name)

    def measured(self, variant: str, name: str) -> np.ndarray:
        """Return a measurement made once at the end, shape (seeds, ...)."""
        return self._stack(variant, "measured", name)

    def steps_to(self, variant: str, level: float, name: str = "val_accuracy"):
        """Return the step of the first record at which a curve reached a level.

        Args:
            variant: name of the variant.
            level: for example an accuracy, from 0 to 1.
            name: name of the curve, one that rises.

        Returns:
            One number a seed, shape (seeds,); NaN where the level was never reached.
        """
        reached = self.curve(variant, name) >= level  # (seeds, T)
        first = self.step(variant)[reached.argmax(axis=1)]
        return np.where(reached.any(axis=1), first, np.nan)

    def seconds_to(self, variant: str, level: float, name: str = "val_accuracy"):
        """Return the seconds of training until a curve reached a level.

        A second is a step times the median time of a step, measured apart.

        Args:
            variant: name of the variant.
            level: for example an accuracy, from 0 to 1.
            name: name of the curve, one that rises.

        Returns:
            One number a seed, shape (seeds,); NaN where the level was never reached.

        Raises:
            KeyError: the run has no "step seconds" of this variant in its settings.
        """
        steps = self.steps_to(variant, level, name)
        return steps * self.settings["step seconds"][variant]

    def label(self) -> str:
        """Say where the numbers are from, in one line for a caption."""
        seeds = f"{len(self.seeds)} seed" + "s" * (len(self.seeds) != 1)
        note = self.dataset.get("note")
        data = self.dataset["name"] + (f": {note}" if note else "")
        return f"{data}, {self.profile} profile, {seeds}, {self.date}"

    def _parts(self, variant: str) -> list[dict[str, Any]]:
        if variant not in self.variants:
            raise UnknownNameError(
                f"expected a variant of {self.name}: {', '.join(self.variants)}. "
                f"Received: {variant!r}"
            )
        return self.variants[variant]

    def _stack(self, variant: str, kind: str, name: str) -> np.ndarray:
        parts = self._parts(variant)
        if name not in parts[0][kind]:
            raise UnknownNameError(
                f"expected one of the {kind} of {self.name}: "
                f"{', '.join(parts[0][kind])}. Received: {name!r}"
            )
        try:
            # JSON has null where a curve has a gap; as float that is NaN.
            return np.array([part[kind][name] for part in parts], dtype=float)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ResultsError(
                f"expected numbers, as many for each seed, in {name!r} of the {kind} "
                f"of {variant!r}. Received: other values ({error!r})"
            ) from error


def stem(name: str, profile: str) -> str:
    """Return the name of a run's file without its suffix."""
    return name if profile == "full" else f"{name}-{profile}"


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
