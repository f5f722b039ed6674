"""Find the known mistakes whose numbers are those of a function: one, two or three."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from bnteach.exercises import compare

MOST_FOR_THREE = 36  # mistakes: with more, three at once take seconds to try
NEAR = 2e-2  # every known mistake is further off than this


def known_mistakes(run, at_fault) -> tuple[dict[str, list[str]], list[str]]:
    """Find the mistakes that give just these outputs.

    Returns:
        Mistake -> the outputs that it explains, where it would change others, which are
        right (an empty list where it would not); and the outputs that none explains.
    """
    solved = {}
    found, unexplained = {}, []
    for place, output in enumerate(run.spec.outputs):
        wrong = [at for at in at_fault if output_is_wrong(run, at, place)]
        ran = [at for at in wrong if run.arrays[at] is not None]
        if not ran:
            continue
        # The wrong cases first: they rule most mistakes out at once.
        order = sorted(run, key=lambda at: (at not in wrong, run.arrays[at] is None))
        for mistakes in _candidates(run, ran, place, solved):
            if all(_explains(run, at, place, mistakes, solved) for at in order):
                for name in (n for n in run.spec.slips if n in mistakes):
                    found.setdefault(name, []).append(output)
                break
        else:
            unexplained.append(output)
    return {
        name: places if _spares_others(run, at_fault, name, solved) else []
        for name, places in found.items()
    }, unexplained


def _spares_others(run, at_fault, name: str, solved) -> bool:
    """Tell whether an output is right that a mistake would change."""
    ran = [at for at in run if run.arrays[at] is not None]
    return any(
        not any(output_is_wrong(run, at, place) for at in at_fault)
        and any(_changes(run, at, place, frozenset({name}), solved, NEAR) for at in ran)
        for place in range(len(run.spec.outputs))
    )


def _candidates(run, ran, place: int, solved) -> Iterator[frozenset[str]]:
    """Yield mistakes that change an output, single ones first, then two and three."""
    if max(run.errors(at)[place] for at in ran) < NEAR:
        return
    telling = [
        name
        for name in run.spec.slips
        if any(_changes(run, at, place, frozenset({name}), solved) for at in ran)
    ]
    for size in (1, 2, 3) if len(telling) <= MOST_FOR_THREE else (1, 2):
        yield from map(frozenset, itertools.combinations(telling, size))


def _changes(run, at: int, place: int, mistakes, solved, least=0.0) -> bool:
    """Tell whether mistakes give another output than the right one, or raise."""
    outputs = _solve(run, at, mistakes, solved)
    right = _solve(run, at, frozenset(), solved)
    if outputs is None:
        return True
    return compare.relative_error(outputs[place], right[place]) > least


def output_is_wrong(run, at: int, place: int) -> bool:
    """Tell whether one output of a call is off, or missing since it raised."""
    if run.arrays[at] is None:
        return True
    error = run.errors(at)[place]
    return error > compare.MIXED and error > run.limit(at)


def _explains(run, at: int, place: int, mistakes, solved) -> bool:
    """Tell whether mistakes give an output as it is, or raise as the function did."""
    outputs = _solve(run, at, mistakes, solved)
    if outputs is None or run.arrays[at] is None:
        return outputs is None and run.outcomes[at].error is not None
    error = compare.relative_error(run.arrays[at][place], outputs[place])
    if not output_is_wrong(run, at, place):
        return error < compare.SLIP
    # What is nearly right is not a mistake that is nearly right as well.
    return error < min(compare.SLIP, run.errors(at)[place] / 10)


def _solve(run, at: int, mistakes, solved):
    """Return what mistakes make of a case, None where they raise; kept in `solved`."""
    if (at, mistakes) not in solved:
        try:
            outputs = run.spec.right_outputs(run.outcomes[at].case, mistakes)
        except Exception:
            outputs = None
        solved[at, mistakes] = outputs
    return solved[at, mistakes]
