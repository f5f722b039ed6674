"""Call a function on cases, and find out how it computes its numbers."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from bnteach.exercises import answers, compare, diagnosis, mistakes
from bnteach.exercises.answers import Outcome
from bnteach.exercises.exercise import Case
from bnteach.exercises.result import Result

SECONDS = 20.0  # after which a slow function is given no further cases
LEAST_CASES = 8
MOST_PRINTED = 400  # characters


class Run:
    """The calls of one function on some cases, and what came back as arrays.

    Args:
        spec: what is asked.
        function: the reader's.
        cases: to call it on.
        like: a run whose precision holds here too.
    """

    def __init__(self, spec, function, cases, like: Run | None = None):
        self.spec, self.function = spec, function
        self.outcomes: list[Outcome] = []
        self.arrays: list[tuple[np.ndarray, ...] | None] = []
        self.problems: list[tuple[str, str] | None] = []
        self._single = None if like is None else like._single
        self._numerical = None if like is None else like._numerical
        self.extend(cases)

    def extend(self, cases: Sequence[Case]) -> None:
        """Call the function on more cases, fewer if it is slow."""
        started = time.monotonic()
        for case in cases:
            late = time.monotonic() - started > SECONDS
            if late and len(self.outcomes) >= LEAST_CASES:
                break
            outcome = answers.call(self.function, case)
            right = self.spec.right_outputs(case)
            arrays, problem = diagnosis.read(outcome, self.spec.outputs, right)
            self.outcomes.append(outcome)
            self.arrays.append(arrays)
            self.problems.append(problem)

    @property
    def at_edge(self) -> str:
        """The kind of the one mistake that this run looks for, or nothing."""
        return self.outcomes[0].case.edge

    @property
    def placeholder(self) -> bool:
        """Tell whether the first call gave nothing."""
        return self.outcomes[0].placeholder

    def nothing(self) -> Result:
        """Return "not attempted", or that a return is missing where work was done."""
        outcome = self.outcomes[0]
        silent = outcome.returned is None and outcome.error is None
        if silent and answers.works(self.function):
            return Result(
                "shape",
                "nothing-returned",
                f"expected {', '.join(self.spec.outputs)}. Received: None. The "
                "function computes something and does not return it.",
            )
        return outcome.not_attempted()

    @property
    def judged(self) -> list[int]:
        """Which calls count: finite differences of float32 inputs say nothing."""
        every = range(len(self.outcomes))
        if not self.numerical:
            return list(every)
        return [at for at in every if not self.outcomes[at].case.single]

    def errors(self, at: int, slips: frozenset[str] = frozenset()) -> list[float]:
        """Return the relative error of each output of a call."""
        right = self.spec.right_outputs(self.outcomes[at].case, slips)
        return [
            compare.relative_error(got, expected)
            for got, expected in zip(self.arrays[at], right, strict=True)
        ]

    def limit(self, at: int) -> float:
        """Return the largest error of a right answer for a call."""
        case = self.outcomes[at].case
        given = any(array.dtype.itemsize == 4 for array in self.arrays[at])
        return compare.limit(case, case.single or given or self.single, self.numerical)

    @property
    def single(self) -> bool:
        """Tell whether the function computes in float32 whatever it is given.

        It does if the digits of x beyond float32 make no difference to it, or those
        of another argument.
        """
        if self._single is None:
            arguments = self.outcomes[0].case.arguments
            self._single = any(
                self._ignores(functools.partial(rounded, name=name))
                for name, value in arguments.items()
                if isinstance(value, np.ndarray)
            )
        return self._single

    @property
    def numerical(self) -> bool:
        """Tell whether the function takes finite differences.

        Of a formula nothing but the scale changes when x is doubled; a difference
        with a fixed step becomes another one.
        """
        if not self.spec.numerical:
            return False
        if self._numerical is None:
            self._numerical = False
            near = [
                max(self.errors(at)) < compare.NUMERICAL
                for at in range(len(self.outcomes))
                if self.arrays[at] is not None and not self.outcomes[at].case.single
            ]
            self._numerical = (
                bool(near) and all(near) and not self._ignores(doubled, undone)
            )
        return self._numerical

    def ignored(self, place: int | None = None) -> list[str]:
        """Return the arguments that make no difference in the first case, and should.

        Args:
            place: number of the output to look at; None for all of them.
        """
        case, found = self.outcomes[0].case, []
        right = self.spec.right_outputs(case)
        for name in case.arguments:
            change = functools.partial(other_value, name=name)
            pairs = zip(right, self.spec.right_outputs(change(case)), strict=True)
            matters = [compare.relative_error(new, old) > 1e-6 for old, new in pairs]
            if any(matters[place : place + 1] if place is not None else matters):
                found += [name] if self._ignores(change, place=place) else []
        return found

    def depends_on_company(self) -> bool:
        """Tell whether the first example gets another output without the others."""
        return not self._ignores(first_alone, compared=1)

    def _ignores(
        self, change, undo=lambda arrays: arrays, compared=None, place=None
    ) -> bool:
        """Tell whether a change of the first case leaves the outputs as they are.

        Args:
            change: makes another case of it.
            undo: takes out of the outputs what the change must do to them.
            compared: how many examples of them to look at; None for all.
            place: number of the output to look at; None for all.
        """
        if not self.arrays or self.arrays[0] is None:
            return False
        case = change(self.outcomes[0].case)
        outcome = answers.call(self.function, case)
        right = self.spec.right_outputs(case)
        arrays, _ = diagnosis.read(outcome, self.spec.outputs, right)
        if arrays is None:
            return False
        before = [array[:compared] if array.ndim else array for array in self.arrays[0]]
        pairs = list(zip(undo(arrays), before, strict=True))
        pairs = pairs if place is None else [pairs[place]]
        return all(compare.relative_error(new, old) < 1e-12 for new, old in pairs)

    def right_outputs_of(self, at_fault: Sequence[int]) -> list[str]:
        """Return the outputs that are right in all of these calls."""
        return [
            output
            for place, output in enumerate(self.spec.outputs)
            if not any(mistakes.output_is_wrong(self, at, place) for at in at_fault)
        ]

    def repeats(self) -> bool:
        """Tell whether a second call with the first arguments gives the same."""
        return self._ignores(lambda case: case)

    def with_printed(self, result: Result) -> Result:
        """Add what the reader's function printed in its first call."""
        printed = self.outcomes[0].printed.strip()
        if not printed:
            return result
        if len(printed) > MOST_PRINTED:
            printed = printed[:MOST_PRINTED] + " ..."
        note = f"\nYour function printed, in its first call:\n{printed}"
        return replace(result, message=result.message + note)

    def __iter__(self) -> Iterator[int]:
        return iter(self.judged)


