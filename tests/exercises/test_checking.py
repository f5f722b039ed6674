"""What a check answers to stubs, errors, wrong forms and unknown mistakes."""

import ast
import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from bnteach.exercises import EXERCISES, Result, check, hint
from bnteach.exercises.result import NOT_ATTEMPTED


def right(x, gamma, beta, epsilon):
    axes = tuple(range(x.ndim - 1))
    return gamma * (x - x.mean(axes)) / np.sqrt(x.var(axes) + epsilon) + beta


def raises_todo(x, gamma, beta, epsilon):
    raise NotImplementedError("your turn")


def with_docstring(x, gamma, beta, epsilon):
    """Write it."""


def with_placeholders(x, gamma, beta, epsilon):
    y = ...
    return y


STUBS = [
    None,
    ...,
    NotImplemented,
    NotImplementedError,
    raises_todo,
    with_docstring,
    with_placeholders,
    lambda *arguments: None,
    lambda *arguments: (..., None),
]


@pytest.mark.parametrize("stub", STUBS)
def test_what_is_not_there_yet_is_not_an_error(stub, capsys):
    result = check("batch-norm-forward", stub)
    assert (result.status, result.kind) == ("not attempted", "")
    assert capsys.readouterr().out.startswith(NOT_ATTEMPTED)


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=list(EXERCISES))
def test_stub_is_not_attempted_and_ends_in_its_check(exercise, capsys):
    results = []
    names = {
        "np": np,
        "check": lambda *given, **more: results.append(check(*given, **more)),
    }
    exec(exercise.stub, names)
    assert [result.status for result in results] == ["not attempted"]
    last = ast.parse(exercise.stub).body[-1].value
    assert last.func.id == "check"
    assert last.args[0].value == exercise.name
    assert "..." in exercise.stub
    assert max(map(len, exercise.stub.splitlines())) <= 80


def test_an_answer_without_a_return_is_told_so():
    def forgets(x, gamma, beta, epsilon):
        y = right(x, gamma, beta, epsilon)
        y + 0

    result = check("batch-norm-forward", forgets)
    assert (result.status, result.kind) == ("shape", "nothing-returned")


@pytest.mark.parametrize(
    ("answer", "status", "kind", "said"),
    [
        (3.0, "shape", "type", "Received: float"),
        ("text", "shape", "type", "Received: str"),
        (np.zeros(3), "shape", "type", "ndarray of shape (3,)"),
        (lambda x: x, "error", "signature", "(x)"),
        (lambda x, g, b, e, more: x, "error", "signature", "more"),
        (lambda x, g, b, e: x / 0 + undefined, "error", "NameError", "line"),  # noqa: F821
        (lambda x, g, b, e: x[0], "shape", "shape", "expected y of shape (7, 3)"),
        (lambda x, g, b, e: x.sum(), "shape", "shape", "Received: shape ()"),
        (lambda x, g, b, e: (right(x, g, b, e), 1), "shape", "type", "a tuple of 2"),
        (lambda x, g, b, e: "text", "shape", "type", "expected"),
        (lambda x, g, b, e: [[1.0], [1.0, 2.0]], "shape", "type", "a list of 2"),
        (lambda x, g, b, e: right(x, g, b, e).astype(int), "shape", "type", "int64"),
        (lambda x, g, b, e: right(x, g, b, e) + 0j, "shape", "type", "complex"),
        (lambda x, g, b, e: np.float16(right(x, g, b, e)), "shape", "type", "float16"),
        (lambda x, g, b, e: x * np.nan, "value", "not-a-number", "21 of 21"),
        (lambda x, g, b, e: right(x, g, b, e) * 1.02, "value", "off", "2e-2"),
        (lambda x, g, b, e: right(x, g, b, e) * 1.00001, "value", "off", "1e-5"),
        (lambda x, g, b, e: np.float32(right(x, g, b, e) * 1.01), "value", "off", "-4"),
    ],
)
def test_wrong_forms_and_values(answer, status, kind, said):
    result = check("batch-norm-forward", answer)
    assert (result.status, result.kind) == (status, kind), result.message
    assert said in result.message


def conditional(wrong_where):
    def answer(x, gamma, beta, epsilon):
        y = right(x, gamma, beta, epsilon)
        return y * 1.5 if wrong_where(x, gamma, beta) else y

    return answer


@pytest.mark.parametrize(
    ("wrong_where", "kind"),
    [
        (lambda x, gamma, beta: x.ndim > 2, "more-axes"),
        (lambda x, gamma, beta: x.ndim == 2 and len(set(x.shape)) == 1, "square"),
        (lambda x, gamma, beta: x.ndim in (3, 5), "more-axes"),
        (lambda x, gamma, beta: np.any(gamma != 1), "gamma"),
        (lambda x, gamma, beta: np.any(beta != 0), "beta"),
        (lambda x, gamma, beta: x.dtype == np.float32, "single"),
    ],
)
def test_what_the_wrong_cases_have_in_common_is_named(wrong_where, kind):
    result = check("batch-norm-forward", conditional(wrong_where))
    assert (result.status, result.kind) == ("property", kind), result.message


def test_an_error_says_where_it_was_raised_and_where_the_answer_is_right():
    def two_axes(x, gamma, beta, epsilon):
        _, _ = x.shape
        return right(x, gamma, beta, epsilon)

    result = check("batch-norm-forward", two_axes)
    assert (result.status, result.kind) == ("error", "more-axes")
    assert "_, _ = x.shape" in result.message
    assert "too many values to unpack" in result.message


def test_two_mistakes_are_both_named():
    def answer(x, gamma, beta, epsilon):
        axes = tuple(range(x.ndim - 1))
        return beta * (x - x.mean(axes)) / (x.std(axes) + epsilon) + gamma

    result = check("batch-norm-forward", answer)
    assert result.status == "property"
    assert "outside the root" in result.message
    assert "swapped" in result.message


