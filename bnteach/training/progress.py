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
    shown = someone_is_watching() if progress is None else progress
    return tqdm(
        total=steps,
        initial=done,
        desc=name,
        unit="step",
        leave=False,
        disable=not shown,
    )
