"""Name what is wrong with the calls of a function, the most certain thing first.

A mistake that is known by its formula is recognized by its numbers: the function gives
what the mistake would give. Where none fits, what the wrong cases have in common is
named, then a property that does not hold, then the error of the values.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bnteach.exercises import answers, compare, mistakes, patterns
from bnteach.exercises.answers import Outcome
from bnteach.exercises.result import Result, listed

# What sets of drawn cases have in common, the most telling first.
FEATURES = {
    "square": "another axis is as long as that of the channels, so that lengths do not "
    "tell the axes apart",
    "more-axes": "x has more than 2 axes",
    "gamma": "gamma is not 1",
    "beta": "beta is not 0",
    "single": "the inputs are float32",
}


def read(outcome: Outcome, names: Sequence[str], right: Sequence[np.ndarray]):
    """Return the outputs of a call as arrays, and what is wrong with their form.

    Returns:
        A tuple of arrays, or None where there is none; and (kind, message) or None.
    """
    if outcome.error is not None:
        return None, None
    returned = outcome.returned
    several = isinstance(returned, (tuple, list)) and len(returned) == len(names)
    if len(names) > 1 and not several:
        expected = f"expected {len(names)} outputs, ({', '.join(names)})"
        return None, ("outputs", f"{expected}. Received: {answers.described(returned)}")
    values = returned if len(names) > 1 else (returned,)
    arrays, problem = [], None
    for name, value, expected in zip(names, values, right, strict=True):
        try:
            array = answers.to_array(value)
        except ValueError as error:
            kind = "nothing-returned" if answers.is_placeholder(value) else "type"
            return None, (kind, f"{name}: {error}")
        if problem is None and array.shape != np.shape(expected):
            problem = (
                "shape",
                f"expected {name} of shape {np.shape(expected)}. "
                f"Received: shape {array.shape}",
            )
        arrays.append(array)
    return tuple(arrays), problem


def first_fault(run) -> Result | None:
    """Return what is wrong with a run, None if nothing is."""
    at_fault = [at for at in run if _is_wrong(run, at)]
    if not at_fault:
        return _side_effect(run)
    if run.at_edge:
        return _at_edge(run)
    if received := patterns.other_order(run):
        form = any(run.problems[at] is not None for at in run)
        return Result("shape" if form else "property", "swapped-outputs", received)
    names, unexplained = mistakes.known_mistakes(run, at_fault)
    named = " Also: ".join(_said(run, at_fault, *each) for each in names.items())
    kind = next(iter(names)).split("/")[0] if names else ""
    for at in at_fault:
        if run.outcomes[at].error is not None:
            return _raised(run, at, at_fault, kind, named)
    for at in at_fault:
        if run.problems[at] is not None:
            problem, message = run.problems[at]
            message += f", for {run.outcomes[at].case}. {named}".rstrip()
            return Result("shape", kind or problem, message)
    if names:
        if unexplained:
            named += f" Something else is wrong in {listed(unexplained)} too."
        return Result("property", kind, named)
    return _side_effect(run) or _unknown(run, at_fault)


def _said(run, at_fault, name: str, concerned: list[str]) -> str:
    """Say what a mistake is, and in which outputs it was made, if not in all."""
    if not concerned:
        return run.spec.slips[name]
    right = run.right_outputs_of(at_fault)
    verb = "are" if len(right) > 1 else "is"
    return (
        f"{run.spec.slips[name]} This concerns {listed(concerned)}; {listed(right)} "
        f"{verb} right."
    )


def _is_wrong(run, at: int) -> bool:
    if run.arrays[at] is None or run.problems[at] is not None:
        return True
    error = max(run.errors(at))
    return error > compare.MIXED and error > run.limit(at)


def _raised(run, at: int, at_fault, kind: str, named: str) -> Result:
    """Return the result for an exception, with what else is known."""
    outcome = run.outcomes[at]
    error = outcome.error
    text = f"{type(error).__name__}: {error}".rstrip(": ")
    where = f", {outcome.where}" if outcome.where else ""
    message = f"The function raised {text}{where}, for {outcome.case}."
    if named:
        return Result("error", kind, f"{message} {named}")
    feature = _in_common(run, at_fault)
    if feature:
        message += f" Elsewhere it is right: it fails where {FEATURES[feature]}."
    return Result("error", feature or type(error).__name__, message)


def _at_edge(run) -> Result:
    """Return the result for a case that stands alone."""
    edge = run.at_edge
    said = run.spec.edges[edge]
    if run.outcomes[0].error is not None:
        return _raised(run, 0, [0], edge, said)
    if run.problems[0] is not None:
        return Result("shape", edge, f"{run.problems[0][1]}. {said}")
    return Result("property", edge, f"{said} ({_how_far(run, 0)})")


def _side_effect(run) -> Result | None:
    """Return the result for changed arguments, or a function that remembers."""
    changed = {name for at in run for name in run.outcomes[at].changed}
    if changed:
        kind, message = run.spec.changes
        for name in sorted(changed):
            if name in run.spec.changes_of:
                kind, message = run.spec.changes_of[name]
        names = [name for name in run.spec.parameters if name in changed]
        return Result("property", kind, message.format(names=listed(names)))
    if not run.at_edge and run.arrays[0] is not None and not run.repeats():
        return Result(
            "property",
            "remembers",
            "Called twice with the same arguments, the function gives two different "
            "answers: it keeps something between calls, or draws at random.",
        )
    return None


def _in_common(run, at_fault) -> str:
    """Return the feature that just the wrong cases share, or nothing."""
    if any(run.arrays[at] is None and not run.outcomes[at].error for at in at_fault):
        return ""
    every = list(run)
    with_it = {
        feature: {at for at in every if feature in run.outcomes[at].case.features}
        for feature in FEATURES
    }
    for feature, those in with_it.items():
        if those == set(at_fault) and len(those) < len(every):
            return feature
    for feature in ("square", "more-axes"):  # some of these cases say enough
        if set(at_fault) <= with_it[feature]:
            return feature
    return ""


def _unknown(run, at_fault) -> Result:
    """Return the result for wrong values that no known mistake gives."""
    at = max(at_fault, key=lambda at: max(run.errors(at)))
    if any(not np.isfinite(array).all() for array in run.arrays[at]):
        return Result("value", "not-a-number", f"{_not_finite(run, at)}.")
    if feature := _in_common(run, at_fault):
        said = f"Right, but for the cases in which {FEATURES[feature]}"
        return Result("property", feature, f"{said} ({_how_far(run, at)}).")
    if run.spec.alone and run.depends_on_company():
        return Result("property", *run.spec.alone)
    if found := patterns.pattern(run, at_fault):
        return Result("property", *found)
    for prop in run.spec.properties:
        error = max(_breach(run, at, prop) for at in at_fault)
        if error > compare.BREACH:
            right = run.right_outputs_of(at_fault)
            right = f"; {listed(right)} right" if right else ""
            said = f"{prop.breach} (by {compare.digit(error)}{right})."
            return Result("property", prop.kind, said)
    said = _how_far(run, at_fault[0])
    return Result("value", "off", f"{said[0].upper()}{said[1:]}.")


def _breach(run, at: int, prop) -> float:
    outputs = tuple(array.astype(np.float64) for array in run.arrays[at])
    return prop.error(run.outcomes[at].case.arguments, outputs)


def _how_far(run, at: int) -> str:
    """Say how far each output is off, and how far it may be."""
    if any(not np.isfinite(array).all() for array in run.arrays[at]):
        return _not_finite(run, at)
    limit, case = run.limit(at), run.outcomes[at].case
    errors = dict(zip(run.spec.outputs, run.errors(at), strict=True))
    off = [f"{compare.digit(e)} in {name}" for name, e in errors.items() if e > limit]
    agree = [name for name, error in errors.items() if error <= limit]
    double, single = compare.digit(compare.DOUBLE), compare.digit(compare.SINGLE)
    expected = f"{double} in float64, {single} in float32"
    if run.numerical:
        expected = f"{compare.digit(limit)} by finite differences"
    elif case.condition > 1:
        expected = f"{compare.digit(limit)} here"
    said = f"relative error {', '.join(off)}, expected below {expected}; for {case}"
    return said + (f"; {listed(agree)} right" if agree else "")


def _not_finite(run, at: int) -> str:
    """Say how many values are NaN or infinite."""
    pairs = zip(run.spec.outputs, run.arrays[at], strict=True)
    counts = [
        f"{name} is NaN or infinite in {np.sum(~np.isfinite(array))} of {array.size} "
        "places"
        for name, array in pairs
        if not np.isfinite(array).all()
    ]
    return f"{'; '.join(counts)}, for {run.outcomes[at].case}"
