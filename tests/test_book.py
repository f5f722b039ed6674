"""The notebooks and pages of the book as they are stored: form, outputs, numbers."""

import functools
import re
import subprocess
from pathlib import Path

import chapter_form
import nbformat
import prose_numbers
import pytest
import yaml

from bnteach.exercises import EXERCISES
from bnteach.runs import results

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / "book"
NOTEBOOKS = sorted(BOOK.glob("*.ipynb"))
CHAPTERS = [path for path in NOTEBOOKS if re.match(r"\d\d_", path.name)]
PAGES = sorted(BOOK.glob("*.md"))
PICTURES = {"image/png", "image/jpeg", "image/svg+xml"}
FILE_NAME = re.compile(r"\.(png|svg|jpe?g|gif)$|^[0-9a-f]{16,}$", re.IGNORECASE)

# Chapters that were written anew in the form of chapter_form.py.
NEW = ("01", "02", "03", "04", "08")
SECOND_EDITION = [path for path in CHAPTERS if path.name[:2] in NEW]

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
each_new_chapter = pytest.mark.parametrize(
    "path", SECOND_EDITION, ids=lambda path: path.stem
)
each_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)


@functools.cache
def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(path):
    """Return (number in the notebook, cell) for each code cell."""
    cells = enumerate(read(path).cells, start=1)
    return [(number, cell) for number, cell in cells if cell.cell_type == "code"]


def prose(path):
    """Return the markdown of a page, or of all cells of a notebook."""
    if path.suffix == ".md":
        return path.read_text("utf-8")
    cells = (cell for cell in read(path).cells if cell.cell_type == "markdown")
    return "\n\n".join(cell.source for cell in cells)


# --- the order of the book ---------------------------------------------------------


def toc_files():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    chapters = [chapter for part in toc["parts"] for chapter in part["chapters"]]
    return [toc["root"], *(chapter["file"] for chapter in chapters)]


def test_every_page_is_in_the_table_of_contents_and_exists():
    stored = {f"book/{path.stem}" for path in [*NOTEBOOKS, *PAGES]}
    assert sorted(toc_files()) == sorted(stored)


def test_prefixes_of_the_chapters_agree_with_their_order():
    listed = [re.match(r"book/(\d\d)_", name) for name in toc_files()]
    prefixes = [int(match[1]) for match in listed if match]
    assert len(prefixes) == len(CHAPTERS)
    assert prefixes == sorted(set(prefixes))  # numbers of chapters to come may lack


# --- the form of the notebooks -----------------------------------------------------


