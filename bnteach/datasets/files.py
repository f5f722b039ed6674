"""Read and check data files; nothing in this module changes a file that exists.

Pictures and labels are only ever parsed as arrays. What a file claims to hold is
compared with the catalogue before memory is taken for it, whatever its layout.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bnteach.datasets.canonical import CLASSES_KEY, canonical_order, our_labels
from bnteach.datasets.catalogue import (
    DamagedFileError,
    DataFolderError,
    DatasetError,
    Spec,
)
from bnteach.datasets.originals import read_cifar, read_idx
from bnteach.files import npz_header, open_npz, read_npz_array

KEYS = ("x_train", "y_train", "x_test", "y_test")
# Written by `write_npz` beside arrays that came out of an archive with the published
# hash: their array hash. It tells the original where no array hash is on record.
ORIGIN_KEY = "original_sha256"


class Arrays(NamedTuple):
    """The arrays of a data set: images uint8, labels int64 with shape ``(N,)``."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


class Place(NamedTuple):
    """A data set on this machine: where in words, its path, and how it is read."""

    where: str
    path: Path
    layout: str
    command: str  # mends it


class Loaded(NamedTuple):
    """Arrays that passed the checks, their hash, and what has to be said of them."""

    arrays: Arrays
    sha256: str
    note: str


