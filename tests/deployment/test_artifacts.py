import numpy as np
import pytest

from bnteach.deployment import check_artifact

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 3))


def honest(x):
    return np.tanh(x) @ np.arange(6).reshape(3, 2)


def by_batch_statistics(x):
    return honest((x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-3))


def test_honest_artifact_is_silent():
    report = check_artifact(honest, X, expected=honest(X))
    assert report.ok
    assert not report.findings
    assert "nothing found" in str(report)


def test_batch_statistics_are_seen():
    assert check_artifact(by_batch_statistics, X).codes == (
        "batch-dependent-inference",
    )


def test_artifact_that_changes_with_each_call():
    calls = []

    def drifting(x):
        calls.append(1)
        return honest(x) + 0.1 * len(calls)

    assert "answers-change" in check_artifact(drifting, X).codes


def test_what_draws_at_random_is_not_called_batch_dependent():
    def random(x):
        return honest(x) + RNG.uniform(-1, 1, size=(len(x), 2))

    assert check_artifact(random, X).codes == ("answers-change",)


def test_other_answers_than_expected_and_nan():
    assert check_artifact(honest, X, expected=honest(X) * 1.1).codes == (
        "differs-from-expected",
    )
    report = check_artifact(lambda x: honest(x) * np.nan, X)
    assert report.codes == ("non-finite-output",)
    assert not report.ok


def test_rounding_is_no_finding():
    report = check_artifact(
        lambda x: honest(x).astype("float32"), X, expected=honest(X)
    )
    assert report.ok


def test_dicts_in_and_out():
    def call(inputs):
        return {"b": honest(inputs["x"]), "a": inputs["z"] * 2}

    x = {"x": X, "z": X[:, :1]}
    assert check_artifact(call, x, expected={"a": X[:, :1] * 2, "b": honest(X)}).ok


@pytest.mark.parametrize(
    ("call", "x", "message"),
    [
        (honest, X[:1], "at least 2 examples"),
        (lambda x: x[:1], X, "6 examples on their first axis"),
        (lambda x: [], X, "none"),
    ],
)
def test_errors(call, x, message):
    with pytest.raises(ValueError, match=message):
        check_artifact(call, x)
