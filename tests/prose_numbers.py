"""Finds the numbers in the book's prose that nothing on the page or on record backs.

A number is backed by a number in the code or the text output of its notebook, by a
recorded run that the notebook reads, by a notebook that its paragraph links to, or by
a citation or outside link in its paragraph. It matches a longer number that rounds to
it, and a percentage matches a share. Some numbers state no result and are left out:
integers up to ten (but not "8 %" or "4x"), ordinals, years, minutes of reading,
numbers of sections, equations and versions, and displayed formulas, which are derived
where they stand.
"""

import json
import re
from decimal import Decimal
from typing import NamedTuple

# Not inside a word, nor after the hyphen of a name: mnist5k, CIFAR-10, 3x3.
CLAIM = re.compile(
    r"(?<![\w.])(?<![A-Za-z]-)"
    r"(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
    r"\s?(?P<unit>%|×|\\times|percent\b|per cent\b|times\b|x\b)?"
)
NO_RESULT = re.compile(
    r"\b(?:sections?|figures?|fig\.|tables?|algorithms?|equations?|eq\.|theorems?|"
    r"appendix|chapters?|pages?|issues?|versions?)"
    r"\s#?\d[\w.]*(?:(?:, | and | to | or |-)\d[\w.]*)*"
    r"|\b(?:python|keras|tensorflow|pytorch|numpy|cc by|cc by-sa|apache) [1-9][\d.]*"
    r"|\b\d+(?:st|[nr]d|th)\b"
    r"|\b(?:19|20)\d\d\b(?!\.\d|,\d)"  # a year
    r"|\b\d+ (?:minutes?|hours?)\b"
    r"|\b10\^(?:\{-?\d+\}|\d)",  # a power of ten; the 3 of 3 * 10^{-4} stays
    re.IGNORECASE,
)
ROLE = re.compile(r"\{([a-z][\w:-]*)\}`([^`<]*)[^`]*`")
LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")
QUESTION = re.compile(
    r"^(:{3,})\{quick-question\}\n(.*?)^\1$", re.DOTALL | re.MULTILINE
)


class Block(NamedTuple):
    """A paragraph, list item or table row, and what its author points to."""

    text: str
    cited: bool
    notebooks: tuple[str, ...]


def without_wrong_choices(match):
    """Return a quick question with the choices that it calls wrong left out.

    What is right must be backed like any number; a guess cannot be.
    """
    body = match[2]
    answer = re.search(r"^:answer:[ ]*(.*)$", body, flags=re.M)
    answer = answer[1] if answer else ""
    if re.search(r"^:kind:[ ]*number", body, flags=re.M):
        kept = re.sub(r"^- .*$", "", body, flags=re.M)
        return f"The answer is {answer}.\n\n{kept}"
    head, *choices = re.split(r"^- ", body, flags=re.M)
    right = answer.replace(" ", "").split(",")
    for place, choice in enumerate(choices, start=1):
        text, *feedback = re.split(r"^(?=[ ]+- )", choice, flags=re.M)
        head += f"\n\n{text if str(place) in right else ''}\n\n" + "".join(feedback)
    return head


def without_code(markdown):
    """Drop what is no prose: code, displayed formulas, comments, directive options."""
    markdown = QUESTION.sub(without_wrong_choices, markdown)
    fence = r"^(`{3,})(?!\{%s)[^\n]*\n.*?^\1[ ]*$"
    prose = "(?:note|tip|warning|admonition|exercise|solution|dropdown|glossary|table)"
    for pattern in (fence % prose, r"\$\$.*?\$\$(?:[ ]*\([\w-]+\))?"):
        markdown = re.sub(pattern, "\n", markdown, flags=re.DOTALL | re.MULTILINE)
    markdown = re.sub(
        r"^[ ]*(?::{3,}|`{3,})(?:\{[\w-]+\})?", "\n", markdown, flags=re.M
    )
    return re.sub(r"^(?:%|[ ]*:[\w-]+:|\([\w-]+\)=).*$", "\n", markdown, flags=re.M)


