"""The directive `quick-question`: what authors are told, what readers meet."""

import re

import pytest
import small_site
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup
from site_browser import Visitor, served

ONE = """:::{quick-question}
:name: qq-divisor
:answer: 2

By how much does the layer divide? Take *five* numbers.

- the variance
  - The variance has the square of the unit: see [the end](#the-end).
- the root of the variance
  - It has the unit of x.
- five less one
  - That is the unbiased estimate.
:::"""
SEVERAL = """:::{quick-question}
:name: qq-learned
:answer: 1, 3

Which of them are trained by the gradient?

- gamma
- the moving mean
  - It follows the batches by itself.
- beta
- the moving variance
  - It follows the batches, too.
:::"""
NUMBER = """:::{quick-question}
:name: qq-time
:kind: number
:answer: 0.25
:relative: 4%
:unit: ms

How long does a step take?

- 0.2
  - That leaves out the backward pass.
- right
  - Forward and backward.
- else
  - Add both passes.
:::"""
PAGE = (
    f"# Page\n\n{ONE}\n\n{SEVERAL}\n\n{NUMBER}\n\n(the-end)=\n\n## The end\n\nText.\n"
)


CHOICE_LACKS = [
    (":answer: 2\n", "", "expected :answer:. Received: none"),
    (":answer: 2", ":answer: 4", "choices from 1 to 3. Received: '4'"),
    (":answer: 2", ":answer: 0", "choices from 1 to 3. Received: '0'"),
    (":answer: 2", ":answer: B", "choices from 1 to 3. Received: 'B'"),
    (":answer: 2", ":answer: 1, 2\n:kind: one", "expected one :answer:"),
    (":answer: 2", ":answer: 2\n:kind: some", "Received: 'some'"),
    (":answer: 2", ":answer: 2\n:unit: ms", "kind: number with :unit:"),
    (":answer: 2", ":answer: 2\n:kind: number", "expected an entry of the list"),
    (":name: qq-divisor\n", "", "expected :name: like qq-the-topic"),
    (":name: qq-divisor", ":name: divisor", "Received: 'divisor'"),
    ("  - That is the unbiased estimate.\n", "", "for the wrong choice C"),
    ("By how much does the layer divide? Take *five* numbers.\n", "", "a prompt"),
    (":::\n", "\nText after the list.\n:::\n", "list that ends the question"),
]
NUMBER_LACKS = [
    (":answer: 0.25", ":answer: a quarter", "Received: 'a quarter'"),
    (":relative: 4%", ":relative: few", ":relative: to be a number"),
    (":relative: 4%", ":tolerance: few", ":tolerance: to be a number"),
    ("- 0.2\n", "- about 0.2\n", "Received: 'about 0.2'"),
    ("- 0.2\n", "- 0.26\n", "0.26 counts as right"),
    ("- else\n  - Add both passes.\n", "", "expected an entry `- else`"),
    ("  - Add both passes.\n", "", "for the wrong choice else"),
]
ALONE = ONE.replace("[the end](#the-end)", "the end")
LACKS = [(f"{ALONE}\n", *case) for case in CHOICE_LACKS]
LACKS += [(f"{NUMBER}\n", *case) for case in NUMBER_LACKS]


# --- what authors are told ---------------------------------------------------------


@pytest.fixture(scope="module")
def warned(tmp_path_factory):
    """What a build says of the first broken question, by name of its page."""
    folder = tmp_path_factory.mktemp("broken")
    pages = {"index.md": "# Whole\n\n" + PAGE}
    for number, (question, old, new, _) in enumerate(LACKS):
        assert old in question
        pages[f"page{number}.md"] = f"# Page\n\n{question.replace(old, new)}"
    pages["notebook.ipynb"] = [
        "# Page",
        "Text.",
        ALONE.replace("answer: 2", "answer: 7"),
    ]
    _, warnings = small_site.build(folder, pages, ["quick_questions"])
    lines = re.sub(r"\x1b\[[\d;]*m", "", warnings).splitlines()
    return [line for line in lines if "included in any toctree" not in line]


def test_whole_questions_give_no_warning(warned):
    assert [line for line in warned if "index.md" in line] == []


