"""The exercise "gradient-check": tell a right backward pass from wrong ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bnteach.exercises import answers, backward, forward, mutants
from bnteach.exercises.exercise import Case, Exercise
from bnteach.exercises.result import Result

PARAMETERS = ("forward", "backward", "x", "gamma", "beta", "epsilon")
SHAPES = ((6, 3), (5, 2), (3, 2, 2, 2))
# Wrong backward passes that are so in dgamma or dbeta; in the others dx alone is wrong.
OF_PARAMETERS = {"averaged-dgamma", "averaged-dbeta", "unbiased-variance"}
SAID = {
    "accepts-everything": "Your check passes every backward pass, the wrong ones too.",
    "rejects-everything": "Your check fails every backward pass, the right one too. "
    "Differences of float64 with a step near 1e-5 agree to about 1e-8, not to the last "
    "digit.",
    "rejects-right": "Your check fails a backward pass that is right. Differences of "
    "float64 with a step near 1e-5 agree to about 1e-8: is the step or the tolerance "
    "too small, or is a small gradient divided by itself?",
    "sum-loss": "The loss is a plain sum of the outputs, or one like it. y keeps its "
    "sum whatever x does, so dx is 0: a wrong dx of 0 passes, and beside a 0 the error "
    "of the differences can fail the right one. Weigh the outputs with random numbers.",
    "dx-unchecked": "Your check passes any dx: it looks at dgamma and dbeta alone.",
    "parameters-unchecked": "Your check passes a wrong dgamma or dbeta: it looks at dx "
    "alone, or not at all three.",
    "tolerance": "Your check passes a dx that is 2 % off: differences of float64 agree "
    "to about 1e-8, so the tolerance can be far smaller.",
    "more-axes": "Your check is right for two axes and wrong for more.",
}


def right_forward(x, gamma, beta, epsilon):
    """Return y."""
    return forward.solve(x, gamma, beta, epsilon)[0]


def right_backward(dy, x, gamma, epsilon):
    """Return (dx, dgamma, dbeta)."""
    return backward.solve(dy, x, gamma, epsilon)


def slightly_wrong(dy, x, gamma, epsilon):
    """Return gradients of which dx is 2 % too large."""
    dx, dgamma, dbeta = right_backward(dy, x, gamma, epsilon)
    return 1.02 * dx, dgamma, dbeta


def wrong_backwards() -> dict[str, Any]:
    """Return wrong backward passes by kind, from those that people wrote."""
    named = {
        m.kind: m.answer for m in mutants.MUTANTS if m.exercise == "batch-norm-backward"
    }
    del named["batch-axis-only"]  # it is right for two axes
    return named | {"slightly": slightly_wrong}


@dataclass(frozen=True)
class GradientCheck:
    """A function that says whether a backward pass fits a forward pass."""

    def judge(self, answer: Any, rng: np.random.Generator) -> Result:
        """Return which backward passes the reader's check takes for the wrong kind."""
        if answers.is_placeholder(answer):
            return answers.not_attempted()
        function = answers.callable_of(answer, PARAMETERS)
        if isinstance(function, Result):
            return function
        said: dict[str, list[bool]] = {}
        handed: list[np.ndarray] = []  # every dy that a backward pass was given
        for kind, candidate in {"right": right_backward, **wrong_backwards()}.items():
            for shape in SHAPES:
                spied = _spied(candidate, handed)
                verdict = self._verdict(function, spied, shape, rng)
                if isinstance(verdict, Result):
                    return verdict
                said.setdefault(kind, []).append(verdict)
        return self._judged(said, handed)

    def _verdict(self, function, candidate, shape, rng) -> bool | Result:
        arguments = forward.arguments(rng, shape)
        given = {"forward": right_forward, "backward": candidate, **arguments}
        return answers.verdict(function, Case(given))

    def _judged(self, said: dict[str, list[bool]], handed) -> Result:
        passes = {kind for kind, verdicts in said.items() if all(verdicts)}
        some = {kind for kind, verdicts in said.items() if any(verdicts)}
        wrong = set(said) - {"right"}
        kind = _kind(passes, some, wrong)
        if kind not in ("", "accepts-everything", "dx-unchecked"):
            kind = "sum-loss" if _all_constant(handed) else kind
        if kind:
            return Result("property", kind, SAID[kind])
        count = sum(map(len, said.values()))
        return Result(
            "right",
            "",
            f"It tells the right backward pass from {len(wrong)} wrong ones, on "
            f"{count} drawn cases.",
        )


def _spied(candidate, handed: list[np.ndarray]):
    """Return the candidate, noting every dy that it is given."""

    def spied(dy, x, gamma, epsilon):
        handed.append(np.array(dy, np.float64))
        return candidate(handed[-1], x, gamma, epsilon)

    return spied


def _all_constant(handed: list[np.ndarray]) -> bool:
    """Tell whether each dy is one number everywhere, as that of a plain sum is."""
    return bool(handed) and all(np.ptp(dy) < 1e-9 for dy in handed if dy.size)


def _kind(passes: set[str], some: set[str], wrong: set[str]) -> str:
    """Return what the verdicts have in common, nothing if all are right."""
    if wrong <= passes:
        return "accepts-everything"
    if not some:
        return "rejects-everything"
    if wrong - OF_PARAMETERS <= passes:
        return "dx-unchecked"
    if "dx-is-zero" in some:
        return "sum-loss"
    if "right" not in passes:
        return "more-axes" if "right" in some else "rejects-right"
    if "slightly" in some:
        return "tolerance"
    if some & {"averaged-dgamma", "averaged-dbeta"}:
        return "parameters-unchecked"
    return "tolerance" if some & wrong else ""


EXERCISE = Exercise(
    name="gradient-check",
    question="Write a check that passes a right backward pass and fails a wrong one.",
    chapter=2,
    minutes=10,
    difficulty="medium",
    stub="""def gradients_agree(forward, backward, x, gamma, beta, epsilon):
    ...  # your turn: True or False
    # y = forward(x, gamma, beta, epsilon)
    # dx, dgamma, dbeta = backward(dy, x, gamma, epsilon)


check("gradient-check", gradients_agree)
""",
    hints=(
        "The loss is a number made of y; dy is its gradient with respect to y. Move "
        "one entry of x, see how the loss changes, and compare with that entry of dx.",
        "Which loss? Try sum(y) with a backward pass that returns zeros for dx.",
        "Let the loss be sum(weights * y) with random weights: then dy is the weights. "
        "Compare all three gradients, beside the size of the largest entry.",
    ),
    answer=GradientCheck(),
)
