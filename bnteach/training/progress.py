"""Bars with the time left, where a person looks."""

from __future__ import annotations

import os
import sys

from tqdm import tqdm


def someone_is_watching() -> bool:
    """Tell whether output goes to a terminal or to a notebook that a person opened."""
    return sys.stderr.isatty() or "JPY_SESSION_NAME" in os.environ


def step_bar(steps: int, done: int, progress: bool | None, name: str) -> tqdm:
    """Return a bar of training steps; `progress` None shows it where a person looks."""
    return _bar(name, "step", steps, done, progress)


def batch_bar(name: str, batches: int | None) -> tqdm:
    """Return a bar of batches, of which the number may be unknown."""
    return _bar(name, "batch", batches, 0, None)


def _bar(name: str, unit: str, total: int | None, done: int, progress: bool | None):
    shown = someone_is_watching() if progress is None else progress
    return tqdm(
        total=total,
        initial=done,
        desc=name,
        unit=unit,
        leave=False,
        disable=not shown,
    )