@pytest.mark.parametrize("number", range(len(LACKS)))
def test_question_that_lacks_something_is_one_warning_with_its_place(warned, number):
    (line,) = [line for line in warned if f"page{number}.md" in line]
    assert f"page{number}.md:3: WARNING: quick-question: " in line
    assert LACKS[number][-1] in line


def test_warning_in_a_notebook_names_file_and_line(warned):
    (line,) = [line for line in warned if "notebook.ipynb" in line]
    assert re.search(r"notebook\.ipynb:\d+: WARNING: quick-question: ", line)


# --- what readers meet -------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("questions")
    pages = {"index.md": PAGE, "other.md": "# Other\n"}
    html, _ = small_site.build(folder, pages, ["quick_questions"])
    return html


@pytest.fixture
def visitor(browser, site):
    with served(site) as address:
        visitor = Visitor(browser, address, viewport={"width": 1280, "height": 900})
        yield visitor
        visitor.context.close()


def form(visitor, name):
    return visitor.page.locator(f"#{name}")


def answer(question, *labels):
    for label in labels:
        question.get_by_label(label, exact=True).check()
    question.get_by_role("button", name="Check").click()
    return question.get_by_role("status").inner_text()


def type_number(question, text):
    question.get_by_label("Your answer").fill(text)
    question.get_by_label("Your answer").press("Enter")
    return question.get_by_role("status").inner_text()


def test_page_without_questions_does_not_load_the_script(site):
    assert "bn-questions.js" in (site / "index.html").read_text("utf-8")
    assert "bn-questions.js" not in (site / "other.html").read_text("utf-8")


def test_wrong_choice_shows_its_own_feedback_and_the_right_one_its_own(visitor):
    visitor.go("index.html")
    question = form(visitor, "qq-divisor")
    said = answer(question, "the variance")
    assert said.startswith("Not quite.")
    assert "square of the unit" in said
    assert "unit of x" not in said
    link = question.get_by_role("status").get_by_role("link", name="the end")
    assert link.get_attribute("href") == "#the-end"
    said = answer(question, "the root of the variance")
    assert said.startswith("Right.")
    assert "unit of x" in said


def test_nothing_chosen_is_said_and_is_no_answer(visitor):
    visitor.go("index.html")
    question = form(visitor, "qq-divisor")
    assert answer(question) == "Choose an answer first."
    assert question.locator("details").is_hidden()


@pytest.mark.parametrize(
    ("ticked", "begins", "holds"),
    [
        (("gamma", "beta"), "Right.", ""),
        (("gamma",), "Right so far, and not yet all of them.", ""),
        (("gamma", "the moving mean"), "Not quite.", "by itself"),
        (("the moving variance",), "Not quite.", "too"),
    ],
)
def test_several_choices_are_judged_together(visitor, ticked, begins, holds):
    visitor.go("index.html")
    said = answer(form(visitor, "qq-learned"), *ticked)
    assert said.startswith(begins)
    assert holds in said


@pytest.mark.parametrize(
    "text", ["0.25", "0,25", "1/4", "25e-2", "0.25 ms", "0.241", " +.26 ", "25 %"]
)
def test_number_near_enough_is_right(visitor, text):
    visitor.go("index.html")
    said = type_number(form(visitor, "qq-time"), text)
    assert said.startswith("Right.")
    assert "Forward and backward." in said


@pytest.mark.parametrize(
    ("text", "begins", "holds"),
    [
        ("0.2", "Not quite.", "leaves out the backward pass"),
        ("0.201", "Not quite.", "leaves out the backward pass"),
        ("0.2625", "Not quite.", "Add both"),
        ("-0.25", "Not quite.", "Add both"),
        ("1,250", "Not quite.", "Add both"),
        ("much", "Type a number first", ""),
        ("", "Type a number first", ""),
        ("1/0", "Type a number first", ""),
    ],
)
def test_other_numbers_get_the_feedback_that_fits(visitor, text, begins, holds):
    visitor.go("index.html")
    said = type_number(form(visitor, "qq-time"), text)
    assert said.startswith(begins)
    assert holds in said


