"""Reading and checking the files of a data set, good ones and others."""

import io
import os
import pickle
from dataclasses import replace

import numpy as np
import pytest
from small_datasets import (
    REAL,
    TEST,
    TRAIN,
    as_loaded,
    keras_cache,
    make_arrays,
    write_file,
)

from bnteach import datasets
from bnteach.datasets.catalogue import SPECS
from bnteach.datasets.files import array_hash


@pytest.mark.parametrize("shape", [(TRAIN,), (TRAIN, 1)])
@pytest.mark.parametrize("dtype", ["uint8", "int64", ">i4"])
def test_hash_is_that_of_the_values_whatever_the_label_type(tmp_path, shape, dtype):
    arrays = make_arrays("mnist")
    labels = arrays.y_train.astype(dtype).reshape(shape)
    write_file(tmp_path, "mnist", y_train=labels)
    data = datasets.load("mnist", directory=tmp_path)
    assert (data.sha256, data.note) == (SPECS["mnist"].sha256, "")
    assert (data.y_train.shape, data.y_train.dtype) == ((45,), np.int64)


def test_other_arrays_of_the_right_shape_carry_a_note(tmp_path, monkeypatch):
    images = make_arrays("mnist").x_train.copy()
    images[0, 0, 0] ^= 1
    write_file(tmp_path, "mnist", x_train=images)
    data = datasets.load("mnist", directory=tmp_path)
    assert data.note == "not the original MNIST arrays"
    assert data.note in repr(data)
    known = replace(SPECS["mnist"], variants={data.sha256: "MNIST (one bit flipped)"})
    monkeypatch.setitem(SPECS, "mnist", known)
    assert datasets.load("mnist", directory=tmp_path).note == "MNIST (one bit flipped)"
    write_file(tmp_path, "cifar10")
    note = datasets.load("cifar10", directory=tmp_path).note
    assert note == "not compared with the original CIFAR-10 (no hash on record)"


def test_marker_of_a_fetched_file_holds_for_its_arrays_only(tmp_path):
    arrays = make_arrays("cifar10")
    sha256 = array_hash(arrays)
    write_file(tmp_path, "cifar10", original_sha256=np.array(sha256))
    assert datasets.load("cifar10", directory=tmp_path).note == ""
    other = {"x_test": arrays.x_test[::-1], "original_sha256": np.array(sha256)}
    write_file(tmp_path, "cifar10", **other)
    assert "no hash" in datasets.load("cifar10", directory=tmp_path).note
    # where the hash of the original is on record, the marker counts for nothing
    changed = make_arrays("mnist", seed=1)
    marked = changed._asdict() | {"original_sha256": np.array(array_hash(changed))}
    write_file(tmp_path, "mnist", **marked)
    assert "not the orig" in datasets.load("mnist", directory=tmp_path).note


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_test": None}, "without y_test"),
        ({"x_train": np.zeros((9, 28, 28), np.uint8)}, r"x_train.shape=\(9, 28, 28\)"),
        ({"x_test": np.zeros((TEST, 28, 28), np.float32)}, "dtype float32"),
        ({"y_train": np.zeros(TRAIN)}, "integer dtype.*dtype float64"),
        ({"y_train": np.zeros((TRAIN, 10), int)}, r"y_train.shape=\(50, 10\)"),
        ({"y_test": np.full(TEST, 10)}, "y_test from 0 to 9. Received: 10 to 10"),
        ({"y_test": np.full(TEST, -1)}, "y_test from 0 to 9. Received: -1 to -1"),
    ],
)
def test_foreign_arrays_are_refused_and_left(tmp_path, changes, message):
    path = write_file(tmp_path, "mnist", **changes)
    before = path.read_bytes()
    with pytest.raises(datasets.DamagedFileError, match=message) as caught:
        datasets.load("mnist", directory=tmp_path)
    assert str(path) in str(caught.value)
    command = f'bnteach data fetch mnist --directory "{tmp_path}"'
    assert command in str(caught.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", ["half", "empty", "text", "pickle", "folder"])
def test_damaged_files_are_named_and_left(tmp_path, content, monkeypatch):
    path = write_file(tmp_path, "mnist")
    data = path.read_bytes()
    objects = io.BytesIO()
    np.save(objects, np.array([{}], dtype=object), allow_pickle=True)
    contents = {"half": data[: len(data) // 2], "empty": b"", "text": b"<html>"}
    path.unlink()
    if content == "folder":
        path.mkdir()
    else:
        path.write_bytes(contents.get(content, objects.getvalue()))
    monkeypatch.setenv("BNTEACH_DATA_DIR", str(tmp_path))
    with pytest.raises(datasets.DamagedFileError, match=r"data fetch mnist$") as caught:
        datasets.load("mnist")
    assert str(path) in str(caught.value)
    assert os.listdir(tmp_path) == ["mnist.npz"]
    if content in contents:
        assert path.read_bytes() == contents[content]


def test_file_that_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    write_file(tmp_path, "mnist")

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(np, "load", refuse)
    with pytest.raises(datasets.DataFolderError, match=r"mnist.npz may not be read"):
        datasets.load("mnist", directory=tmp_path)


@pytest.mark.parametrize("name", REAL)
def test_downloads_of_keras_are_read_and_left(tmp_path, name):
    folder = keras_cache(tmp_path, name)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    data = datasets.load(name)
    expected = as_loaded(name)
    assert data.sha256 == array_hash(expected)
    assert data.source.startswith(str(folder))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    order = np.random.default_rng(0)
    order.permutation(TRAIN)
    np.testing.assert_array_equal(data.x_test, expected.x_test[order.permutation(TEST)])


@pytest.mark.parametrize("name", REAL)
def test_truncated_file_of_keras_is_named_and_left(tmp_path, name):
    folder = keras_cache(tmp_path, name)
    path = folder / SPECS[name].files[0]
    half = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(half)
    with pytest.raises(datasets.DamagedFileError, match=f"data fetch {name}$"):
        datasets.load(name)
    assert path.read_bytes() == half


def test_pickle_that_runs_code_is_refused(tmp_path):
    class Attack:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "attacked"),)

    folder = keras_cache(tmp_path, "cifar10")
    (folder / "data_batch_1").write_bytes(pickle.dumps({b"data": Attack()}))
    with pytest.raises(datasets.DamagedFileError, match=r"asks for \w+\.mkdir"):
        datasets.load("cifar10")
    assert not (tmp_path / "attacked").exists()
