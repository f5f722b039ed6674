"""What wrong outputs have in common with the right ones, where no mistake is known.

They are the right ones in another order, with another sign, times a factor; or they do
not depend on what they should depend on.
"""

from __future__ import annotations

import itertools

import numpy as np

from bnteach.exercises import compare
from bnteach.exercises.mistakes import output_is_wrong
from bnteach.exercises.result import listed

FACTOR = 1.2  # what is nearer to 1 is just off


def other_order(run) -> str:
    """Say that all outputs are right but for their order, or nothing."""
    names = run.spec.outputs
    ran = [at for at in run if run.arrays[at] is not None]
    if len(names) < 2 or len(ran) < len(run.judged):
        return ""
    right = {at: run.spec.right_outputs(run.outcomes[at].case) for at in ran}
    for order in itertools.permutations(range(len(names))):
        # The right output of each number stands at the place order[number].
        pairs = [
            (at, run.arrays[at][place], right[at][number])
            for at in ran
            for number, place in enumerate(order)
        ]
        if order == tuple(range(len(names))):
            continue
        if all(compare.relative_error(a, b) < run.limit(at) for at, a, b in pairs):
            received = ", ".join(names[order.index(n)] for n in range(len(names)))
            return (
                "The outputs are right and come in another order: expected "
                f"({', '.join(names)}). Received: ({received})."
            )
    return ""


def pattern(run, at_fault) -> tuple[str, str] | None:
    """Return the kind of what wrong outputs have in common, and what to say of it."""
    if names := run.ignored():
        verb = "make" if len(names) > 1 else "makes"
        said = f"{listed(names)} {verb} no difference to your result."
        return f"{names[0]}-ignored", said
    wrong = {
        output: [at for at in at_fault if output_is_wrong(run, at, place)]
        for place, output in enumerate(run.spec.outputs)
    }
    wrong = {output: calls for output, calls in wrong.items() if calls}
    for output in wrong:
        if names := run.ignored(run.spec.outputs.index(output)):
            verb = "make" if len(names) > 1 else "makes"
            said = f"{listed(names)} {verb} no difference to {output}."
            return f"{names[0]}-ignored", said
    negative = [o for o, calls in wrong.items() if _is_negative(run, o, calls)]
    scaled = [o for o, calls in wrong.items() if _is_scaled(run, o, calls)]
    for kind, outputs in (("sign", negative), ("factor", scaled)):
        if outputs:
            return kind, _told(run, kind, outputs, wrong)
    return None


def _told(run, kind: str, outputs: list[str], wrong) -> str:
    """Say that outputs have another sign, or are off by a factor."""
    if kind == "sign":
        said = f"The sign of {listed(outputs)} is wrong."
    else:
        verb = "are" if len(outputs) > 1 else "is"
        said = (
            f"{listed(outputs)} {verb} right but for a factor, the same for all values "
            "of a channel: look at what it is multiplied or divided by."
        )
    others = [output for output in wrong if output not in outputs]
    if others:
        said += f" Something else is wrong in {listed(others)} too."
    return said


def _is_negative(run, output: str, calls) -> bool:
    place = run.spec.outputs.index(output)
    return all(
        compare.relative_error(-run.arrays[at][place], _right(run, at, place))
        < compare.SLIP
        for at in calls
    )


def _is_scaled(run, output: str, calls) -> bool:
    """Tell whether an output is a multiple of the right one, channel by channel."""
    place = run.spec.outputs.index(output)
    factors = [_factor(run.arrays[at][place], _right(run, at, place)) for at in calls]
    if any(factor is None for factor in factors):
        return False
    sizes = np.abs(np.concatenate(factors))
    return bool(np.all((sizes > FACTOR) | (sizes < 1 / FACTOR)))


def _factor(got: np.ndarray, right: np.ndarray) -> np.ndarray | None:
    """Return the factor of each channel, None if there is none.

    A vector, one number a channel, must have the same factor everywhere.
    """
    shape = (-1, right.shape[-1]) if right.ndim > 1 else (-1, 1)
    got, right = got.astype(np.float64).reshape(shape), right.reshape(shape)
    size = (right**2).sum(axis=0)
    if len(right) < 2 or not size.all() or not np.isfinite(got).all():
        return None
    factor = (got * right).sum(axis=0) / size
    if not factor.all():
        return None
    return factor if compare.relative_error(got, factor * right) < 1e-4 else None


def _right(run, at: int, place: int) -> np.ndarray:
    return run.spec.right_outputs(run.outcomes[at].case)[place]
