"""Judge a function: call it on drawn cases, name what is wrong with what comes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bnteach.exercises import answers, diagnosis
from bnteach.exercises.exercise import Case
from bnteach.exercises.result import Result
from bnteach.exercises.run import Run


@dataclass(frozen=True)
class Property:
    """What holds for every right answer, whatever way it is computed.

    Attributes:
        kind: short word for its breach.
        holds: what holds, in a few words.
        breach: what to say where it does not.
        error: relative error of it for the arguments and the outputs of a case.
    """

    kind: str
    holds: str
    breach: str
    error: Callable[[Mapping[str, Any], tuple[np.ndarray, ...]], float]


@dataclass(frozen=True)
class FunctionAnswer:
    """A function with fixed parameters, known by what it computes.

    Attributes:
        parameters: names of the arguments, in order; they are handed in by position.
        outputs: names of what comes back; several come as a tuple.
        solve: the right outputs for float64 arguments; with `slips`, a set of kinds,
            what these mistakes would make of them.
        slips: what to say of each mistake, by its kind. A part after "/" tells apart
            several ways to make one mistake.
        cases: draws the inputs.
        properties: what is tried where no known mistake fits.
        edges: what to say of a case that is wrong alone, by `Case.edge`.
        numerical: whether finite differences are an answer too.
        alone: where an example must not depend on the others: the kind, and what to
            say if it does.
        changes: the kind, and what to say, where an argument was changed in place.
        changes_of: the same for single arguments, where it is another mistake.
        adapt: makes the function of something else, for example of a class.
    """

    parameters: tuple[str, ...]
    outputs: tuple[str, ...]
    solve: Callable[..., tuple[np.ndarray, ...]]
    slips: Mapping[str, str]
    cases: Callable[[np.random.Generator], Sequence[Case]]
    properties: tuple[Property, ...] = ()
    edges: Mapping[str, str] | None = None
    numerical: bool = False
    alone: tuple[str, str] | None = None
    changes: tuple[str, str] = (
        "changed-input",
        "The function changes {names} in place: whoever called it has lost the values. "
        "Work on a copy.",
    )
    changes_of: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    adapt: Callable[[Any], Callable | Result] | None = None

    def judge(self, answer: Any, rng: np.random.Generator) -> Result:
        """Return the first thing that is wrong, in the order of `result.STATUSES`."""
        if answers.is_placeholder(answer):
            return answers.not_attempted()
        answer = answer if self.adapt is None else self.adapt(answer)
        if isinstance(answer, Result):
            return answer
        function = answers.callable_of(answer, self.parameters)
        if isinstance(function, Result):
            return function
        cases = list(self.cases(rng))
        main = [case for case in cases if not case.edge]
        run = Run(self, function, main[:1])
        if run.placeholder:
            return run.nothing()
        run.extend(main[1:])
        if (found := diagnosis.first_fault(run)) is not None:
            return run.with_printed(found)
        judged = len(run.judged)
        for case in cases:
            if not case.edge or (run.numerical and case.condition > 1):
                continue
            edge = Run(self, function, [case], like=run)
            if (found := diagnosis.first_fault(edge)) is not None:
                return edge.with_printed(found)
            judged += 1
        return run.with_printed(self._right(judged, run.numerical))

    def right_outputs(self, case: Case, slips: frozenset[str] = frozenset()):
        """Return what is right for a case, or what mistakes would make of it."""
        values = [
            np.asarray(value, np.float64) if isinstance(value, np.ndarray) else value
            for value in case.arguments.values()
        ]
        with np.errstate(all="ignore"):
            return self.solve(*values, slips=slips)

    def _right(self, judged: int, numerical: bool) -> Result:
        held = "; ".join(prop.holds for prop in self.properties)
        held = f" What holds: {held}." if held else ""
        precision = " to the precision of finite differences" if numerical else ""
        message = f"The values agree{precision} on {judged} drawn cases.{held}"
        return Result("right", "", message)
