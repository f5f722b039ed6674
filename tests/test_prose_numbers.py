"""Which numbers of a text count as backed by what is shown."""

import json
from decimal import Decimal

import prose_numbers
import pytest

KNOWN = prose_numbers.numbers(
    "steps = 50_000\nloss 0.32508, accuracy 0.9761\nshape (60, 100)\n1e-3 <td>4.2</td>"
)


@pytest.mark.parametrize(
    "text",
    [
        "The accuracy is 97.6 % after 50,000 steps of 60 examples.",
        "A loss of 0.325, and $\\epsilon = 0.001$.",
        "It is 4.2 times as fast, or 4.2x.",
        "There are 3 layers of 100 units; see section 3.14 and Table 12.",
        "In 2015, with Python 3.12 and CIFAR-100, in 20 minutes, the 85th percentile.",
        "It was 99.9 % in the paper {cite:p}`ioffe2015batch`.",
        "It was [reported](https://example.org/thread) as 99.9 %.",
        "- one item\n- 99.9 % {cite:t}`ioffe2015batch`",
        "$$\nx = 12345\n$$ (eq-x)",
        "```python\nx = 12345\n```",
        "By {cite:t}`ioffe2015batch`:\n\n| a | b |\n|---|---|\n| 77 | 88.8 |",
    ],
)
def test_backed_numbers_pass(text):
    assert prose_numbers.unbacked(text, KNOWN) == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("The accuracy is 97.5 %.", "97.5 %"),
        ("The accuracy is 97.62 %.", "97.62 %"),
        ("A loss of 0.326.", "0.326"),
        ("After 5,000 steps.", "5,000"),
        ("It takes 61 examples.", "61"),
        ("It is 8 % better.", "8 %"),
        ("It is 6x as fast.", "6x"),
        ("We set $\\rho = 0.75$.", "0.75"),
        ("- cited {cite:t}`ioffe2015batch`\n- 99.9 % not cited", "99.9 %"),
        ("One. {cite:t}`ioffe2015batch`\n\nTwo: 99.9 %.", "99.9 %"),
        (":::{exercise} Title\n:label: ex-1\n\nGet 77.7.\n:::", "77.7"),
        ("```{note}\nIt is 77.7.\n```", "77.7"),
        ("| a |\n|---|\n| 77.7 |", "77.7"),
        ("As [chapter 9](09_other.ipynb) shows, 77.7.", "77.7"),
    ],
)
def test_numbers_that_nothing_backs_are_found(text, wrong):
    found = prose_numbers.unbacked(text, KNOWN)
    assert [line.split(" in: ")[0] for line in found] == [wrong]


QUESTION = """:::{quick-question}
:name: qq-accuracy
:answer: 2

Which accuracy?

- 55.5 %
  - Chance is 33.3 %.
- 97.6 %
:::
"""
NUMBER = """:::{quick-question}
:name: qq-loss
:kind: number
:answer: 0.325

- 0.777
  - Feedback.
:::
"""


def test_guesses_of_a_quick_question_need_no_backing_and_the_rest_does():
    def found(text):
        return [line.split()[0] for line in prose_numbers.unbacked(text, KNOWN)]

    assert found(QUESTION) == ["33.3"]
    assert found(QUESTION.replace("answer: 2", "answer: 1")) == ["55.5", "33.3"]
    assert found(NUMBER) == []
    assert found(NUMBER.replace("0.325", "0.326")) == ["0.326"]


def test_link_to_a_notebook_backs_what_that_notebook_shows():
    text = "As [chapter 9](09_other.ipynb) shows, 77.7."
    assert prose_numbers.unbacked(text, KNOWN, lambda _: {Decimal("77.70")}) == []


def test_recorded_run_backs_its_settings_and_ends_but_not_its_curves(tmp_path):
    parts = [
        {"curves": {"loss": [9.1, last]}, "probes": {}, "measured": {"share": 0.5}}
        for last in (0.25, 0.35)
    ]
    run = {"settings": {"steps": 50000}, "dataset": {}, "title": "", "seconds": 1.5}
    path = tmp_path / "run.json"
    path.write_text(json.dumps({**run, "date": "", "variants": {"a": parts}}))
    known = prose_numbers.run_numbers(path)
    assert prose_numbers.unbacked("50,000 steps: 0.25, 0.35, mean 0.3", known) == []
    assert prose_numbers.unbacked("At first 9.1.", known) != []
