"""The canonical order of CIFAR: every complete copy is the same data."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from small_datasets import TEST, TRAIN, as_loaded, keras_cache, make_arrays, write_file

from bnteach import datasets
from bnteach.datasets.canonical import canonical_order
from bnteach.datasets.catalogue import SPECS
from bnteach.datasets.files import Arrays, array_hash


def test_order_is_by_label_then_by_the_hash_of_the_image():
    """With images so many that hashes agree in their first byte, and one ends in 0."""
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(3000, 2, 2, 3), dtype=np.uint8)
    labels = rng.integers(3, size=3000)
    digests = [hashlib.sha256(image).digest() for image in images]
    assert any(digest.endswith(b"\0") for digest in digests)
    expected = sorted(range(3000), key=lambda i: (labels[i], digests[i]))
    assert canonical_order(images, labels).tolist() == expected


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_copies_of_cifar_in_any_order_are_the_same_data(tmp_path, name):
    """Keras's own files, and a copy with the images of each split in another order."""
    keras_cache(tmp_path, name)
    arrays, rng = make_arrays(name), np.random.default_rng(7)
    train, test = rng.permutation(TRAIN), rng.permutation(TEST)
    rows = (train, train, test, test)
    shuffled = [a[order] for a, order in zip(arrays, rows, strict=True)]
    write_file(tmp_path / "other", name, **Arrays(*shuffled)._asdict())
    one = datasets.load(name)
    two = datasets.load(name, directory=tmp_path / "other")
    assert one.source != two.source
    assert one.sha256 == two.sha256 == array_hash(as_loaded(name))
    for split in ("train", "validation", "test"):
        for key in (f"x_{split}", f"y_{split}"):
            np.testing.assert_array_equal(getattr(one, key), getattr(two, key))
    pairs = zip(arrays.x_test, arrays.y_test, strict=True)
    labels = {image.tobytes(): label for image, label in pairs}
    loaded = zip(two.x_test, two.y_test, strict=True)
    assert all(labels[image.tobytes()] == label for image, label in loaded)


def test_an_image_more_or_less_is_not_the_original(tmp_path):
    write_file(tmp_path, "cifar100")
    assert datasets.load("cifar100", directory=tmp_path).note == ""
    images = make_arrays("cifar100").x_train.copy()
    images[3, 0, 0, 0] ^= 1
    write_file(tmp_path, "cifar100", x_train=images)
    note = datasets.load("cifar100", directory=tmp_path).note
    assert note == "not the original CIFAR-100 arrays"


@pytest.mark.parametrize("kind", [np.str_, np.bytes_])
def test_class_names_of_a_file_decide_what_its_labels_mean(tmp_path, kind):
    ours, arrays = SPECS["cifar100"].class_names, make_arrays("cifar100")
    names = [name.replace("_", " ").title() for name in ours]
    turned = {key: 99 - getattr(arrays, key) for key in ("y_train", "y_test")}
    write_file(tmp_path, "cifar100", classes=np.array(names[::-1], kind), **turned)
    data = datasets.load("cifar100", directory=tmp_path)
    assert data.sha256 == array_hash(as_loaded("cifar100"))
    assert data.class_names == ours
    names[3] = "unicorn"
    write_file(tmp_path, "cifar100", classes=np.array(names, kind))
    with pytest.raises(datasets.DamagedFileError, match=r"100 class names.*unicorn"):
        datasets.load("cifar100", directory=tmp_path)


def test_a_known_copy_keeps_its_label_and_order(tmp_path, monkeypatch):
    """Recorded runs of the JPEG copy say the hash of the order of its files."""
    arrays = make_arrays("cifar10")
    known = replace(SPECS["cifar10"], variants={array_hash(arrays): "a copy"})
    monkeypatch.setitem(SPECS, "cifar10", known)
    write_file(tmp_path, "cifar10")
    data = datasets.load("cifar10", directory=tmp_path)
    assert (data.sha256, data.note) == (array_hash(arrays), "a copy")
