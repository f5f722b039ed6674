"""How long an experiment takes on this machine."""

from __future__ import annotations

import time
from collections.abc import Sequence

from bnteach import experiments


def cost_seconds(
    name: str,
    profile: str | None = None,
    factor: float | None = None,
    seeds: int | None = None,
    variants: Sequence[str] | None = None,
) -> float:
    """Estimate how long an experiment takes on this machine, in seconds.

    Args:
        name: name of the experiment.
        profile: "quick", "full" or, for some, "cpu".
        factor: what `machine_factor` returned, if it is at hand.
        seeds: how many seeds; by default the profile's number.
        variants: which variants; by default all of this size.
    """
    experiment = experiments.get(name)
    settings = experiments.settings(experiment, experiments.profile_name(profile))
    chosen = experiment.chosen(settings) if variants is None else variants
    runs = (seeds or settings.seeds) * len(chosen)
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
