"""What an earlier run left in the folder: a run file, and parts of other variants."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from bnteach.runs import results
from bnteach.runs.description import fixed_settings
from bnteach.runs.parts import Parts
from bnteach.runs.plan import Plan

Several = dict[str, list[dict[str, Any]]]


def recorded_run(directory: str | os.PathLike | None, plan: Plan) -> results.Run | None:
    """Return the run file of the folder if it is of the plan's settings and data.

    Raises:
        results.ResultsError: the file is of other settings or damaged, and has
            variants that would be lost because they are not run again.
    """
    if directory is None:
        return None
    stem = results.stem(plan.experiment.name, plan.profile)
    path = Path(directory) / f"{stem}.json"
    if not path.exists():
        return None
    try:
        found = results.read(stem, directory)
    except results.ResultsError:
        if plan.others:
            raise
        return None
    other = _difference(found, plan)
    if other and plan.others:
        raise results.ResultsError(
            f"expected in {path} a run with these settings and data, to put some "
            f"variants of it in their place. Received a run with another {other}. Move "
            "it away, name another folder, or run all variants."
        )
    return None if other else found


def _difference(found: results.Run, plan: Plan) -> str:
    """Return in what a run differs from the plan, "" if in nothing."""
    if found.dataset.get("sha256") != plan.data.sha256:
        return "data set"
    fixed = results.plain(fixed_settings(plan.experiment, plan.settings))
    variants = fixed.pop("variants")
    for key, value in fixed.items():
        if found.settings.get(key, value) != value:
            return key
    arguments = found.settings.get("variants", {})
    for variant in found.variants:
        if arguments.get(variant) != variants.get(variant):
            return f"variant {variant!r}"
    return ""


def facts(found: results.Run, plan: Plan) -> dict[str, Any]:
    """Return what was measured beside the parts of a run."""
    other = {*fixed_settings(plan.experiment, plan.settings), "given up"}
    return {name: value for name, value in found.settings.items() if name not in other}


def keep_recorded(found: results.Run | None, keeper: Parts, plan: Plan) -> None:
    """Take up the parts of a run file again where more seeds are asked for than it has.

    Args:
        found: what `recorded_run` returned.
        keeper: where they are kept.
        plan: what is asked for.
    """
    if found is None or keeper.folder is None:
        return
    for variant in plan.chosen:
        several = found.variants.get(variant, [])
        if len(several) < plan.seeds:
            for part in several:
                if keeper.load(variant, part["seed"]) is None:
                    keeper.save(variant, part)


def other_variants(
    found: results.Run | None, keeper: Parts, plan: Plan
) -> tuple[Several, dict[str, str]]:
    """Return what is finished of the variants that were not asked for.

    Args:
        found: what `recorded_run` returned.
        keeper: has the parts of the folder.
        plan: what was asked for.

    Returns:
        variant -> its parts, and variant -> why it has one part alone.
    """
    finished: Several = {}
    reasons: dict[str, str] = {}
    enough = min(plan.seeds, plan.settings.seeds)
    for variant in plan.others:
        parts: list[dict[str, Any]] = []
        while part := keeper.load(variant, len(parts)):
            parts.append(part)
        if found is not None and len(parts) < len(found.variants.get(variant, [])):
            parts = found.variants[variant]
        reason = plan.give_up(parts[0]) if parts else ""
        if reason or len(parts) >= enough:
            finished[variant] = parts
        if reason:
            reasons[variant] = reason
    return finished, reasons