def test_two_mistakes_of_which_one_shows_in_some_cases_alone():
    def answer(x, gamma, beta, epsilon):
        variance = x.var(axis=0, ddof=1)
        return gamma * (x - x.mean(axis=0)) / np.sqrt(variance + epsilon) + beta

    result = check("batch-norm-forward", answer)
    assert result.status == "property"
    assert "m - 1" in result.message
    assert "first axis alone" in result.message


@pytest.mark.parametrize("value", [right, 7, None])
def test_the_right_values_are_never_shown(value, capsys):
    result = check("batch-norm-forward", value)
    assert "array(" not in result.message + repr(result)


def test_a_property_is_named_where_no_mistake_is_known():
    def answer(dy, x, gamma, epsilon):
        axes = tuple(range(x.ndim - 1))
        x_hat = (x - x.mean(axes)) / np.sqrt(x.var(axes) + epsilon)
        return gamma * np.sin(dy) + epsilon + x, (dy * x_hat).sum(axes), dy.sum(axes)

    result = check("batch-norm-backward", answer)
    assert (result.status, result.kind) == ("property", "mean-detached")
    assert "dx does not sum to 0" in result.message


def test_changing_an_argument_in_place_is_named():
    def answer(x, gamma, beta, epsilon):
        y = right(x, gamma, beta, epsilon)
        x *= 0
        return y

    result = check("batch-norm-forward", answer)
    assert (result.status, result.kind) == ("property", "changed-input")
    assert "changes x in place" in result.message


def test_a_function_that_remembers_is_named():
    calls = []

    def answer(x, gamma, beta, epsilon):
        calls.append(1)
        return right(x, gamma, beta, epsilon) + (len(calls) > 12)

    result = check("batch-norm-forward", answer)
    assert (result.status, result.kind) == ("property", "remembers")


def test_what_a_function_prints_is_shown_once(capsys):
    def answer(x, gamma, beta, epsilon):
        print("now the mean")
        return right(x, gamma, beta, epsilon)

    check("batch-norm-forward", answer)
    assert capsys.readouterr().out.count("now the mean") == 1


def test_a_slow_answer_is_given_fewer_cases(monkeypatch):
    from bnteach.exercises import run

    monkeypatch.setattr(run, "SECONDS", 0.1)
    calls = []

    def answer(x, gamma, beta, epsilon):
        calls.append(1)
        time.sleep(0.05)
        return right(x, gamma, beta, epsilon)

    assert check("batch-norm-forward", answer).status == "right"
    assert len(calls) < 16


def test_interrupting_ends_the_check():
    def answer(x, gamma, beta, epsilon):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check("batch-norm-forward", answer)


def test_leaving_python_is_an_error_of_the_answer():
    result = check("batch-norm-forward", lambda x, g, b, e: sys.exit("over"))
    assert (result.status, result.kind) == ("error", "SystemExit")


def test_every_check_draws_other_numbers():
    seen = []

    def answer(x, gamma, beta, epsilon):
        seen.append(x.sum())
        return right(x, gamma, beta, epsilon)

    check("batch-norm-forward", answer)
    first = len(seen)
    check("batch-norm-forward", answer)
    assert not set(seen[:first]) & set(seen[first:])


def test_an_unknown_name_is_told_what_is_near():
    with pytest.raises(ValueError, match="Did you mean 'batch-norm-forward'"):
        check("batch_norm_forward", right)
    with pytest.raises(ValueError, match="Received: 'no'"):
        hint("no")


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=list(EXERCISES))
def test_hints_come_one_at_a_call_and_start_again(exercise, capsys):
    count = len(exercise.hints)
    assert count in (2, 3)
    for _ in range(count + 1):
        hint(exercise.name)
    shown = " ".join(capsys.readouterr().out.split())
    assert shown.count(exercise.hints[0]) == 2
    assert all(f"Hint {number} of {count}" in shown for number in range(1, count + 1))


def test_a_result_has_a_status_of_the_list_and_a_short_repr():
    with pytest.raises(ValueError, match="Received: 'good'"):
        Result("good", "", "")
    result = check("batch-norm-forward", right)
    assert repr(result) == "Result(status='right', kind='')"
    assert result._ipython_display_() is None


def test_a_notebook_shows_the_message_once(tmp_path):
    import nbformat
    from nbclient import NotebookClient

    stub = EXERCISES["moving-average"].stub
    cells = [
        "from bnteach.exercises import check",
        stub,
        'check("moving-average", lambda a, b, m: a * m + b * (1 - m), record=False)',
        'check("moving-average", lambda a, b, m: a + undefined)',
    ]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells]
    )
    environment = os.environ | {"XDG_DATA_HOME": str(tmp_path)}
    NotebookClient(notebook, kernel_name="python3").execute(env=environment)
    _, first, second, third = (cell.outputs for cell in notebook.cells)
    (first,), (second,), (third,) = first, second, third
    assert first.output_type == "stream"
    assert first.text.startswith(NOT_ATTEMPTED)
    assert second.output_type == third.output_type == "display_data"
    assert second.data["text/plain"].startswith("right\n")
    assert 'data-status="right"' in second.data["text/html"]
    assert "undefined" in third.data["text/plain"]
    assert "line 1" in third.data["text/plain"]
    assert not list(tmp_path.rglob("exercises.json"))  # nobody works there


def test_importing_the_exercises_loads_no_framework():
    code = (
        "import sys, json, bnteach.exercises\n"
        "print(json.dumps([m for m in ('tensorflow', 'keras', 'jax', 'IPython')"
        " if m in sys.modules]))"
    )
    printed = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert json.loads(printed) == []
