"""Small stand-ins for the data sets, in every form in which they come.

The entries of the catalogue are replaced by these (see `datasets/conftest.py`), so that
no test needs a network or a real data set.
"""

import gzip
import hashlib
import io
import struct

import numpy as np

from bnteach.datasets.catalogue import SPECS
from bnteach.datasets.files import Arrays

REAL = ("mnist", "fashion_mnist", "cifar10", "cifar100")

NOBODY = "http://127.0.0.1:9/"  # nothing listens on the discard port

TRAIN, TEST = 50, 20


def make_arrays(name, seed=0):
    rng = np.random.default_rng(seed)
    spec = SPECS[name]
    classes = len(spec.class_names)

    def split(count):
        images = rng.integers(256, size=(count, *spec.image_shape), dtype=np.uint8)
        return images, rng.integers(classes, size=count)

    return Arrays(*split(TRAIN), *split(TEST))


def as_loaded(name, arrays=None):
    """Return arrays as they are after reading: CIFAR by label and hash of the image."""
    arrays = arrays or make_arrays(name)
    if not name.startswith("cifar"):
        return arrays
    ordered = []
    for x, y in (arrays[:2], arrays[2:]):
        order = sorted(
            range(len(y)), key=lambda i: (y[i], hashlib.sha256(x[i]).hexdigest())
        )
        ordered += [x[order], y[order]]
    return Arrays(*ordered)


def write_file(folder, name, **changes):
    """Write a good NAME.npz, or one with changed arrays, as a user would."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = make_arrays(name)._asdict() | changes
    path = folder / f"{name}.npz"
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    return path


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
