"""The order in which notebooks start, and how the cores are shared."""

import plan
import pytest


@pytest.mark.parametrize(
    ("count", "cores", "jobs", "threads"),
    [
        (6, 1, 1, 1),
        (6, 2, 2, 1),
        (1, 2, 1, 2),
        (6, 8, 4, 2),
        (3, 8, 3, 2),
        (9, 64, 4, 16),
    ],
)
def test_kernels_share_the_cores_and_are_four_at_most(count, cores, jobs, threads):
    assert plan.shares(count, cores) == (jobs, threads)


@pytest.fixture
def paths(tmp_path):
    sizes = {"a.ipynb": 10, "b.ipynb": 300, "c.ipynb": 200}
    for name, size in sizes.items():
        (tmp_path / name).write_text("x" * size)
    return [tmp_path / name for name in sizes]


def names(paths):
    return [path.stem for path in paths]


def test_largest_starts_first_while_no_times_are_known(paths):
    assert names(plan.longest_first(paths, {})) == ["b", "c", "a"]


def test_longest_of_the_last_time_starts_first(paths):
    seconds = {"a.ipynb": 50, "b.ipynb": 1, "c.ipynb": 20}
    assert names(plan.longest_first(paths, seconds)) == ["a", "c", "b"]


def test_new_notebook_takes_its_place_by_its_size(paths):
    # 40 s for 210 characters: 300 characters are put at 57 s.
    assert names(plan.longest_first(paths, {"a.ipynb": 10, "c.ipynb": 30})) == [
        "b",
        "c",
        "a",
    ]
    assert names(plan.longest_first(paths, {"a.ipynb": 90, "c.ipynb": 0})) == [
        "b",
        "a",
        "c",
    ]


def test_seconds_are_noted_one_notebook_at_a_time(tmp_path):
    file = tmp_path / "_build" / "seconds.json"
    assert plan.read_seconds(file) == {}
    plan.note_seconds(file, "a.ipynb", 1.25)
    plan.note_seconds(file, "b.ipynb", 2)
    plan.note_seconds(file, "a.ipynb", 3)
    assert plan.read_seconds(file) == {"a.ipynb": 3, "b.ipynb": 2}


@pytest.mark.parametrize("text", ["", '{"a.ipynb": ', "[1]", '{"a.ipynb": null}'])
def test_damaged_seconds_are_as_good_as_none(tmp_path, text):
    file = tmp_path / "seconds.json"
    file.write_text(text)
    assert plan.read_seconds(file) == {}
    plan.note_seconds(file, "a.ipynb", 1)
    assert plan.read_seconds(file) == {"a.ipynb": 1}
