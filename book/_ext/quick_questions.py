"""The directive `quick-question`: a question that the page itself answers.

    :::{quick-question}
    :name: qq-variance-divisor
    :answer: 2

    The prompt, any Markdown with mathematics.

    - first choice
      - what is shown to a reader who chose it
    - second choice
      - the same for the right one; it may be left out
    :::

`:answer:` is the number of the right choice, or several with commas between them;
`:kind: several` lets the reader tick several where one is right. With `:kind: number`
the answer is a number, `:tolerance:` (absolute) or `:relative:` (like 5%) says how near
is near enough, `:unit:` stands behind the box, and the list holds wrong numbers that
are met often, `else` for all other numbers, and `right`.

Without scripts the choices can be read, and the answer is folded below them.
"""

import re
from dataclasses import dataclass, field

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from html_tag import HtmlTag, tag

LOGGER = logging.getLogger(__name__)
KINDS = ("one", "several", "number")
NAME = re.compile(r"qq-[a-z0-9]+(-[a-z0-9]+)*")
HELP = {
    "one": "Choose one.",
    "several": "Choose all that apply.",
    "number": "Type a number.",
}


@dataclass
class Choice:
    """One entry of the list: its key (A, B, ... or a number), text and feedback."""

    key: str
    text: list
    feedback: list
    right: bool = False


@dataclass
class Question:
    """What the author wrote, read and found whole."""

    name: str
    kind: str
    prompt: list
    choices: list = field(default_factory=list)
    answer: str = ""
    tolerance: str = "0"
    relative: str = ""
    unit: str = ""

    def reach(self):
        """Return how far a number may lie from the answer."""
        if self.relative:
            return abs(float(self.answer)) * float(self.relative.rstrip(" %")) / 100
        return float(self.tolerance)

    def accepts(self, number):
        """Return whether `number` counts as right, as the script in the page does."""
        answer = float(self.answer)
        slack = 1e-9 * abs(answer)  # 0.26 lies within 0.01 of 0.25
        return abs(number - answer) <= self.reach() + slack


# --- reading what the author wrote ------------------------------------------------


def read_number(text, what):
    """Return `text` if it is a number, with the minus sign of a keyboard."""
    text = text.strip().replace("\N{MINUS SIGN}", "-")
    try:
        float(text)
    except ValueError:
        raise ValueError(
            f"expected {what} to be a number. Received: {text!r}"
        ) from None
    return text


def split_content(parsed):
    """Return (nodes of the prompt, items of the list that ends the question)."""
    *prompt, last = parsed.children or [None]
    if not prompt or not isinstance(last, nodes.bullet_list):
        raise ValueError("expected a prompt and then a list that ends the question")
    return prompt, last.children


def split_item(item):
    """Return (nodes of a choice, nodes of the feedback that is nested in it)."""
    *text, last = item.children or [nodes.paragraph()]
    if not isinstance(last, nodes.bullet_list):
        return item.children, []
    return text, [child for entry in last.children for child in entry.children]


def right_choices(answer, count):
    """Return the places (from 1) of the right ones among `count` choices."""
    try:
        places = {int(place) for place in answer.split(",")}
    except ValueError:
        places = {0}
    if not places <= set(range(1, count + 1)):
        raise ValueError(
            f"expected :answer: to name choices from 1 to {count}. Received: {answer!r}"
        )
    return places


def read_choices(question, items):
    """Fill in the choices of a question that has a list to choose from."""
    if not 2 <= len(items) <= 26:
        raise ValueError(f"expected 2 to 26 choices. Received: {len(items)}")
    places = right_choices(question.answer, len(items))
    if len(places) > 1 and question.kind == "one":
        raise ValueError(
            "expected one :answer: with :kind: one. Received: " + question.answer
        )
    for place, item in enumerate(items, start=1):
        right = place in places
        question.choices.append(Choice(chr(64 + place), *split_item(item), right))


def read_numbers(question, items):
    """Fill in the numbers that a question for a number has feedback for."""
    question.answer = read_number(question.answer, ":answer:")
    question.tolerance = read_number(question.tolerance, ":tolerance:")
    if question.relative:
        read_number(question.relative.rstrip(" %"), ":relative:")
    for item in items:
        text, feedback = split_item(item)
        key = nodes.Element("", *text).astext().strip()
        if key not in ("right", "else"):
            key = read_number(key, "an entry of the list (or right, else)")
            if question.accepts(float(key)):
                raise ValueError(f"expected wrong numbers only: {key} counts as right")
        question.choices.append(Choice(key, [], feedback, key == "right"))
    if "else" not in [choice.key for choice in question.choices]:
        raise ValueError("expected an entry `- else` with feedback in the list")


