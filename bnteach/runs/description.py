"""What a run says of itself: settings, packages, processor, hash of weights."""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import os
import platform
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from bnteach.runs import results
from bnteach.runs.form import check_part

PACKAGES = ("bnteach", "tensorflow", "jax", "keras", "numpy")


def describe(plan, parts, given_up, facts=None) -> results.Run:
    """Return a finished run, with all that a reader needs to repeat it.

    Args:
        plan: what was run.
        parts: variant -> its parts by seed.
        given_up: variant -> why it has one seed alone.
        facts: what the experiment measures beside its parts, if that is known.

    Raises:
        results.ResultsError: a part, which may be from a file, lacks something.
    """
    experiment, data = plan.experiment, plan.data
    try:
        for part in _flat(parts):
            check_part(part)
    except ValueError as error:
        raise results.ResultsError(f"a part of {experiment.name}: {error}") from error
    more = {"given up": given_up} if given_up else {}
    more |= experiment.facts(data, plan.settings) if facts is None else facts
    return results.Run(
        name=experiment.name,
        title=experiment.title,
        profile=plan.profile,
        settings=fixed_settings(experiment, plan.settings) | more,
        dataset={"name": data.name, "sha256": data.sha256, "note": data.note},
        packages={package: _version(package) for package in PACKAGES},
        processor=_processor(),
        date=datetime.date.today().isoformat(),
        seconds=sum(part["seconds"] for part in _flat(parts)),
        variants=parts,
    )


def fixed_settings(experiment, settings) -> dict[str, Any]:
    """Return the settings of a run that do not differ from machine to machine."""
    import keras

    fixed = dict(vars(settings))
    # An estimate, and a count that runs of the same parts differ in.
    del fixed["seconds"], fixed["seeds"], fixed["chosen"]
    fixed["backend"] = keras.backend.backend()
    variants = {
        variant: {**experiment.variants[variant], **settings.variants.get(variant, {})}
        for variant in experiment.chosen(settings)
    }
    return {**fixed, **experiment.note, "variants": variants}


def identity(plan) -> dict[str, Any]:
    """Return what must be equal for two parts to belong to one run.

    What the variants differ in is left out, and so is every setting at its default: a
    new variant or a new kind of setting leaves the parts that are there as they are.
    """
    settings = plan.settings
    fixed = fixed_settings(plan.experiment, settings)
    del fixed["variants"]
    usual = {f.name: f.default for f in fields(settings) if f.default is not MISSING}
    usual["network"] = {}
    kept = {k: v for k, v in fixed.items() if k not in usual or v != usual[k]}
    return {"settings": kept, "dataset": plan.data.sha256}


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
    """Return the processor's name, its cores, and the accelerators beside it."""
    import keras

    name = platform.processor() or platform.machine()
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        found = re.search(r"model name\s*: (.+)", listing.read_text())
        name = found.group(1) if found else name
    devices = keras.distribution.list_devices()
    others = [device for device in devices if not device.lower().startswith("cpu")]
    return ", ".join([name, f"{os.cpu_count()} cores", *others])


def weights_sha256(model) -> str:
    """Return a hash of all weights: equal for two models exactly if they are."""
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(weight.tobytes())
    return digest.hexdigest()