@each_notebook
def test_stored_as_the_notebook_tool_stores_it(path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import notebooks

    notebook = nbformat.read(path, as_version=4)
    assert notebooks.clean_outputs(notebook) == [], "a cell with stderr"
    notebooks.normalize(notebook)
    as_stored = nbformat.writes(notebook).rstrip("\n") + "\n"
    assert path.read_text("utf-8") == as_stored, (
        f"run: python tools/notebooks.py {path}"
    )


@each_notebook
def test_every_code_cell_was_executed_in_order_without_an_error(path):
    counts = [cell.execution_count for _, cell in code_cells(path)]
    assert counts == list(range(1, len(counts) + 1))
    failed = [
        number
        for number, cell in code_cells(path)
        if any(output.output_type == "error" for output in cell.outputs)
        and "raises-exception" not in cell.metadata.get("tags", ())
    ]
    assert failed == []


@each_notebook
def test_code_cells_are_short_and_narrow(path):
    long = {n: cell.source.count("\n") + 1 for n, cell in code_cells(path)}
    assert {n: lines for n, lines in long.items() if lines > 25} == {}
    wide = [
        (number, line)
        for number, cell in code_cells(path)
        for line in cell.source.split("\n")
        if len(line) > 80
    ]
    assert wide == []


@each_notebook
def test_outputs_hold_no_address_of_memory_or_path_of_a_machine(path):
    shown = prose_numbers.notebook_text(read(path))
    assert (
        re.findall(r"0x[0-9a-f]{6,}|site-packages|/home/\w+|[A-Z]:\\Users", shown) == []
    )


def shown_by(cell):
    """Return the formats in which a cell shows something, and "interactive"."""
    data = [output.get("data", {}) for output in cell.outputs]
    kinds = set().union(*data)
    pages = [shown.get("text/html", "") for shown in data]
    live = any('<div class="bn-interactive"' in page for page in pages)
    return kinds | ({"interactive"} if live else set())


@each_notebook
def test_every_figure_has_caption_and_name_and_every_picture_alternative_text(path):
    lacking, names = [], []
    for number, cell in code_cells(path):
        kinds = shown_by(cell)
        if not kinds & {*PICTURES, "interactive"}:
            continue
        given = cell.metadata.get("mystnb", {})
        figure, alt = given.get("figure", {}), given.get("image", {}).get("alt", "")
        names.append(figure.get("name"))
        if not (figure.get("caption") and figure.get("name")):
            lacking.append((number, "caption or name"))
        if "interactive" not in kinds and (
            len(alt.split()) < 3 or FILE_NAME.search(alt)
        ):
            lacking.append((number, f"alternative text: {alt!r}"))
    assert lacking == []
    assert len(names) == len(set(names)), "a name is used twice"


@each_notebook
def test_every_interactive_figure_has_a_still_picture_with_alternative_text(path):
    for number, cell in code_cells(path):
        for output in cell.outputs:
            html = output.get("data", {}).get("text/html", "")
            if "bn-interactive" in html:
                still = re.search(r'<img class="bn-still"[^>]*alt="([^"]+)"', html)
                assert still, f"cell {number}"
                assert len(still[1].split()) >= 3, f"cell {number}"


# --- the parts of a chapter --------------------------------------------------------


@each_chapter
@pytest.mark.parametrize(
    "part",
    [
        r"\A# \S",
        r"^(## |\*\*)After this chapter you can",
        r"^(## |\*\*)Prerequisites",
        r"^## Common mistakes$",
        r"^## Take-aways$",
        r"^## Exercises$",
        r"^## Further reading$",
    ],
)
def test_chapter_has_its_parts(path, part):
    assert re.search(part, prose(path), re.MULTILINE)


@each_chapter
def test_chapter_has_exercises_with_folded_and_executed_solutions(path):
    asked = re.findall(r"\{exercise\}[^\n]*\n:label: (\S+)", prose(path))
    mark = re.compile(r"\{solution-(?:start\} (\S+)\n:class: dropdown|end\})")
    executed, inside = {}, None
    for cell in read(path).cells:
        if cell.cell_type == "code" and inside:
            executed[inside] = True
        elif cell.cell_type == "markdown":
            for found in mark.finditer(cell.source):
                inside = found[1]  # None at the end of a solution
    assert len(asked) >= 3
    assert executed == dict.fromkeys(asked, True)


@each_new_chapter
def test_chapter_opens_with_its_question_its_figure_and_its_goals(path):
    opening, figure, goals, setup = read(path).cells[:4]
    assert re.search(r"^# [^\n]+\n\n[^#]*\?", opening.source)
    assert "plumbing" in setup.metadata.tags
    name = figure.metadata["mystnb"]["figure"]["name"]
    assert f"{{numref}}`{name}`" in opening.source
    assert re.search(r"After this chapter you can.*Prerequisites", goals.source, re.S)
    assert re.search(r"\b\d+ minutes", goals.source)


@each_new_chapter
def test_chapter_can_be_read_in_one_sitting(path):
    assert chapter_form.count_words(prose(path)) <= 3000
    before = prose(path).split("\n## Common mistakes\n")[0]
    assert 3 <= len(re.findall(r"^## ", before, re.MULTILINE)) <= 6


@each_new_chapter
def test_shown_code_fits_the_page(path):
    lines = chapter_form.shown_lines(read(path).cells)
    assert [line for line in lines if len(line) > 76] == []
    assert len(lines) <= 200


@each_new_chapter
def test_chapter_asks_before_it_shows(path):
    names = chapter_form.quick_questions(prose(path))
    cells = read(path).cells
    shown = [name for name in names if chapter_form.question_follows(cells, name)]
    assert len(names) >= 4
    assert shown == names


@each_new_chapter
def test_chapter_has_figures_that_a_reader_moves(path):
    assert len(chapter_form.interactive_figures(read(path).cells)) >= 1


@each_new_chapter
def test_exercises_have_stubs_hints_and_solutions_that_pass_the_same_check(path):
    found = chapter_form.exercises(read(path).cells)
    assert 5 <= len(found) <= 7
    for exercise in found:
        assert exercise.stubs, exercise.label
        assert exercise.stubs == exercise.hints == exercise.solved, exercise.label
    named = {name for exercise in found for name in exercise.stubs}
    number = int(path.name[:2])
    assert named == {e.name for e in EXERCISES.values() if e.chapter == number}


@each_new_chapter
def test_stubs_are_not_attempted_and_solutions_are_right(path):
    for number, cell in code_cells(path):
        shown = prose_numbers.notebook_text(nbformat.from_dict({"cells": [cell]}))
        if chapter_form.checked(cell, record=False):
            assert 'data-status="right"' in shown, number
        elif chapter_form.checked(cell):
            assert "not attempted yet" in shown, number
            assert "data-status" not in shown, number


def test_exercises_of_chapter_2_start_with_the_two_passes():
    (path,) = BOOK.glob("02_*.ipynb")
    found = chapter_form.exercises(read(path).cells)
    starts = [exercise.stubs for exercise in found[:2]]
    assert starts == [["batch-norm-forward"], ["batch-norm-backward"]]


MEASURED = """# Title

One two $x$ three [four](five.md) {term}`six`.

(a-label)=
## Section

$$
a = b
$$ (eq-x)

:::{quick-question}
:name: qq-a
:answer: 1

Seven eight?

- nine
  - not counted
    at all
- ten
:::

## Exercises

Not counted.

## Further reading

Not counted.
"""


def test_words_of_a_chapter_are_counted_without_what_is_not_read_through():
    # Title, Section, one, two, x, three, four, six, seven, eight, nine, ten
    assert chapter_form.count_words(MEASURED) == 12
    assert chapter_form.quick_questions(MEASURED) == ["qq-a"]


def test_question_without_a_cell_in_its_section_is_found():
    markdown, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    output = nbformat.v4.new_output("stream", text="1")
    shows = code("1", outputs=[output])
    asks = markdown(":::{quick-question}\n:name: qq-a\n:::")
    assert chapter_form.question_follows([asks, code("2"), shows], "qq-a")
    assert not chapter_form.question_follows([shows, asks, code("2")], "qq-a")
    late = [asks, markdown("## Next\n\nText."), shows]
    assert not chapter_form.question_follows(late, "qq-a")


def test_names_of_quick_questions_are_unique_in_the_book():
    asked = re.compile(
        r"^:{3,}\{quick-question\}\n(?::(?!name)\w+:.*\n)*:name: (\S+)", re.M
    )
    names = [
        name for path in [*NOTEBOOKS, *PAGES] for name in asked.findall(prose(path))
    ]
    assert sorted(names) == sorted(set(names))


# --- sources and numbers -----------------------------------------------------------


def test_every_citation_has_an_entry_and_every_entry_is_cited():
    entries = re.findall(
        r"^@\w+\{([^,\s]+),", (BOOK / "references.bib").read_text("utf-8"), re.M
    )
    text = "\n".join(prose(path) for path in [*NOTEBOOKS, *PAGES])
    groups = re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", text)
    cited = {key.strip() for group in groups for key in group.split(",")}
    assert len(entries) == len(set(entries))
    assert cited == set(entries)


@functools.cache
def known_numbers(path):
    """Return what a notebook shows, and what the recorded runs it reads ended at."""
    text = prose_numbers.notebook_text(read(path))
    known = prose_numbers.numbers(text)
    for run in sorted(results.RECORDED.glob("*.json")):
        if re.search(rf"\b{run.stem}\b", text):
            known |= prose_numbers.run_numbers(run)
    return frozenset(known)


def linked_numbers(target):
    path = BOOK / target
    return known_numbers(path) if path in NOTEBOOKS else frozenset()


@each_notebook
def test_every_number_in_a_notebook_is_backed(path):
    found = prose_numbers.unbacked(prose(path), known_numbers(path), linked_numbers)
    assert not found, "\n".join(found)


@each_page
def test_every_number_on_a_page_is_backed(path):
    found = prose_numbers.unbacked(prose(path), set(), linked_numbers)
    assert not found, "\n".join(found)


# --- the project's files -------------------------------------------------------------


def test_tracked_files_name_no_machine_and_no_package_index():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:  # a downloaded archive is no checkout
        files = [path for path in ROOT.glob("[!._]*") if path.is_file()]
        folders = ("book", "bnteach", "tests", "tools")
        files += [path for name in folders for path in (ROOT / name).rglob("*.*")]
    else:
        files = [ROOT / name for name in listed.stdout.splitlines()]
    machine = r"(?<![\w.])/(?:root|work|tmp|home/\w+|Users/\w+)/|[A-Z]:\\Users\\"
    index = r"--(?:extra-)?index-url|--find-links|pythonhosted\.org"
    pattern = re.compile(f"{machine}|{index}")
    found = {}
    for path in files:
        if path == Path(__file__) or not path.is_file():
            continue
        try:
            hits = pattern.findall(path.read_text("utf-8"))
        except UnicodeDecodeError:  # a picture
            continue
        if hits:
            found[path.relative_to(ROOT).as_posix()] = hits
    assert found == {}


def test_figures_and_cells_that_are_linked_to_exist():
    texts = [prose(path) for path in [*NOTEBOOKS, *PAGES]]
    named = {
        cell.metadata["mystnb"]["figure"].get("name")
        for path in NOTEBOOKS
        for _, cell in code_cells(path)
        if "figure" in cell.metadata.get("mystnb", {})
    }
    labels = {name for text in texts for name in re.findall(r"^\((.*)\)=$", text, re.M)}
    labels |= {
        n for text in texts for n in re.findall(r"^:(?:name|label): (\S+)", text, re.M)
    }
    linked = [n for text in texts for n in re.findall(r"\{numref\}`([^`<]+)`", text)]
    linked += [n for text in texts for n in re.findall(r"\]\(#([^)]+)\)", text)]
    assert linked
    assert {name for name in linked if name not in named | labels} == set()
