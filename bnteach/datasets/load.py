"""`load` a data set by its name, and `describe` what is where on this machine.

`mnist5k` and `mnist_m` come with the installed packages and never need a network.
`mnist`, `fashion_mnist`, `cifar10` and `cifar100` are looked for in the folder that
the argument `directory` or `BNTEACH_DATA_DIR` names, in the user's cache, among the
downloads of Keras, and are fetched only if they are in none of these places.
"""

import os
import sys
from pathlib import Path

import numpy as np

from bnteach.datasets.catalogue import (
    SPECS,
    DatasetError,
    DatasetNotFoundError,
    Spec,
    spec_of,
)
from bnteach.datasets.downloads import fetch
from bnteach.datasets.splits import Dataset
from bnteach.datasets.store import (
    cache_directory,
    data_directory,
    fetch_command,
    locate,
    read_local,
)

NAMES = tuple(SPECS)


def load(
    name: str,
    *,
    validation: int | float | None = 0.1,
    seed: int = 0,
    directory: str | os.PathLike | None = None,
) -> Dataset:
    """Return a data set in three splits.

    The validation split is taken from the training images with the same share of each
    class; the test set is the published one (`mnist5k`, `mnist_m`: 50 fixed digits per
    class). Both embedded sets have the same digits in the same split and order.

    Args:
        name: one of `NAMES`.
        validation: number of validation images, or a fraction of the training images
            (of all 5,000 images for the embedded sets: 4,000 / 500 / 500 by default),
            or None for no validation split.
        seed: of the split and of the order of the images.
        directory: a folder with ``NAME.npz``, looked into first; embedded sets ignore
            it. It stands for `BNTEACH_DATA_DIR`.

    Raises:
        UnknownDatasetError: no data set has this name.
        DamagedFileError: the file found is truncated or another one. It stays.
        DataFolderError: a folder is missing, or cannot be read or written.
        DownloadError: the set is not on this machine and cannot be fetched.
        ValueError: more validation images than there are.
    """
    spec = spec_of(name)
    try:
        loaded, source = read_local(name, directory)
    except DatasetNotFoundError:
        print(f"{name} is not on this machine: fetching it", file=sys.stderr)
        fetch(name, cache_directory())
        loaded, source = read_local(name, directory)
    arrays, rng = loaded.arrays, np.random.default_rng(seed)
    whole = spec.train + spec.test * spec.embedded
    count = _validation_count(validation, whole, spec.train)
    train, held_out = _split(arrays.y_train, count, rng)
    test = rng.permutation(spec.test)
    return Dataset(
        name,
        arrays.x_train[train],
        arrays.y_train[train],
        arrays.x_train[held_out],
        arrays.y_train[held_out],
        arrays.x_test[test],
        arrays.y_test[test],
        class_names=spec.class_names,
        source=source,
        sha256=loaded.sha256,
        note=loaded.note,
    )


def _validation_count(validation: int | float | None, whole: int, limit: int) -> int:
    count = validation or 0
    if isinstance(count, float):
        count = round(count * whole) if 0 < count < 1 else -1
    if not 0 <= count < limit:
        raise ValueError(
            f"expected validation as None, a number of images below {limit}, or a "
            f"fraction between 0 and 1. Received: validation={validation}"
        )
    return count


def _split(
    labels: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return shuffled indices of training and validation, classes in equal shares.

    The images of each class are spread evenly over (0, 1), and the first `count` of
    all are held out: per class that is its share, give or take one image.
    """
    order = rng.permutation(len(labels))
    by_class = np.argsort(labels[order], kind="stable")
    sizes = np.bincount(labels)
    position = np.concatenate([(np.arange(size) + 0.5) / size for size in sizes])
    held_out = np.zeros(len(labels), bool)
    held_out[by_class[np.argsort(position, kind="stable")[:count]]] = True
    return order[~held_out], order[held_out]


def describe(directory: str | os.PathLike | None = None) -> list[dict]:
    """Return one row per data set, for a table; every file found is checked.

    Args:
        directory: a folder with ``NAME.npz`` files, instead of `BNTEACH_DATA_DIR`.

    Returns:
        Dictionaries with `name`, `title`, `where` ("embedded", "directory",
        "BNTEACH_DATA_DIR", "bnteach cache", "Keras cache", "" if missing), `path`,
        `size` (bytes or None), `verified` (bool: original arrays), `note`, and
        `command` ("" where nothing is to be done).
    """
    return [_row(spec, directory) for spec in SPECS.values()]


def _row(spec: Spec, directory: str | os.PathLike | None) -> dict:
    row = {
        "name": spec.name,
        "title": spec.title,
        "where": "embedded" if spec.embedded else "",
        "path": "",
        "size": None,
        "verified": False,
        "note": "",
        "command": "",
    }
    try:
        if not spec.embedded and (place := locate(spec, directory)):
            row |= {"where": place.where, "path": str(place.path)}
            row["size"] = _size(place.path)
        row["note"] = read_local(spec.name, directory)[0].note
        row["verified"] = not row["note"]
    except DatasetNotFoundError:
        row |= {"note": "not on this machine", "command": _command(spec, directory)}
    except DatasetError as error:
        row |= {"note": str(error), "command": _command(spec, directory)}
    return row


def _command(spec: Spec, directory: str | os.PathLike | None) -> str:
    """Return what mends a row: nothing while the folder itself has to be named anew."""
    try:
        data_directory(directory), cache_directory()
        return fetch_command(spec.name, directory)
    except DatasetError:
        return ""


def _size(path: Path) -> int | None:
    """Return the bytes of a file, or of the files of a folder; None if unreadable."""
    try:
        files = path.iterdir() if path.is_dir() else [path]
        return sum(file.stat().st_size for file in files)
    except OSError:
        return None