def read_block(text, sources):
    """Return the prose of `text`, with what `sources`, which contains it, points to."""
    targets = [target for _, target in LINK.findall(sources)]
    cited = "{cite" in sources or any(t.startswith("http") for t in targets)
    text = LINK.sub(r"\1", text)
    text = ROLE.sub(lambda m: m[2] if m[1] == "term" else " ", text)
    return Block(text, cited, tuple(t for t in targets if t.endswith(".ipynb")))


def blocks(markdown):
    """Return the blocks of a markdown text.

    The paragraph that leads to a table gives its sources to the rows of the table.
    """
    parts = re.split(
        r"\n\s*\n|\n(?=\s*(?:[-*:]|\d+\.) )|\n(?=\s*\|)", without_code(markdown)
    )
    found, lead = [], ""
    for part in filter(None, map(str.strip, parts)):
        if part.startswith("|"):
            found.append(read_block(part, lead + part))
        else:
            lead = part
            found.append(read_block(re.sub(r"^\d+\. ", "", part), part))
    return found


def claims(text):
    """Yield (number as written, value, is a percentage) for what `text` claims."""
    for match in CLAIM.finditer(NO_RESULT.sub(" ", text)):
        value = Decimal(match["number"].replace(",", ""))
        if value > 10 or value % 1 or match["unit"]:
            percentage = match["unit"] in ("%", "percent", "per cent")
            yield match[0].strip(), value, percentage


def numbers(text):
    """Return the numbers in code or output."""
    # 50_000 and 50,000 are one number, (60,100) are two: take both readings.
    joined = re.findall(r"\d{1,3}(?:[_,]\d{3})+(?:\.\d+)?", text)
    single = re.findall(r"\d+(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+", text)
    return {Decimal(re.sub("[_,]", "", number)) for number in joined + single}


def backs(known, value, percentage):
    """Return whether one of the numbers `known` is `value`, or rounds to it."""
    half = Decimal(1).scaleb(value.as_tuple().exponent) / 2
    return any(
        abs(number - value) <= half
        or (percentage and abs(100 * number - value) <= half)
        for number in known
    )


def unbacked(markdown, known, linked=lambda notebook: frozenset()):
    """Return the numbers of a markdown text that nothing backs, with their places.

    Args:
        markdown: The text of a page or of a cell.
        known: The numbers of the page's code, outputs and recorded runs.
        linked: Gives the numbers of another notebook, by the target of a link to it.
    """
    found = []
    for block in blocks(markdown):
        if block.cited:
            continue
        more = known.union(*map(linked, block.notebooks))
        for written, value, percentage in claims(block.text):
            if not backs(more, value, percentage):
                found.append(f"{written} in: {' '.join(block.text.split())[:160]}")
    return found


def notebook_text(notebook):
    """Return all code and text output of a notebook as one text."""
    parts = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            parts.append(cell.source)
            for output in cell.outputs:
                data = output.get("data", {})
                parts += [output.get("text", "")]
                parts += [data.get(kind, "") for kind in ("text/plain", "text/html")]
    pictures = re.compile(r"data:image/[\w+]+;base64,[^\"']*")
    return pictures.sub("", "\n".join(parts))


def run_numbers(path):
    """Return the numbers of a recorded run: its settings, and what it ended at.

    Of every curve and measurement the last value counts, for each seed and as the
    mean over the seeds. The rest of a curve would back nearly any number.
    """
    run = json.loads(path.read_text("utf-8"))
    known = numbers(json.dumps([run["settings"], run["dataset"], run["title"]]))
    known |= numbers(json.dumps([run["seconds"], run["date"]]))
    for parts in run["variants"].values():
        ends = [end_values(part) for part in parts]
        for name in ends[0]:
            values = [end[name] for end in ends if end.get(name) is not None]
            known |= {Decimal(repr(abs(value))) for value in values}
            if values:
                known.add(Decimal(repr(abs(sum(values) / len(values)))))
        known |= {Decimal(len(parts))}
    return known


def end_values(part):
    """Return the last value of every curve and measurement of one seed, by name."""
    found = {}
    for kind in ("curves", "probes", "measured"):
        for name, value in part[kind].items():
            last = value[-1] if isinstance(value, list) and value else value
            if isinstance(last, int | float):
                found[kind, name] = last
    return found
