"""What the page answers to each of its questions, found again by running it."""

import re
from html import unescape
from urllib.parse import parse_qsl

import playground
import pytest

PAGE = playground.SOURCES.parents[1] / "playground.md"
EXPERIMENT = re.compile(r'id="experiment-([\w-]+)" data-settings="([^"]*)"')
SETTINGS = {
    name: dict(parse_qsl(unescape(query)))
    for name, query in EXPERIMENT.findall(PAGE.read_text("utf-8"))
}


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("experiments")
    playground.write_script(folder / "playground.js")
    (folder / "page.html").write_text(
        "<!doctype html><meta charset=utf-8><title>x</title>"
        '<script src="playground.js"></script>'
    )
    page = browser.new_page()
    page.set_default_timeout(300_000)
    page.goto((folder / "page.html").as_uri())
    return page


def run(page, name, seed, *steps):
    """Run an experiment; return what is read at each of the steps."""
    page.evaluate("(given) => playground.set(given)", {**SETTINGS[name], "seed": seed})
    reads, before = [], 0
    for step in steps:
        page.evaluate("(n) => playground.step(n)", step - before)
        reads.append(page.evaluate("playground.read()"))
        before = step
    return reads if len(reads) > 1 else reads[0]


def faded(network):
    """First layer's gradient as a share of the last layer's."""
    return network["gradients"][0] / network["gradients"][-1]


def paper(page, seed):
    early, late = run(page, "paper", seed, 100, 1000)
    assert early["b"]["accuracy"] == pytest.approx(0.8, abs=0.05)
    assert early["a"]["accuracy"] < 0.2
    assert early["a"]["spread"][2] < 0.1 < 0.5 < early["b"]["spread"][2]
    assert 0.35 < late["a"]["accuracy"] < late["b"]["accuracy"]


def tiny(page, seed):
    read = run(page, "tiny", seed, 100)
    assert faded(read["a"]) < 1e-3
    assert read["a"]["accuracy"] < 0.2
    assert 0.3 < faded(read["b"]) < 3
    assert read["b"]["accuracy"] > 0.7


def large_steps(page, seed):
    early, late = run(page, "large-steps", seed, 100, 1000)
    assert early["a"]["accuracy"] < 0.34
    assert early["b"]["accuracy"] == pytest.approx(0.85, abs=0.04)
    for name in "ab":
        assert late[name]["accuracy"] == pytest.approx(0.87, abs=0.04)


def deep(page, seed):
    read = run(page, "deep", seed, 300)
    assert faded(read["a"]) < 1e-3
    assert read["a"]["accuracy"] < 0.2
    assert 0.1 < faded(read["b"]) < 10
    assert read["b"]["accuracy"] > 0.6


def overflow(page, seed):
    early, late = run(page, "overflow", seed, 10, 300)
    assert early["a"]["overflowAt"] <= 10
    assert late["b"]["overflowAt"] is None
    assert late["b"]["accuracy"] > 0.6


def batch_of_2(page, seed):
    read = run(page, "batch-of-2", seed, 1000)
    assert read["a"]["accuracy"] > read["b"]["accuracy"] + 0.2


def lag(page, seed):
    early, late = run(page, "lag", seed, 50, 500)
    assert early["b"]["accuracyByBatchStatistics"] > 0.7
    assert early["b"]["accuracy"] < 0.5
    gap = late["b"]["accuracyByBatchStatistics"] - late["b"]["accuracy"]
    assert abs(gap) < 0.04


CLAIMS = {
    "paper": paper,
    "tiny": tiny,
    "large-steps": large_steps,
    "deep": deep,
    "overflow": overflow,
    "batch-of-2": batch_of_2,
    "lag": lag,
}


def test_every_question_of_the_page_has_a_check():
    assert SETTINGS.keys() == CLAIMS.keys()


@pytest.mark.slow
@pytest.mark.parametrize("name", CLAIMS)
def test_the_answer_comes_out_again(page, name):
    CLAIMS[name](page, 1)


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", [2, 3])
@pytest.mark.parametrize("name", CLAIMS)
def test_the_answer_comes_out_with_other_seeds(page, name, seed):
    CLAIMS[name](page, seed)