def test_answers_stay_on_reload_and_go_on_try_again(visitor):
    visitor.go("index.html")
    answer(form(visitor, "qq-divisor"), "the variance")
    type_number(form(visitor, "qq-time"), "0.2")
    visitor.go("index.html")
    question = form(visitor, "qq-divisor")
    assert question.get_by_label("the variance", exact=True).is_checked()
    assert "square of the unit" in question.get_by_role("status").inner_text()
    assert form(visitor, "qq-time").get_by_label("Your answer").input_value() == "0.2"
    question.get_by_role("button", name="Try again").click()
    assert question.get_by_role("status").inner_text() == ""
    assert question.locator("input:checked").count() == 0
    assert question.locator("input").first.evaluate("e => e === document.activeElement")
    visitor.go("index.html")
    assert form(visitor, "qq-divisor").locator("input:checked").count() == 0


def test_answer_changed_after_the_check_takes_the_feedback_back(visitor):
    visitor.go("index.html")
    question = form(visitor, "qq-divisor")
    answer(question, "the variance")
    question.get_by_label("the root of the variance").check()
    assert question.get_by_role("status").inner_text() == ""
    assert "not this" not in question.locator("ol").inner_text()


def test_keyboard_alone_answers(visitor):
    page = visitor.go("index.html")
    question = form(visitor, "qq-divisor")
    question.locator("input").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert question.get_by_role("status").inner_text().startswith("Right.")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Check"


def test_folded_answer_appears_after_a_prediction(visitor):
    visitor.go("index.html")
    question = form(visitor, "qq-divisor")
    assert question.locator("details").is_hidden()
    answer(question, "the variance")
    question.get_by_text("Answer", exact=True).click()
    assert "Answer: B" in question.locator("details").inner_text()


def test_pages_opened_as_files_answer_without_complaint(browser, site):
    visitor = Visitor(browser, site.as_uri() + "/")
    visitor.go("index.html")
    said = answer(form(visitor, "qq-divisor"), "the root of the variance")
    assert said.startswith("Right.")
    visitor.context.close()


def test_storage_that_refuses_does_not_break_a_question(visitor):
    refuse = "Object.defineProperty(window, 'sessionStorage', {get() { throw 1; }})"
    visitor.context.add_init_script(refuse)
    visitor.go("index.html")
    said = answer(form(visitor, "qq-divisor"), "the root of the variance")
    assert said.startswith("Right.")


def test_without_scripts_choices_can_be_read_and_the_answer_is_folded(browser, site):
    visitor = Visitor(browser, site.as_uri() + "/", java_script_enabled=False)
    page = visitor.page
    page.goto(visitor.base + "index.html")
    question = form(visitor, "qq-divisor")
    assert question.get_by_text("the root of the variance").is_visible()
    assert question.locator("input:visible, button:visible").count() == 0
    assert question.get_by_text("square of the unit").is_hidden()
    question.get_by_text("Answer", exact=True).click()
    assert question.get_by_text("Answer: B").is_visible()
    assert question.get_by_text("square of the unit").is_visible()
    visitor.context.close()


def test_print_shows_the_answer(visitor):
    page = visitor.go("index.html")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    question = form(visitor, "qq-divisor")
    assert question.get_by_text("Answer: B").is_visible()
    assert question.get_by_text("unbiased estimate").is_visible()
    assert question.locator("button:visible").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_in_a_question(browser, site, scheme, width):
    size = {"width": width, "height": 844}
    visitor = Visitor(browser, site.as_uri() + "/", viewport=size, color_scheme=scheme)
    page = visitor.go("index.html")
    answer(form(visitor, "qq-divisor"), "the variance")
    answer(form(visitor, "qq-learned"), "gamma", "beta")
    type_number(form(visitor, "qq-time"), "0.2")
    run = Axe().run(page, ".bn-question", {"resultTypes": ["violations"]})
    found = [violation["id"] for violation in run.response["violations"]]
    assert found == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    visitor.context.close()


def test_group_has_a_name_and_a_description(site):
    page = BeautifulSoup((site / "index.html").read_text("utf-8"), "html.parser")
    for number, question in enumerate(page.select("form.bn-question"), start=1):
        group = question.find("fieldset")
        assert group.find("legend").get_text() == f"Quick question {number}"
        assert page.find(id=group["aria-describedby"]).get_text().strip()