def array_hash(arrays: Arrays) -> str:
    """Return the SHA-256 of names, shapes and values, whatever the labels' type."""
    digest = hashlib.sha256()
    for key, array in zip(KEYS, arrays, strict=True):
        kind = np.uint8 if key.startswith("x") else np.dtype("<i8")
        digest.update(f"{key} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array, dtype=kind))
    return digest.hexdigest()


def read_npz(path: Path, spec: Spec) -> dict[str, np.ndarray]:
    """Return the arrays of one ``.npz`` file by key; what else it holds is not read."""
    found = {}
    with open_npz(path) as archive:
        _check_keys(archive.files)
        more = (ORIGIN_KEY, CLASSES_KEY) if spec.canonical else (ORIGIN_KEY,)
        for key in (*KEYS, *(key for key in more if key in archive.files)):
            check_form(key, *npz_header(archive, key), spec)
            found[key] = read_npz_array(archive, key)
    return found


def write_npz(path: Path, loaded: Loaded) -> None:
    """Write the arrays to a path that only this process uses; the caller renames."""
    origin = {} if loaded.note else {ORIGIN_KEY: np.array(loaded.sha256)}
    np.savez(path, **loaded.arrays._asdict(), **origin)


def parse(path: Path, layout: str, spec: Spec) -> dict[str, np.ndarray]:
    """Read one ``.npz`` file or, for another layout, the folder of original files.

    Raises:
        DataFolderError: the file may not be read.
        DamagedFileError: it is truncated or of another kind.
    """
    try:
        return _reader(layout)(path, spec)
    except MemoryError as error:
        raise DatasetError(
            f"expected enough memory for the {spec.title} arrays. Received: less"
        ) from error
    except DatasetError:
        raise
    except PermissionError as error:
        raise DataFolderError(f"{path} may not be read: {error}") from error
    except Exception as error:  # a parser may raise anything on foreign bytes
        raise DamagedFileError(f"expected {spec.title} arrays, {error!r}") from error


def _reader(layout: str) -> Callable[[Path, Spec], dict[str, np.ndarray]]:
    if layout == "npz":
        return read_npz
    read = {"idx": read_idx, "cifar": read_cifar}[layout]
    return lambda path, spec: dict(zip(KEYS, read(path, spec), strict=True))


def _check_keys(keys) -> None:
    if missing := [key for key in KEYS if key not in keys]:
        raise DamagedFileError(
            f"expected the keys {', '.join(KEYS)}. Received: {sorted(keys)!s:.200}"
            f" without {', '.join(missing)}"
        )


def check_form(key: str, shape: tuple, dtype: np.dtype, spec: Spec) -> None:
    """Check shape and dtype of one array, before or after it is read.

    Raises:
        DamagedFileError: they are not as expected.
    """
    count = spec.train if key.endswith("train") else spec.test
    if key == ORIGIN_KEY:
        expected = "shape (), a short text"
        right = shape == () and dtype.kind == "U" and dtype.itemsize <= 1024
    elif key == CLASSES_KEY:
        count = len(spec.class_names)
        expected = f"shape ({count},), short texts"
        right = shape == (count,) and dtype.kind in "US" and dtype.itemsize <= 1024
    elif key.startswith("x"):
        expected = f"shape {(count, *spec.image_shape)}, dtype uint8"
        right = shape == (count, *spec.image_shape) and dtype == np.uint8
    else:
        expected = f"shape ({count},), an integer dtype"
        right = shape in ((count,), (count, 1)) and dtype.kind in "iu"
    if not right:
        raise DamagedFileError(
            f"expected {key} with {expected}. "
            f"Received: {key}.shape={shape!s:.100}, dtype {dtype!s:.100}"
        )


def _check_split(found: dict, split: str, spec: Spec) -> list[np.ndarray]:
    """Return images and labels of one split, or raise saying what was expected."""
    x, y = (found[f"{kind}_{split}"] for kind in "xy")
    for key, array in ((f"x_{split}", x), (f"y_{split}", y)):
        check_form(key, array.shape, array.dtype, spec)
    if y.min() < 0 or y.max() >= len(spec.class_names):
        raise DamagedFileError(
            f"expected y_{split} from 0 to {len(spec.class_names) - 1}. "
            f"Received: {y.min()} to {y.max()}"
        )
    return [np.ascontiguousarray(x), y.reshape(-1).astype(np.int64)]


def check(found: dict[str, np.ndarray], spec: Spec) -> Loaded:
    """Check keys, shapes, dtypes and labels, and compare the hash with the record.

    Args:
        found: arrays by key.
        spec: what they must look like.

    Returns:
        The arrays, in canonical order where `spec.canonical` says so; their hash; and
        a note: empty for the original arrays.

    Raises:
        DamagedFileError: something is not as expected.
    """
    _check_keys(found)
    splits = [_check_split(found, split, spec) for split in ("train", "test")]
    arrays = Arrays(*splits[0], *splits[1])
    sha256 = array_hash(arrays)
    hashes = {sha256}  # in the order of the file, and in the canonical one
    if spec.canonical and sha256 not in spec.variants:
        arrays = _in_canonical_order(arrays, found.get(CLASSES_KEY), spec)
        sha256 = array_hash(arrays)
        hashes.add(sha256)
    if spec.sha256 in hashes or (
        spec.sha256 is None and str(found.get(ORIGIN_KEY)) in hashes
    ):
        note = ""
    elif known := hashes & set(spec.variants):
        note = spec.variants[known.pop()]
    elif spec.sha256 is None:
        note = f"not compared with the original {spec.title} (no hash on record)"
    else:
        note = f"not the original {spec.title} arrays"
    return Loaded(arrays, sha256, note)


def _in_canonical_order(
    arrays: Arrays, classes: np.ndarray | None, spec: Spec
) -> Arrays:
    ordered = []
    for x, y in (arrays[:2], arrays[2:]):
        labels = y if classes is None else our_labels(y, classes, spec)
        order = canonical_order(x, labels)
        ordered += [x[order], labels[order]]
    return Arrays(*ordered)


def read(place: Place, spec: Spec) -> Loaded:
    """Read and check the data set that lies at a place.

    Raises:
        DamagedFileError: names the file, what was expected, and the command.
    """
    try:
        return check(parse(place.path, place.layout, spec), spec)
    except DamagedFileError as error:
        raise DamagedFileError(
            f"{place.path} is no usable {spec.name} file: {error}. It was left as it "
            f"is. A good one: {place.command}"
        ) from error
