"""What can be said of a run before a framework is loaded, which takes seconds."""

from __future__ import annotations

import difflib
import importlib.util
import json
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from bnteach.files import expand
from bnteach.training.cluster import check_cluster, leads

BACKENDS = ("tensorflow", "jax")
MOST_SEEDS = 10_000  # a run keeps a list of its parts, and needs hours for far fewer
BACKEND_VARIABLE = "KERAS_BACKEND"


def seed_count(seeds: int | None, settings) -> int:
    """Return how many seeds a run has: as many as asked for, or as its settings say.

    Raises:
        ValueError: there are none, or more than `MOST_SEEDS`.
    """
    if seeds is None:
        return settings.seeds
    if not isinstance(seeds, int) or not 1 <= seeds <= MOST_SEEDS:
        raise ValueError(
            f"expected from 1 to {MOST_SEEDS} seeds. Received: seeds={seeds!r:.100}"
        )
    return seeds


def chosen_variants(experiment, settings, variants: Iterable[str] | None) -> list[str]:
    """Return the variants of a run: those that are asked for, or all at this size.

    Raises:
        ValueError: there is none, or one that is not run at this size.
    """
    known = experiment.chosen(settings)
    if variants is None:
        return known
    chosen = list(dict.fromkeys(variants))
    unknown = [variant for variant in chosen if variant not in known]
    if unknown or not chosen:
        received = unknown or chosen
        lower = {name.lower(): name for name in known}
        asked = str((unknown or [""])[0]).lower()
        close = difflib.get_close_matches(asked, lower, n=1)
        hint = f". Did you mean {lower[close[0]]!r}?" if close else ""
        raise ValueError(
            f"expected variants of {experiment.name}: {', '.join(known)}. "
            f"Received: {received!r:.200}{hint}"
        )
    return chosen


def check_backend(experiment, settings, variants: Iterable[str], strategy=None) -> None:
    """Check that Keras has a backend that can run these variants.

    Raises:
        ValueError: Keras is set to a backend that is unknown, not installed, or
            without what a variant or the strategy needs.
    """
    name, origin = _backend()
    if name not in BACKENDS:
        raise ValueError(
            f"expected {origin} to be {' or '.join(BACKENDS)}. Received: {name!r:.100}"
        )
    for package in ("keras", name):
        if not _is_installed(package):
            raise ValueError(
                f"expected the package {package}, because {origin} is {name!r}. "
                f"Received: not installed. Install it: python -m pip install {package}"
            )
    if name == "tensorflow":
        return
    if strategy is not None:
        raise ValueError(f"expected TensorFlow for a strategy. Received: {name!r}")
    for variant in variants:
        if experiment.arguments(variant, settings).get("normalization") == "ours":
            raise ValueError(
                "expected Keras on TensorFlow for the package's own layer, in the "
                f"variant {variant!r}. Received: {name!r}"
            )


def _backend() -> tuple[str, str]:
    """Return which backend Keras has or will have, and what says so."""
    if keras := sys.modules.get("keras"):
        return keras.backend.backend(), "Keras's backend"
    if named := os.environ.get(BACKEND_VARIABLE):
        return named, BACKEND_VARIABLE
    # Like Keras: a folder of its own, else the home folder.
    folder = os.environ.get("KERAS_HOME") or os.path.join("~", ".keras")
    path = Path(os.path.expanduser(folder)) / "keras.json"
    try:
        return json.loads(path.read_text())["backend"], f"the backend in {path}"
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "tensorflow", "Keras's backend"


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ValueError:  # it was loaded in some way of its own
        return True


def check_strategy(strategy: str | None) -> bool:
    """Check what TF_CONFIG says; tell whether this process is to write the run.

    Raises:
        ValueError: with several workers, TF_CONFIG does not say who they are.
    """
    if strategy != "multi-worker":
        return True
    config = os.environ.get("TF_CONFIG")
    check_cluster(config)
    return leads(config)


def check_folder(directory: str | os.PathLike, name: str, profile: str) -> Path:
    """Check that a run and its parts can be written to a folder; return its path.

    Raises:
        ValueError: something is in the way, or nothing may be written there.
    """
    folder = expand(directory, "the folder of the run (--out)")
    stem = name if profile == "full" else f"{name}-{profile}"
    target, parts = folder / f"{stem}.json", folder / f".{name}-{profile}"
    if target.is_dir():
        raise ValueError(
            f"expected no folder where the run is to be written. Received: {target}"
        )
    there = next(path for path in (parts, *parts.parents) if os.path.lexists(path))
    if not there.is_dir():
        raise ValueError(
            f"expected a folder for the run (--out). Received: {folder}, but {there} "
            "is no folder"
        )
    try:
        with tempfile.TemporaryFile(dir=there):
            return folder
    except OSError as error:
        raise ValueError(
            "expected a folder for the run (--out) that can be written. "
            f"Received: {folder} ({error.strerror})"
        ) from error
