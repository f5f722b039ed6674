"""A recorded run: what was measured, and with what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


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
