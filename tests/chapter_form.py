"""Measures a chapter: words, shown code, questions, figures, exercises.

Words are those that a reader must read to follow the chapter. Not counted: code,
displayed formulas, captions, the feedback of quick questions, exercises, references.
"""

import re
from typing import NamedTuple

FOLDED = {"hide-input", "hide-cell", "remove-input", "remove-cell", "plumbing", "check"}
FENCED = re.compile(r"^:::\{([\w-]+)\}([^\n]*)\n(.*?)^:::[ ]*$", re.M | re.S)
STUB = re.compile(r"\.\.\..*# your turn")
CHECK = re.compile(r'^check\("([a-z0-9-]+)"[^\n]*\)$')


class Exercise(NamedTuple):
    """One exercise as it stands in a notebook.

    Attributes:
        label: Label of the exercise, ``ex-...``.
        stubs: Names that the stub cells before the solution check.
        hints: Names that folded cells ask a hint for.
        solved: Names that the last lines of the executed solution check.
    """

    label: str
    stubs: list
    hints: list
    solved: list


def section(markdown, title):
    """Return the text of the section `title`, heading included; '' if there is none."""
    found = re.search(rf"^## {re.escape(title)}$.*?(?=^## |\Z)", markdown, re.M | re.S)
    return found[0] if found else ""


def without_feedback(question):
    """Return the prompt and the choices of a quick question."""
    lines = question.split("\n")
    return "\n".join(
        line for line in lines if not re.match(r"\s+- |\s{4,}\S|:[\w-]+:", line)
    )


def count_words(markdown):
    """Return the number of words of a chapter that a reader must read."""
    for title in ("Exercises", "Further reading"):
        markdown = markdown.replace(section(markdown, title), "")
    text = re.sub(r"\$\$.*?\$\$(?:[ ]*\([\w-]+\))?", "", markdown, flags=re.S)
    text = FENCED.sub(
        lambda m: without_feedback(m[3]) if m[1] == "quick-question" else m[3], text
    )
    text = re.sub(r"^\([\w-]+\)=$|^:[\w-]+:.*$", "", text, flags=re.M)
    text = re.sub(r"\]\([^)]*\)", "]", text)  # the target of a link
    text = re.sub(r"\{[\w:]+\}`[^`]*`|\$[^$]*\$", "word", text)
    return len(re.findall(r"\w[\w'’-]*", text))


def quick_questions(markdown):
    """Return the names of the quick questions in their order."""
    asked = [m[3] for m in FENCED.finditer(markdown) if m[1] == "quick-question"]
    return [re.search(r"^:name: (\S+)", text, re.M)[1] for text in asked]


def is_shown(cell):
    """Return whether a code cell stands open on the page."""
    return cell.cell_type == "code" and not FOLDED & set(cell.metadata.get("tags", ()))


def shown_lines(cells):
    """Return the lines of code that stand open before the exercises."""
    lines = []
    for cell in cells:
        if cell.cell_type == "markdown" and "\n## Exercises\n" in f"\n{cell.source}\n":
            break
        if is_shown(cell):
            lines += cell.source.split("\n")
    return lines


def interactive_figures(cells):
    """Return the names of the figures that a reader can move."""
    return [
        cell.metadata["mystnb"]["figure"]["name"]
        for cell in cells
        if cell.cell_type == "code"
        and any(
            re.search(r'class="bn-(interactive|numbers)"', html)
            for output in cell.outputs
            for html in [output.get("data", {}).get("text/html", "")]
        )
    ]


def question_follows(cells, name):
    """Return whether a cell with an output follows the question before a heading."""
    after = None
    for cell in cells:
        if cell.cell_type == "markdown" and f":name: {name}\n" in cell.source:
            after = cell.source.split(f":name: {name}\n")[1]
        elif after is None:
            continue
        elif cell.cell_type == "markdown":
            after += "\n" + cell.source
        elif cell.outputs:
            return True
        if after is not None and re.search(r"^## ", after, re.M):
            return False
    return False


def checked(cell, record=True):
    """Return the names that the last line of a cell checks: one or none."""
    last = CHECK.match(cell.source.rstrip().split("\n")[-1])
    return [last[1]] if last and ("record=False" in last[0]) != record else []


def exercises(cells):
    """Return the exercises of a notebook in their order."""
    found, solving = [], False
    for cell in cells:
        if cell.cell_type == "markdown":
            label = re.search(r"\{exercise\}[^\n]*\n:label: (\S+)", cell.source)
            solving = bool(re.search(r"\{solution-start\}", cell.source))
            if label:
                found.append(Exercise(label[1], [], [], []))
        elif found and solving:
            found[-1].solved.extend(checked(cell, record=False))
        elif found:
            if STUB.search(cell.source):
                found[-1].stubs.extend(checked(cell))
            folded = not is_shown(cell)
            hints = re.findall(r'^hint\("([a-z0-9-]+)"\)', cell.source, re.M)
            found[-1].hints.extend(hints if folded else [])
    return found
