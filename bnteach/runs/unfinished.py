"""What is finished so far of a run that is under way, read from its parts.

Nothing is locked, written or removed here: the run goes on meanwhile.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bnteach import experiments
from bnteach.runs import results
from bnteach.runs.form import check_part


@dataclass(frozen=True)
class Unfinished:
    """A run that is under way, or was left before its end.

    Attributes:
        run: what is finished of it, in the form of a finished run; None if nothing is.
        folder: where its parts are.
        wanted: how many parts the whole run has, with the usual number of seeds.
        under_way: file name of a part -> the step of its last record.
    """

    run: results.Run | None
    folder: Path
    wanted: int
    under_way: Mapping[str, int]

    @property
    def finished(self) -> int:
        """How many parts are finished."""
        return sum(map(len, self.run.variants.values())) if self.run else 0

    def label(self) -> str:
        """Say that it is not finished, and how far it is."""
        steps = [f"{name} at step {at:,}" for name, at in self.under_way.items()]
        more = f"; begun: {', '.join(steps)}" if steps else ""
        return f"UNFINISHED: {self.finished} of {self.wanted} parts{more}"


def read_unfinished(
    stem: str, directory: str | os.PathLike | None = None
) -> Unfinished | None:
    """Return what is finished of a run that has no file of its own yet.

    Args:
        stem: name of the experiment; with "-quick" or "-cpu" for a smaller run of it.
        directory: folder of the runs; by default see `results.search_path`.

    Returns:
        What is finished; None where a finished run comes first in the search path, or
        no part of such a run is found.
    """
    experiment, profile = _known(stem)
    if experiment is None:
        return None
    for at in results.search_path(directory):
        if (at / f"{stem}.json").exists():
            return None
        folder = at / f".{experiment.name}-{profile}"
        if folder.is_dir():
            return _read(folder, experiment, profile)
    return None


def _known(stem: str):
    for experiment in experiments.EXPERIMENTS.values():
        for profile in experiment.profiles:
            if stem == results.stem(experiment.name, profile):
                return experiment, profile
    return None, ""


def _read(folder: Path, experiment, profile: str) -> Unfinished:
    settings = experiments.settings(experiment, profile)
    kept = [found for path in folder.glob("*.json") if (found := _part(path))]
    run = _as_run(kept, experiment, profile) if kept else None
    under_way = {}
    for path in sorted(folder.glob("*.npz")):
        if (step := _last_step(path)) is not None:
            under_way[path.stem] = step
    wanted = settings.seeds * len(experiment.chosen(settings))
    return Unfinished(run, folder, wanted, under_way)


def _part(path: Path) -> dict[str, Any] | None:
    """Return a finished part with its variant and settings, None if it is no such."""
    try:
        kept = results.read_json(path)
        check_part(kept["part"])
        wanted = kept["variant"], kept["identity"]["settings"]
        return kept if isinstance(wanted[0], str) and dict(wanted[1]) else None
    except (results.ResultsError, KeyError, TypeError, ValueError, OSError):
        return None  # being replaced or removed, or not ours: no reason to stop


def _as_run(kept: list[dict], experiment, profile: str) -> results.Run:
    names = [*experiment.variants, *sorted({found["variant"] for found in kept})]
    variants: dict[str, list] = {}
    for name in dict.fromkeys(names):
        parts = [found["part"] for found in kept if found["variant"] == name]
        if parts:
            variants[name] = sorted(parts, key=lambda part: part["seed"])
    settings = kept[0]["identity"]["settings"]
    arguments = {found["variant"]: found["identity"]["arguments"] for found in kept}
    return results.Run(
        name=experiment.name,
        title=experiment.title,
        profile=profile,
        settings=settings | {"variants": arguments},
        dataset={
            "name": settings.get("dataset", ""),
            "sha256": kept[0]["identity"].get("dataset", ""),
            "note": "",
        },
        packages={},
        processor="",
        date=datetime.date.today().isoformat(),
        seconds=sum(found["part"]["seconds"] for found in kept),
        variants=variants,
    )


def _last_step(path: Path) -> int | None:
    """Return the step of the last record in a checkpoint, None if it has none."""
    with contextlib.suppress(Exception), np.load(path, allow_pickle=False) as saved:
        return int(json.loads(str(saved["text"]))["note"]["step"][-1])
    return None