def read_question(options, parsed):
    """Return the question; raise ValueError with what its author has to mend."""
    name, answer = options.get("name", ""), options.get("answer", "").strip()
    if not NAME.fullmatch(name):
        raise ValueError(f"expected :name: like qq-the-topic. Received: {name!r}")
    if not answer:
        raise ValueError("expected :answer:. Received: none")
    kind = options.get("kind", "several" if "," in answer else "one")
    if kind not in KINDS:
        raise ValueError(f"expected :kind: to be one of {KINDS}. Received: {kind!r}")
    for_numbers = {"tolerance", "relative", "unit"} & set(options)
    if kind != "number" and for_numbers:
        raise ValueError(f"expected :kind: number with :{min(for_numbers)}:")
    prompt, items = split_content(parsed)
    more = {key: options[key].strip() for key in for_numbers}
    question = Question(name, kind, prompt, answer=answer, **more)
    (read_numbers if kind == "number" else read_choices)(question, items)
    silent = [c.key for c in question.choices if not c.right and not c.feedback]
    if silent:
        raise ValueError(f"expected feedback for the wrong choice {', '.join(silent)}")
    return question


# --- what the page shows -----------------------------------------------------------


def choice_item(question, choice):
    """Return the entry of one choice: a control, its label, room for a mark."""
    first, *more = choice.text
    identity = f"{question.name}-{choice.key.lower()}"
    control = tag(
        "input",
        ids=[identity],
        type="radio" if question.kind == "one" else "checkbox",
        name=question.name,
        value=choice.key,
    )
    label = tag("label", *first.children, for_=identity)
    mark = tag("span", classes=["bn-question-mark"])
    return tag("li", control, label, mark, *more, data_right=choice.right)


def number_box(question):
    """Return the box for a number, with its unit."""
    label = tag("label", "Your answer", for_=f"{question.name}-number")
    control = tag(
        "input",
        ids=[f"{question.name}-number"],
        type="text",
        inputmode="decimal",
        autocomplete="off",
        size=12,
        aria_describedby=f"{question.name}-unit" if question.unit else None,
    )
    parts = [label, control]
    if question.unit:
        parts.append(tag("span", question.unit, ids=[f"{question.name}-unit"]))
    parts.append(tag("span", classes=["bn-question-mark"]))
    return tag("div", *parts, classes=["bn-question-number"])


def answer_line(question):
    """Return the sentence that gives the answer."""
    if question.kind != "number":
        keys = [choice.key for choice in question.choices if choice.right]
        return f"Answer: {', '.join(keys)}"
    unit = f" {question.unit}" if question.unit else ""
    near = f", give or take {question.reach():.3g}" if question.reach() else ""
    return f"Answer: {question.answer}{unit}{near}"


def feedback_title(choice):
    """Return what stands before the feedback for a choice where all are listed."""
    return {"else": "Any other number", "right": "Right"}.get(choice.key, choice.key)


def folded_answer(question):
    """Return the folded answer, which holds the feedback for every choice."""
    listed = [
        tag(
            "div",
            tag("strong", feedback_title(choice)),
            tag("div", *choice.feedback, classes=["bn-question-why"]),
            data_for=choice.key,
        )
        for choice in question.choices
        if choice.feedback
    ]
    answer = tag("p", answer_line(question))
    return tag("details", tag("summary", "Answer"), answer, *listed)


def question_form(question, number):
    """Return the nodes of the whole question."""
    prompt = f"{question.name}-prompt"
    if question.kind == "number":
        entry = number_box(question)
    else:
        items = [choice_item(question, choice) for choice in question.choices]
        entry = tag("ol", *items, type="A")
    check = tag("button", "Check", type="submit")
    again = tag("button", "Try again", type="reset")
    is_number = question.kind == "number"
    return tag(
        "form",
        tag(
            "fieldset",
            tag("legend", f"Quick question {number}"),
            tag("div", *question.prompt, ids=[prompt]),
            tag("p", HELP[question.kind], classes=["bn-question-help"]),
            entry,
            aria_describedby=prompt,
        ),
        tag("p", check, again, classes=["bn-question-buttons"], hidden=True),
        tag("div", classes=["bn-question-feedback"], role="status"),
        folded_answer(question),
        classes=["bn-question"],
        novalidate=True,
        autocomplete="off",
        data_kind=question.kind,
        data_answer=question.answer if is_number else None,
        data_reach=question.reach() if is_number else None,
        data_unit=question.unit or None,
    )


class QuickQuestion(SphinxDirective):
    """Puts a question into the page, or warns of what its author has to mend."""

    has_content = True
    option_spec = dict.fromkeys(
        ("name", "answer", "kind", "tolerance", "relative", "unit"),
        directives.unchanged,
    )

    def run(self):
        """Return the nodes of the question."""
        parsed = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, parsed)
        try:
            question = read_question(self.options, parsed)
        except ValueError as error:
            LOGGER.warning(f"quick-question: {error}", location=self.get_location())
            return parsed.children
        seen = self.env.temp_data
        number = seen["quick questions"] = seen.get("quick questions", 0) + 1
        form = question_form(question, number)
        self.add_name(form)
        return [form]


def add_files(app, pagename, templatename, context, doctree):
    """Let the pages that ask something load what answers, and no other page."""
    tags = doctree.findall(HtmlTag) if doctree else ()
    if any("bn-question" in node["classes"] for node in tags):
        app.add_js_file("bn-questions.js", loading_method="defer")


def setup(app):
    """Register the directive with Sphinx."""
    app.setup_extension("html_tag")
    app.add_directive("quick-question", QuickQuestion)
    app.add_css_file("questions.css")
    app.connect("html-page-context", add_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
