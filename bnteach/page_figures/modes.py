"""Which statistics a call uses and what moves: a flowchart that answers to choices."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

from bnteach.page_figures.figure import PageFigure

WIDTH, STEP = 352, 76  # pixels: of the chart, and from one question to the next
LEFT, RIGHT, BOX = (2, 158), (196, 154), 50  # (x, width) of both columns, height
LABELS = {
    "caller": (
        "call",
        {
            "fit": "fit",
            "evaluate": "evaluate",
            "predict": "predict",
            "model(x)": "model(x)",
            "nested fit": "fit, in a Functional model around it",
            "subclass fit": "fit, training=False in a call of your own",
        },
    ),
    "building": (
        "training at building",
        {"unset": "unset", "True": "True", "False": "False"},
    ),
    "call": (
        "training at the call",
        {"unset": "unset", "True": "True", "False": "False"},
    ),
    "trainable": (
        "trainable",
        {
            "True": "True",
            "False": "False",
            "True, then False": "True at compile, False since",
            "False, then True": "False at compile, True since",
        },
    ),
}
MOVES = {
    (True, True): "all four move",
    (True, False): "moving ones move",
    (False, True): "γ and β move",
    (False, False): "nothing moves",
}


class Choice(NamedTuple):
    """One way to run the layer, the switches as text.

    Attributes:
        caller: Who calls, see `bnteach.diagnostics.truth_table`.
        building: The `training` argument when the graph was built, or "unset".
        call: The `training` argument of `model(x)`, or "unset".
        trainable: "True", "False", or "True, then False" and the reverse.
    """

    caller: str
    building: str
    call: str
    trainable: str

    def is_frozen(self) -> bool:
        """Tell whether `trainable` is False where this call looks at it.

        `fit` keeps what was compiled, `model(x)` looks at the attribute as it is.
        """
        compiled, _, now = self.trainable.partition(", then ")
        return (now or compiled if self.caller == "model(x)" else compiled) == "False"


# What is asked, in this order; the first "yes" decides.
QUESTIONS: Sequence[tuple[tuple[str, ...], Callable[[Choice], bool]]] = (
    (("trainable is False?", "(for fit: at compile)"), Choice.is_frozen),
    (
        ("called by evaluate", "or predict?"),
        lambda one: one.caller in ("evaluate", "predict"),
    ),
    (
        ("in a call of your own,", "training=False?"),
        lambda one: one.caller == "subclass fit",
    ),
    (("called by fit?",), lambda one: one.caller.endswith("fit")),
    (("model(x,", "training=True)?"), lambda one: one.call == "True"),
    (
        ("unset at the call,", "True at building?"),
        lambda one: (one.call, one.building) == ("unset", "True"),
    ),
)


def deciding_question(choice: Choice) -> int:
    """Return the place of the first question that is answered with yes.

    Args:
        choice: How the layer is run.

    Returns:
        From 0; the number of questions where all are answered with no.
    """
    found = (place for place, (_, asks) in enumerate(QUESTIONS) if asks(choice))
    return next(found, len(QUESTIONS))


def mode_chart(rows: Sequence[Sequence], *, name: str, description: str) -> PageFigure:
    """Show which statistics normalize and what moves, for every way to run the layer.

    What each box says is read off the rows, none of it is written here.

    Args:
        rows: What was measured, `bnteach.diagnostics.truth_table`: caller, training at
            building, training at the call, trainable, statistics, whether moving
            statistics move, whether gamma or beta moves.
        name: Under which the address of the page keeps the choice.
        description: What is seen, for readers who do not see it.

    Returns:
        A figure with a flowchart, whose way is lit for what the reader chooses.

    Raises:
        ValueError: Rows that end in the same box had different results, or a box had
            none.
    """
    choices = {_choice(row): row for row in rows}
    outcomes = _outcomes(choices)
    steps = {
        "|".join(choice): [deciding_question(choice), *map(str, row[4:])]
        for choice, row in choices.items()
    }
    start = Choice("fit", "unset", "unset", "True")
    lit = deciding_question(start)
    height = STEP * len(QUESTIONS) + BOX + 4
    chart = "".join(_question(k, outcomes[k], lit) for k in range(len(QUESTIONS)))
    chart += _outcome(len(QUESTIONS), outcomes[len(QUESTIONS)], lit, LEFT)
    label = html.escape(description, quote=True)
    data = html.escape(json.dumps({"steps": steps}), quote=True)
    page = (
        f'<div class="bn-numbers" data-kind="modes" data-name="{name}" role="group" '
        f'aria-label="{label}" data-start="{data}"><div class="bn-steps">'
        f'<svg class="bn-graph bn-flow" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" aria-hidden="true">{chart}</svg><div>'
        f'<div class="bn-choices bn-needs-script">{_controls(name, start)}'
        '<button type="button" class="bn-reset">Reset</button></div>'
        f"{_result(outcomes[lit])}</div></div></div>"
    )
    return PageFigure(page, description)


def _choice(row) -> Choice:
    texts = ("unset" if switch is None else str(switch) for switch in row[:4])
    return Choice(*texts)


def _outcomes(choices) -> list[tuple]:
    """Return (statistics, moving ones move, gamma or beta moves) of every box."""
    found: list[set] = [set() for _ in range(len(QUESTIONS) + 1)]
    for choice, row in choices.items():
        found[deciding_question(choice)].add(tuple(row[4:]))
    for place, results in enumerate(found):
        if len(results) != 1:
            raise ValueError(
                f"expected one result for the rows that end at box {place + 1}. "
                f"Received: {sorted(results, key=str)}"
            )
    return [results.pop() for results in found]


def _classes(kind, lit):
    return f'class="{kind}{" bn-now" if lit else ""}"'


def _box(at, y, lines):
    """Return a box with one or two lines of text."""
    x, width = at
    first = y + BOX / 2 + (5 if len(lines) == 1 else -4)
    middle = x + width / 2
    texts = "".join(
        f'<text x="{middle:g}" y="{first + 18 * k:g}">{html.escape(line)}</text>'
        for k, line in enumerate(lines)
    )
    shape = f'<rect x="{x}" y="{y}" width="{width}" height="{BOX}" rx="6"/>'
    return shape + texts


def _way(points, kind, place, lit, label, at):
    """Return an arrow with the answer that it stands for."""
    (x, y), way = points[1], "L".join(f"{a},{b}" for a, b in points)
    right = points[0][1] == y
    head = [(x, y), (x - 8, y - 4), (x - 8, y + 4)]
    if not right:
        head = [(x, y), (x - 4, y - 8), (x + 4, y - 8)]
    corners = "L".join(f"{a},{b}" for a, b in head)
    return (
        f'<g {_classes(f"bn-way bn-{kind}", lit)} data-step="{place}">'
        f'<path d="M{way}"/><path class="bn-head" d="M{corners}Z"/>'
        f'<text x="{at[0]}" y="{at[1]}">{label}</text></g>'
    )


def _question(place, outcome, lit):
    """Return one question, the way down from it, the way right and where that ends."""
    top, middle = STEP * place + 2, LEFT[0] + LEFT[1] / 2
    side = top + BOX / 2
    edge = LEFT[0] + LEFT[1]
    lines = QUESTIONS[place][0]
    down = [(middle, top + BOX), (middle, top + STEP)]
    right = [(edge, side), (RIGHT[0], side)]
    return (
        f'<g {_classes("bn-node bn-asked", place <= lit)} data-step="{place}">'
        f"{_box(LEFT, top, lines)}</g>"
        + _way(down, "no", place, place < lit, "no", (middle + 8, top + BOX + 17))
        + _way(right, "yes", place, place == lit, "yes", (edge + 4, side - 7))
        + _outcome(place, outcome, lit, RIGHT)
    )


def _outcome(place, outcome, lit, column):
    statistics, *moves = outcome
    lines = (f"{statistics} statistics", MOVES[tuple(moves)])
    kind = f"bn-node bn-outcome bn-{statistics}"
    box = _box(column, STEP * place + 2, lines)
    return f'<g {_classes(kind, place == lit)} data-step="{place}">{box}</g>'


def _controls(name, start):
    fields = ""
    for (key, (label, options)), chosen in zip(LABELS.items(), start, strict=True):
        listed = "".join(
            f'<option value="{value}"{" selected" if value == chosen else ""}>'
            f"{html.escape(text)}</option>"
            for value, text in options.items()
        )
        fields += (
            f'<label for="{name}-{key}">{label}</label>'
            f'<select id="{name}-{key}" name="{key}">{listed}</select>'
        )
    return fields


def _result(outcome):
    """Return the answer in words, for the start; the script fills in the others."""
    statistics, moving, learned = outcome
    rows = "".join(
        f'<tr><th scope="row"><code>{variable}</code></th>'
        f'<td data-moves="{which}">{"moves" if moves else "stays"}</td></tr>'
        for variable, which, moves in (
            ("gamma", "learned", learned),
            ("beta", "learned", learned),
            ("moving_mean", "moving", moving),
            ("moving_variance", "moving", moving),
        )
    )
    return (
        '<div class="bn-answer" aria-live="polite"><p>Normalized by the '
        f'<strong class="bn-statistics">{statistics} statistics</strong>.</p>'
        f'<table class="bn-table"><tbody>{rows}</tbody></table></div>'
    )
