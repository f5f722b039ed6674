"""The exercises on moving averages: Keras's momentum, and PyTorch's."""

from __future__ import annotations

import numpy as np

from bnteach.exercises import drawing
from bnteach.exercises.exercise import Case, Exercise
from bnteach.exercises.function_answer import FunctionAnswer, Property

COMMON = {
    "not-averaged": "The new value is added with its full weight: the two weights must "
    "add up to 1.",
    "not-averaged/sum": "The two values are added: the two weights must add up to 1.",
    "never-updated": "The moving average is returned as it came: the batch leaves no "
    "trace in it.",
    "forgets": "The value of the batch is returned: nothing of the average is kept.",
    "equal-weights": "The old and the new value have equal weights, whatever the "
    "momentum.",
    "decays": "The value of the batch is left out: the average only shrinks.",
    "momentum-ignored": "Momentum makes no difference to your result: a fixed number "
    "is in its place.",
    "momentum-ignored/0.9": "Momentum makes no difference to your result: a fixed "
    "number is in its place.",
    "wrong-way": "The average moves away from the value of the batch.",
}
SLIPS = {
    "swapped-momentum": "The momentum is PyTorch's: there it is the weight of the new "
    "value, in Keras that of the old one.",
    **COMMON,
}
PYTORCH_SLIPS = {
    "swapped-momentum": "The momentum is Keras's: there it is the weight of the old "
    "value, in PyTorch that of the new one.",
    **COMMON,
}


def solve(moving, batch, momentum, slips=frozenset()):
    """Return (new,) in Keras's sense, right or with mistakes."""
    for kind, fixed in (("momentum-ignored", 0.99), ("momentum-ignored/0.9", 0.9)):
        momentum = fixed if kind in slips else momentum
    if "swapped-momentum" in slips:
        momentum = 1 - momentum
    old, new = momentum, 1 - momentum
    if "not-averaged" in slips:
        new = 1
    if "not-averaged/sum" in slips:
        old = new = 1
    if "never-updated" in slips:
        old, new = 1, 0
    if "forgets" in slips:
        old, new = 0, 1
    if "equal-weights" in slips:
        old = new = 0.5
    if "decays" in slips:
        new = 0
    if "wrong-way" in slips:
        old, new = 2 - old, -new
    return (moving * old + batch * new,)


def solve_pytorch(running, batch, momentum, slips=frozenset()):
    """Return (new,) in PyTorch's sense, right or with mistakes."""
    if slips & {"momentum-ignored", "momentum-ignored/0.9"}:
        momentum = 1 - momentum
    return solve(running, batch, 1 - momentum, slips)


def cases_of(name):
    """Return what draws cases with the average under this name."""

    def cases(rng):
        drawn = []
        momenta = (*rng.uniform(0.1, 0.4, 3), *rng.uniform(0.6, 0.85, 3))
        for number, momentum in enumerate(rng.permutation(momenta)):
            channels = number % 4 + 1
            given = {
                name: drawing.shift(rng, channels) * 2,
                "batch": drawing.shift(rng, channels) - 4,
                "momentum": float(momentum),
            }
            drawn.append(Case(given))
        coarse = Case(drawing.in_float32(drawn[1].arguments), frozenset({"single"}))
        ends = [
            Case({**drawn[number].arguments, "momentum": end}, edge="ends")
            for number, end in ((2, 0.0), (3, 1.0))
        ]
        return [*drawn, coarse, *ends]

    return cases


def _fixed_point(arguments, outputs):
    """Weights that add up to 1 are read off the two extremes of the outcome."""
    old, batch, _ = arguments.values()
    low, high = np.minimum(old, batch), np.maximum(old, batch)
    outside = np.maximum(low - outputs[0], outputs[0] - high)
    return float(max(outside.max(), 0) / np.abs(high - low).max())


PROPERTIES = (
    Property(
        "outside",
        "the new value lies between the old one and that of the batch",
        "The new value does not lie between the old one and that of the batch, as an "
        "average does: its weights add up to 1",
        _fixed_point,
    ),
)
EDGES = {"ends": "It goes wrong for a momentum of 0 or of 1, where one value is kept."}


def _answer(first, solver, slips):
    return FunctionAnswer(
        parameters=(first, "batch", "momentum"),
        outputs=("new",),
        solve=solver,
        slips=slips,
        cases=cases_of(first),
        properties=PROPERTIES,
        edges=EDGES,
        changes=(
            "changed-input",
            "The function changes {names} in place: whoever called it has lost the "
            "values. Return a new array.",
        ),
    )


EXERCISE = Exercise(
    name="moving-average",
    question="Move an average towards the batch, in Keras's sense of momentum.",
    chapter=2,
    minutes=3,
    difficulty="easy",
    stub="""def moving_average(moving, batch, momentum):
    ...  # your turn


check("moving-average", moving_average)
""",
    hints=(
        "The new value is a weighted average of two numbers: the weights add up to 1.",
        "In Keras a momentum of 0.99 means a long memory. Which of the two numbers "
        "has the weight 0.99?",
    ),
    answer=_answer("moving", solve, SLIPS),
)
PYTORCH_EXERCISE = Exercise(
    name="pytorch-momentum",
    question="The same average, in PyTorch's sense of momentum.",
    chapter=4,
    minutes=3,
    difficulty="easy",
    stub="""def pytorch_average(running, batch, momentum):
    ...  # your turn


check("pytorch-momentum", pytorch_average)
""",
    hints=(
        "PyTorch's default of 0.1 does what 0.9 does in Keras.",
        "So which of the two numbers has the momentum as its weight here?",
    ),
    answer=_answer("running", solve_pytorch, PYTORCH_SLIPS),
)
