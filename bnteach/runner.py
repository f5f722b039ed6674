"""Run an experiment over its variants and seeds, keeping what is finished."""

from __future__ import annotations

import datetime
import gc
import importlib.metadata
import os
import platform
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bnteach import datasets, experiments, results

PACKAGES = ("bnteach", "tensorflow", "keras", "numpy")


def run(
    name: str,
    profile: str | None = None,
    *,
    seeds: int | None = None,
    variants: Sequence[str] | None = None,
    directory: str | os.PathLike | None = None,
    progress: bool | None = None,
) -> results.Run:
    """Run an experiment and return what was recorded.

    Args:
        name: name of the experiment; see `experiments.EXPERIMENTS`.
        profile: "quick" or "full"; see `experiments.profile_name`.
        seeds: how many seeds, counted from 0; by default the profile's number.
        variants: which variants; by default all.
        directory: keep finished parts and the state of the current one there, so
            that an interrupted run goes on, and write NAME.json there at the end.
            By default nothing is written.
        progress: show bars with the time left. By default where a person looks.

    Returns:
        The run.

    Raises:
        ValueError: unknown experiment, profile or variant, or fewer than one seed.
        results.ResultsError: the folder holds parts of a run with other settings.
    """
    experiment = experiments.get(name)
    profile = experiments.profile_name(profile)
    settings = experiment.profiles[profile]
    seeds = settings.seeds if seeds is None else seeds
    if seeds < 1:
        raise ValueError(f"expected at least 1 seed. Received: seeds={seeds}")
    chosen = _choose(experiment, variants)
    data = datasets.load(settings.dataset, validation=settings.validation)
    keeper = _Parts(directory, experiment, profile, data)
    parts = {variant: [] for variant in chosen}
    for seed in range(seeds):  # seeds outside: after one round all can be compared
        for variant in chosen:
            part = keeper.load(variant, seed) or _run_part(
                experiment, settings, variant, seed, data, keeper, progress
            )
            parts[variant].append(part)
    finished = _describe(experiment, profile, settings, data, parts)
    keeper.finish(finished)
    return finished


def cost_seconds(
    name: str,
    profile: str | None = None,
    factor: float | None = None,
    seeds: int | None = None,
) -> float:
    """Estimate how long an experiment takes on this machine, in seconds.

    Args:
        name: name of the experiment.
        profile: "quick" or "full".
        factor: what `machine_factor` returned, if it is at hand.
        seeds: how many seeds; by default the profile's number.
    """
    experiment = experiments.get(name)
    settings = experiment.profiles[experiments.profile_name(profile)]
    runs = (seeds or settings.seeds) * len(experiment.variants)
    return runs * settings.seconds * (factor or machine_factor())


def machine_factor(repeats: int = 5) -> float:
    """Return how much slower this machine is than the one of the recorded runs.

    Times a product of two matrices, which is most of what the networks do.
    """
    import numpy as np

    a = np.ones((1200, 1200), np.float32)
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        a @ a
        times.append(time.perf_counter() - started)
    return min(times) / 0.0158  # seconds there, with nothing else running


def _choose(experiment, variants: Sequence[str] | None) -> list[str]:
    chosen = list(experiment.variants) if variants is None else list(variants)
    unknown = [variant for variant in chosen if variant not in experiment.variants]
    if unknown or not chosen:
        raise ValueError(
            f"expected variants of {experiment.name}: "
            f"{', '.join(experiment.variants)}. Received: {unknown or chosen}"
        )
    return chosen


def _run_part(experiment, settings, variant, seed, data, keeper, progress) -> dict:
    import keras

    from bnteach import training

    keras.utils.clear_session()
    gc.collect()  # the networks before hold their data until they are collected
    keras.utils.set_random_seed(seed)
    arguments = experiment.variants[variant]
    prepared = experiment.prepare(data, arguments)
    model = experiment.build(arguments, seed)
    model.name = _slug(variant, seed)  # shown beside the progress bar
    history = training.train(
        model,
        prepared,
        steps=settings.steps,
        batch_size=settings.batch_size,
        seed=seed,
        record_every=settings.record_every,
        probes=experiment.probes(model, prepared),
        checkpoint=keeper.checkpoint(variant, seed),
        progress=progress,
    )
    part = {"seed": seed, **history.to_dict()}
    part["measured"] = experiment.measure(model, prepared)
    keeper.save(variant, part)
    return part


def _describe(experiment, profile, settings, data, parts) -> results.Run:
    return results.Run(
        name=experiment.name,
        title=experiment.title,
        profile=profile,
        settings=_settings(experiment, settings) | experiment.facts(data),
        dataset={"name": data.name, "sha256": data.sha256, "note": data.note},
        packages={package: _version(package) for package in PACKAGES},
        processor=_processor(),
        date=datetime.date.today().isoformat(),
        seconds=sum(part["seconds"] for part in _flat(parts)),
        variants=parts,
    )


def _settings(experiment, settings) -> dict[str, Any]:
    fixed = dict(vars(settings))
    del (
        fixed["seconds"],
        fixed["seeds"],
    )  # an estimate, and a count that parts differ in
    return {**fixed, **experiment.note, "variants": dict(experiment.variants)}


def _flat(parts: dict[str, list[dict]]) -> Iterator[dict]:
    for several in parts.values():
        yield from several


def _version(package: str) -> str:
    for name in (package, f"{package}-cpu"):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "not installed"


def _processor() -> str:
    """Return the processor's name and how many cores this process may use."""
    name = platform.processor() or platform.machine()
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        found = re.search(r"model name\s*: (.+)", listing.read_text())
        name = found.group(1) if found else name
    return f"{name}, {os.cpu_count()} cores"


def _slug(variant: str, seed: int) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", variant.lower()) + f"-seed-{seed}"


class _Parts:
    """The finished parts of a run, and the state of the one under way, in a folder."""

    def __init__(self, directory, experiment, profile: str, data):
        self.directory = None if directory is None else Path(directory)
        self.folder = None
        self.experiment = experiment
        settings = experiment.profiles[profile]
        self.identity = results.plain(
            {"settings": _settings(experiment, settings), "dataset": data.sha256}
        )
        if self.directory is not None:
            self.folder = self.directory / f".{experiment.name}-{profile}"

    def checkpoint(self, variant: str, seed: int) -> Path | None:
        return None if self.folder is None else self._path(variant, seed, "npz")

    def save(self, variant: str, part: dict) -> None:
        if self.folder is not None:
            path = self._path(variant, part["seed"], "json")
            results.write_json(path, {"identity": self.identity, "part": part})

    def load(self, variant: str, seed: int) -> dict | None:
        if self.folder is None:
            return None
        path = self._path(variant, seed, "json")
        if not path.exists():
            return None
        kept = results.read_json(path)
        if kept["identity"] != self.identity:
            raise results.ResultsError(
                f"expected in {path} a part of {self.experiment.name} with these "
                "settings and data. Received a part of an older or other run. Remove "
                f"the folder {self.folder} to start anew."
            )
        return kept["part"]

    def finish(self, finished: results.Run) -> None:
        if self.directory is None:
            return
        results.write(finished, self.directory)
        for path in self.folder.glob("*.json"):
            path.unlink()
        if not any(self.folder.iterdir()):
            self.folder.rmdir()

    def _path(self, variant: str, seed: int, suffix: str) -> Path:
        return self.folder / f"{_slug(variant, seed)}.{suffix}"
