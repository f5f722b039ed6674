"""What one call of the runner is to do."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bnteach.experiments.base import Experiment, Settings


@dataclass(frozen=True)
class Plan:
    """An experiment at one size, with the variants and seeds that are asked for.

    Attributes:
        experiment: what is run.
        profile: its size.
        settings: that size.
        data: the data set, as it was loaded.
        chosen: the variants that are asked for.
        seeds: how many seeds, from 0.
    """

    experiment: Experiment
    profile: str
    settings: Settings
    data: Any
    chosen: Sequence[str]
    seeds: int

    @property
    def others(self) -> list[str]:
        """The variants of this size that are not asked for."""
        known = self.experiment.chosen(self.settings)
        return [variant for variant in known if variant not in self.chosen]

    @functools.cached_property
    def keys(self) -> list[tuple[str, int]]:
        """The parts that are asked for; a round, one seed, compares all variants."""
        return [(v, seed) for seed in range(self.seeds) for v in self.chosen]

    def give_up(self, part: dict[str, Any]) -> str:
        """Say why a variant needs no further seed after its first part, or ""."""
        return self.experiment.give_up(part, self.data)