def rounded(case: Case, name: str) -> Case:
    """Return a case with an argument of fewer digits, still in float64."""
    coarse = case.arguments[name].astype(np.float32).astype(np.float64)
    return replace(case, arguments={**case.arguments, name: coarse})


def other_value(case: Case, name: str) -> Case:
    """Return a case with another value of one argument.

    No two values of an array change alike: what is moved and stretched as a whole
    leaves a normalization as it is.
    """
    value = case.arguments[name]
    if isinstance(value, np.ndarray):
        factor = np.linspace(0.5, 0.9, value.size).reshape(value.shape)
        changed = (factor**2 * value + 0.05).astype(value.dtype)
    else:
        changed = value + 3 if isinstance(value, int) else 0.7 * value + 0.05
    return replace(case, arguments={**case.arguments, name: changed})


def first_alone(case: Case) -> Case:
    """Return a case with the first example alone."""
    return replace(case, arguments={**case.arguments, "x": case.arguments["x"][:1]})


def doubled(case: Case) -> Case:
    """Return a case with x twice as large, and epsilon four times."""
    given = case.arguments
    return replace(
        case, arguments={**given, "x": given["x"] * 2, "epsilon": given["epsilon"] * 4}
    )


def undone(arrays: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Undo in dx what doubling x does to it."""
    return (arrays[0] * 2, *arrays[1:])
