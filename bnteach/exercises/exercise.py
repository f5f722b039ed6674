"""What an exercise is: a few words for its reader, and how its answer is judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from bnteach.exercises.result import Result

DIFFICULTIES = ("easy", "medium", "hard")


class AnswerKind(Protocol):
    """What an answer can be: a function, a number, an array, letters, a class."""

    def judge(self, answer: Any, rng: np.random.Generator) -> Result:
        """Return what is wrong with an answer, on cases drawn from `rng`."""


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Attributes:
        name: what `check` is called with, in lower case with hyphens.
        question: one line for the list of exercises.
        chapter: number of the chapter that asks it.
        minutes: about how long it takes.
        difficulty: "easy", "medium" or "hard".
        stub: the cell that its reader completes; it ends in the check.
        hints: two or three, each says more than the one before, none the answer.
        answer: how an answer is judged.
    """

    name: str
    question: str
    chapter: int
    minutes: int
    difficulty: str
    stub: str
    hints: tuple[str, ...]
    answer: AnswerKind

    def __post_init__(self):
        if self.difficulty not in DIFFICULTIES:
            raise ValueError(
                f"expected difficulty to be one of {', '.join(DIFFICULTIES)}. "
                f"Received: {self.difficulty!r}"
            )


@dataclass(frozen=True)
class Case:
    """One drawn input of a function.

    Attributes:
        arguments: by name, in the order of the signature.
        features: what is special about it ("more-axes", "square", ...); if an answer
            is wrong in just the cases that share one, that is what the message names.
        edge: kind of the mistake that only this case shows; empty for the others.
        condition: size of the mean beside the spread: digits that may be lost.
    """

    arguments: dict[str, Any]
    features: frozenset[str] = field(default_factory=frozenset)
    edge: str = ""
    condition: float = 1.0

    @property
    def single(self) -> bool:
        """Tell whether the inputs are float32."""
        arrays = [a for a in self.arguments.values() if isinstance(a, np.ndarray)]
        return any(array.dtype == np.float32 for array in arrays)

    def __str__(self):
        parts = []
        for name, value in self.arguments.items():
            if isinstance(value, np.ndarray):
                parts.append(f"{name}.shape={value.shape}")
            else:
                parts.append(f"{name}={value:.3g}")
        return ", ".join(parts) + (", in float32" if self.single else "")
