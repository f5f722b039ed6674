"""Intervals, Holm's correction and verdicts, against SciPy, tables and chance."""

import numpy as np
import pytest
from scipy import stats

from bnteach.runs import results, statistics


def test_paired_interval_by_hand():
    found = statistics.paired_difference([0.5, 0.7, 0.9], [0.4, 0.5, 0.6])
    # differences 0.1, 0.2, 0.3: mean 0.2, deviation 0.1, t of 2 degrees 4.3027
    half = 4.302653 * 0.1 / np.sqrt(3)
    np.testing.assert_allclose(found[:3], [0.2, 0.2 - half, 0.2 + half], rtol=1e-6)
    assert found.points() == "+20.0 [-4.8, 44.8]"


@pytest.mark.parametrize("seeds", [2, 3, 5, 20])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_paired_interval_against_scipy(seeds, confidence):
    rng = np.random.default_rng(seeds)
    one, two = rng.normal(0.1, 1, seeds), rng.normal(0, 1, seeds)
    found = statistics.paired_difference(one, two, confidence)
    expected = stats.ttest_rel(one, two)
    ends = expected.confidence_interval(confidence)
    np.testing.assert_allclose(found, [(one - two).mean(), *ends, expected.pvalue])


def test_the_recorded_cifar10_runs():
    """Three seeds: the layer helps ReLU by 10.0 points, give or take 8."""
    run = results.read("cifar10_comparison-cpu", results.RECORDED)
    values = [run.measured(name, "test_accuracy") for name in ("ReLU + BN", "ReLU")]
    assert statistics.paired_difference(*values).points() == "+10.0 [1.8, 18.3]"


def test_equal_differences_need_no_division():
    same = statistics.paired_difference([0.5, 0.25], [0.25, 0.0])
    assert same == (0.25, 0.25, 0.25, 0.0)
    assert statistics.paired_difference([1, 2], [1, 2]) == (0, 0, 0, 1)


@pytest.mark.parametrize("values", [[0.5], [], [0.1, np.nan], [[1, 2], [3, 4]]])
def test_values_that_have_no_interval(values):
    with pytest.raises(ValueError, match="expected values as at least two finite"):
        statistics.mean_interval(values)


def test_other_seeds_and_other_levels_are_refused():
    with pytest.raises(ValueError, match=r"as many others as values, 3.*Received: 2"):
        statistics.paired_difference([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match=r"confidence.*Received: 95"):
        statistics.mean_interval([1, 2, 3], 95)
    with pytest.raises(ValueError, match="probabilities from 0 to 1"):
        statistics.holm([0.5, 1.5])


def test_holm_by_hand():
    # in order 0.01 * 4, 0.02 * 3, 0.03 * 2 (not below the one before), 0.9 * 1
    found = statistics.holm([0.03, 0.9, 0.01, 0.02])
    np.testing.assert_allclose(found, [0.06, 0.9, 0.04, 0.06])
    assert statistics.holm([0.6, 0.7]).tolist() == [1, 1]
    assert statistics.holm([]).tolist() == []


@pytest.mark.parametrize(
    ("mean", "p", "expected"),
    [
        (0.1, 0.01, "shown"),
        (-0.1, 0.01, "refuted"),
        (0.1, 0.06, "undecided"),
        (-0.1, 0.06, "undecided"),
        (0.1, float("nan"), "undecided"),
        (0.0, 0.0, "undecided"),
    ],
)
def test_verdicts(mean, p, expected):
    assert statistics.verdict(mean, p) == expected


def test_several_claims_are_corrected_together():
    rng = np.random.default_rng(3)
    base = rng.normal(size=5)
    clear = base + 1 + 0.01 * rng.normal(size=5)
    doubtful = base + np.array([0.2, 0.3, 0.1, 0.6, 0.1])
    alone = statistics.judge({"doubtful": (doubtful, base)})["doubtful"]
    assert alone.verdict == "shown"
    claims = {
        "clear": (clear, base),
        "turned": (base, clear),
        "doubtful": (doubtful, base),
        "nothing": (base + np.array([1, -1, 1, -1, 0]), base),
    }
    found = statistics.judge(claims)
    verdicts = {name: claim.verdict for name, claim in found.items()}
    assert verdicts == {
        "clear": "shown",
        "turned": "refuted",
        "doubtful": "undecided",
        "nothing": "undecided",
    }
    assert found["doubtful"].interval == alone.interval
    assert found["doubtful"].p == pytest.approx(2 * alone.p)


def test_a_table_without_any_effect_is_left_undecided_as_often_as_promised():
    """Five claims, three seeds, no effect: some claim is decided in at most 5 %."""
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(600):
        values = rng.normal(size=(5, 2, 3))
        found = statistics.judge({str(n): pair for n, pair in enumerate(values)})
        wrong += any(claim.verdict != "undecided" for claim in found.values())
    assert 0.02 < wrong / 600 < 0.08


def test_the_spread_of_the_timing_goes_into_the_seconds():
    steps, seconds = [1000, 1200, 1100], [0.1, 0.1, 0.1]
    exact = statistics.product_interval(steps, seconds)
    np.testing.assert_allclose(exact[:3], np.array(_ends(steps)) / 10)
    rough = statistics.product_interval(steps, [0.05, 0.1, 0.15])
    assert rough.mean == pytest.approx(exact.mean)
    assert rough.low < exact.low
    assert rough.high > exact.high
    turned = statistics.product_interval([0.05, 0.1, 0.15], steps)
    np.testing.assert_allclose(turned, rough)


def _ends(values):
    return statistics.mean_interval(values)[:3]


def test_the_interval_of_a_product_covers_the_truth_as_often_as_promised():
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(600):
        found = statistics.product_interval(
            rng.normal(1000, 80, 3), rng.normal(0.1, 0.008, 9)
        )
        hits += found.low < 100 < found.high
    assert 0.92 < hits / 600 < 0.98


def test_seconds_to_a_level_of_a_run():
    curves = [[0.1, 0.3, 0.5], [0.1, 0.2, 0.5], [0.1, 0.3, 0.4]]
    parts = [
        {"seed": seed, "step": [0, 100, 200], "curves": {"val_accuracy": curve}}
        for seed, curve in enumerate(curves)
    ]
    settings = {
        "step seconds": {"A": 0.1},
        "step seconds of each turn": {"A": [0.1, 0.12, 0.09, 0.1]},
    }
    run = results.Run(
        "demo", "", "cpu", settings, {}, {}, "", "2026-01-01", 3.0, {"A": parts}
    )
    assert run.seconds_to("A", 0.3).tolist() == [10, 20, 10]
    assert np.isnan(run.seconds_to("A", 0.45)).tolist() == [False, False, True]
    assert statistics.seconds_to(run, "A", 0.45) is None
    found = statistics.seconds_to(run, "A", 0.3)
    expected = statistics.product_interval([100, 200, 100], [0.1, 0.12, 0.09, 0.1])
    assert found == expected
