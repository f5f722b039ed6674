"""The exercise "one-at-a-time": tell an artifact that looks at its batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bnteach.exercises import answers
from bnteach.exercises.exercise import Case, Exercise
from bnteach.exercises.result import Result

PARAMETERS = ("call", "x")
SAID = {
    "always-true": "Your check says True of every artifact, the sound ones too. The "
    "last digits may differ: compare with a tolerance.",
    "always-false": "Your check says False of every artifact. Ask for an example alone "
    "and among others, and compare the two answers.",
    "rounding": "Your check takes rounding for a dependence: a float32 sum in another "
    "order differs in its last digits.",
    "same-call-twice": "Your check asks for the same batch in the same way twice. An "
    "artifact in training mode gives the same answer both times.",
    "order-only": "Your check only changes the order of the batch: its mean and "
    "variance do not depend on the order. Change which examples are in it.",
    "first-example-only": "Your check looks at a single example: some artifacts answer "
    "that one right by chance. Look at all of them.",
}


def _sound(x):
    return np.tanh(np.asarray(x, np.float64) @ np.array([[1.0, 0.5], [-0.3, 2.0]]))


def _rounded(x):
    """Sound: the last digits depend on the size of the batch, as in a real runtime."""
    return (_sound(x) * (1 + 3e-8 * len(x))).astype(np.float32)


def _batch(x):
    return _sound((x - x.mean(0)) / np.sqrt(x.var(0) + 1e-3))


def _slightly(x):
    return _sound(x + 0.05 * x.mean(0))


def _all_but_the_first(x):
    y = _sound(x)
    y[1:] += x.mean(0)
    return y


SOUND: dict[str, Callable] = {"sound": _sound, "rounded": _rounded}
WRONG: dict[str, Callable] = {
    "batch": _batch,
    "slightly": _slightly,
    "all-but-the-first": _all_but_the_first,
}


@dataclass(frozen=True)
class ArtifactCheck:
    """A function that says whether an artifact's answers depend on the batch."""

    def judge(self, answer: Any, rng: np.random.Generator) -> Result:
        """Hand the reader's check sound and unsound artifacts."""
        if answers.is_placeholder(answer):
            return answers.not_attempted()
        function = answers.callable_of(answer, PARAMETERS)
        if isinstance(function, Result):
            return function
        said, composed = {}, []
        for name, artifact in {**SOUND, **WRONG}.items():
            asked: list[np.ndarray] = []
            verdict = _verdict(function, _spied(artifact, asked), rng)
            if isinstance(verdict, Result):
                return verdict
            said[name] = verdict
            composed.append(asked)
        kind = _kind(said, composed)
        if kind:
            return Result("property", kind, SAID[kind])
        text = f"It tells {len(WRONG)} artifacts that look at their batch from "
        return Result("right", "", text + f"{len(SOUND)} that do not.")


def _spied(artifact: Callable, asked: list[np.ndarray]) -> Callable:
    def spied(x):
        asked.append(np.array(x, np.float64))
        return artifact(asked[-1])

    return spied


def _verdict(function: Callable, artifact: Callable, rng) -> bool | Result:
    x = rng.normal(3, 2, (6, 2))
    return answers.verdict(function, Case({"call": artifact, "x": x}))


def _kind(said: dict[str, bool], composed: list[list[np.ndarray]]) -> str:
    """Return what the verdicts have in common, nothing if all are right."""
    if all(said.values()):
        return "always-true"
    if not (said["batch"] or said["slightly"]):
        sizes = [asked for asked in composed if len(asked) > 1]
        if not sizes:
            return "always-false"
        same = all(_same(asked, sort=False) for asked in sizes)
        order = all(_same(asked, sort=True) for asked in sizes)
        return "same-call-twice" if same else "order-only" if order else "always-false"
    if any(said[name] for name in SOUND):
        return "rounding"
    if not said["all-but-the-first"]:
        return "first-example-only"
    return "" if all(said[name] for name in WRONG) else "always-false"


def _same(asked: list[np.ndarray], sort: bool) -> bool:
    """Tell whether all calls got the same examples, in any order if `sort`."""

    def key(x):
        x = np.atleast_2d(x)
        return x[np.lexsort(x.T)] if sort else x

    first = key(asked[0])
    return all(np.array_equal(first, key(x)) for x in asked[1:])


EXERCISE = Exercise(
    name="one-at-a-time",
    question="Write a check that finds an artifact whose answers depend on the batch.",
    chapter=8,
    minutes=10,
    difficulty="medium",
    stub="""def depends_on_the_batch(call, x):
    ...  # your turn: True or False
    # call(x) takes a batch and returns an array with one row an example


check("one-at-a-time", depends_on_the_batch)
""",
    hints=(
        "What should be the same, whether an example comes alone or among others?",
        "Call it once with x, and once with each x[i : i + 1].",
        "Compare all rows with a tolerance, such as 1e-3 of the largest answer.",
    ),
    answer=ArtifactCheck(),
)
