"""`load` with its splits, and `describe`."""

import os
from dataclasses import replace

import numpy as np
import pytest
from small_datasets import TRAIN, keras_cache, write_file

from bnteach import datasets
from bnteach.datasets.catalogue import SPECS


def test_the_seed_moves_training_and_validation_but_no_test_digit():
    zero, again, one = (datasets.load("mnist5k", seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(zero.x_train, again.x_train)
    np.testing.assert_array_equal(zero.y_test, again.y_test)
    assert not np.array_equal(zero.x_train, one.x_train)

    def rows(images):
        return sorted(image.tobytes() for image in images)

    assert rows(zero.x_test) == rows(one.x_test)
    assert rows(zero.x_validation) != rows(one.x_validation)


@pytest.mark.parametrize(
    ("validation", "sizes"),
    [(None, (4500, 0)), (0, (4500, 0)), (0.2, (3500, 1000)), (37, (4463, 37))],
)
def test_validation_is_a_count_or_a_fraction(validation, sizes):
    data = datasets.load("mnist5k", validation=validation)
    assert (len(data.x_train), len(data.x_validation)) == sizes
    assert data.x_validation.shape[1:] == (28, 28)
    counts = np.bincount(data.y_validation, minlength=10)
    assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("validation", [4500, -1, 1.0, -0.1, 0.95])
def test_impossible_validation_is_refused(validation):
    with pytest.raises(ValueError, match=f"below 4500.*validation={validation}"):
        datasets.load("mnist5k", validation=validation)


def test_real_sets_are_split_in_proportion(tmp_path):
    labels = np.repeat([0, 1], [40, 10])
    write_file(tmp_path, "mnist", y_train=labels)
    data = datasets.load("mnist", directory=tmp_path, validation=0.2)
    assert np.bincount(data.y_validation).tolist() == [8, 2]
    assert np.bincount(data.y_train).tolist() == [32, 8]


def test_images_keep_their_labels_through_the_split(tmp_path):
    images = np.arange(TRAIN, dtype=np.uint8)[:, None, None] * np.ones(
        (1, 28, 28), np.uint8
    )
    write_file(tmp_path, "mnist", x_train=images, y_train=np.arange(TRAIN) % 10)
    data = datasets.load("mnist", directory=tmp_path)
    for split in ("train", "validation"):
        first_pixels = getattr(data, f"x_{split}")[:, 0, 0]
        np.testing.assert_array_equal(first_pixels % 10, getattr(data, f"y_{split}"))


def test_load_fetches_what_is_nowhere_and_says_so(tmp_path, serve, monkeypatch, capsys):
    server = serve("mnist")
    here = replace(SPECS["mnist"], address=server.address)
    monkeypatch.setitem(SPECS, "mnist", here)
    (tmp_path / "mine").mkdir()
    data = datasets.load("mnist", directory=tmp_path / "mine")
    assert data.source == str(tmp_path / "cache" / "mnist.npz")
    assert os.listdir(tmp_path / "mine") == []  # only `fetch` writes to a user's folder
    assert "mnist is not on this machine" in capsys.readouterr().err


def test_describe_tells_where_each_set_is(tmp_path, monkeypatch):
    monkeypatch.setenv("BNTEACH_DATA_DIR", str(tmp_path / "env"))
    path = write_file(tmp_path / "env", "mnist")
    (tmp_path / "env" / "fashion_mnist.npz").write_bytes(b"half a file")
    folder = keras_cache(tmp_path, "cifar10")
    rows = {row["name"]: row for row in datasets.describe()}
    assert tuple(rows) == datasets.NAMES
    assert (rows["mnist5k"]["where"], rows["mnist5k"]["verified"]) == ("embedded", True)
    assert rows["mnist"] == {
        "name": "mnist",
        "title": "MNIST",
        "where": "BNTEACH_DATA_DIR",
        "path": str(path),
        "size": path.stat().st_size,
        "verified": True,
        "note": "",
        "command": "",
    }
    damaged = rows["fashion_mnist"]
    assert not damaged["verified"]
    assert "no usable fashion_mnist file" in damaged["note"]
    assert damaged["command"] == "bnteach data fetch fashion_mnist"
    assert (rows["cifar10"]["where"], rows["cifar10"]["verified"]) == (
        "Keras cache",
        False,
    )
    assert rows["cifar10"]["size"] == sum(p.stat().st_size for p in folder.iterdir())
    assert (rows["cifar100"]["where"], rows["cifar100"]["note"]) == (
        "",
        "not on this machine",
    )


def test_describe_reports_a_missing_folder_instead_of_failing(tmp_path):
    rows = {row["name"]: row for row in datasets.describe(tmp_path / "stick")}
    assert "expected a folder in directory" in rows["mnist"]["note"]
    assert rows["mnist5k"]["verified"]
