"""The flowchart of modes: what it says is what was measured, and it follows choices."""

import html
import json

import pytest
from bs4 import BeautifulSoup
from mode_rows import ROWS, result

from bnteach import page_figures
from bnteach.page_figures import modes

LOOK = {"name": "fig-modes", "description": "which statistics"}


def chart(rows=ROWS):
    page = page_figures.mode_chart(rows, **LOOK).page
    return BeautifulSoup(page, "html.parser")


def test_every_row_ends_in_a_box_that_says_what_was_measured():
    page = chart()
    steps = json.loads(page.select_one(".bn-numbers")["data-start"])["steps"]
    assert len(steps) == len(ROWS)
    boxes = {box["data-step"]: box for box in page.select(".bn-outcome")}
    assert len(boxes) == len(modes.QUESTIONS) + 1
    for key, (step, statistics, moving, learned) in steps.items():
        caller, building, call, trainable = key.split("|")
        switches = {"unset": None, "True": True, "False": False}
        expected = result(caller, switches[building], switches[call], trainable)
        assert (statistics, moving == "True", learned == "True") == expected
        said = [text.text for text in boxes[str(step)].select("text")]
        assert said == [f"{expected[0]} statistics", modes.MOVES[expected[1:]]]


def test_first_state_is_lit_without_the_script():
    page = chart()
    lit = [box.text for box in page.select(".bn-outcome.bn-now")]
    assert lit == ["batch statisticsall four move"]
    assert len(page.select(".bn-asked.bn-now")) == 4
    assert page.select_one(".bn-statistics").text == "batch statistics"
    assert {cell.text for cell in page.select("[data-moves]")} == {"moves"}


def test_rows_that_the_rules_do_not_explain_are_refused():
    other = [
        (*row[:4], "moving", *row[5:]) if row[:2] == ("fit", True) else row
        for row in ROWS
    ]
    with pytest.raises(ValueError, match=r"rows that end at box 4.*'batch'.*'moving'"):
        chart(other)
    with pytest.raises(ValueError, match=r"rows that end at box 3.*Received: \[\]"):
        chart([row for row in ROWS if row[0] != "subclass fit"])


def test_controls_offer_every_value_that_a_row_can_have():
    page = chart()
    for place, select in enumerate(page.select("select")):
        offered = {option["value"] for option in select.select("option")}
        values = {"unset" if row[place] is None else str(row[place]) for row in ROWS}
        assert offered == values
        assert page.select_one(f'label[for="{select["id"]}"]')
    assert html.escape("model(x)") in page.select_one("select").text
