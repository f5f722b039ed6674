"""Read and check data files; nothing in this module changes a file that exists.

Pictures and labels are only ever parsed as arrays: NumPy files without pickles, and
the pickles of CIFAR with an unpickler that can build arrays and nothing else.
"""

import gzip
import hashlib
import pickle
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bnteach.datasets.catalogue import DamagedFileError, DataFolderError, Spec

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


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of one ``.npz`` file by key."""
    with np.load(path, allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}


def write_npz(path: Path, loaded: Loaded) -> None:
    """Write the arrays to a path that only this process uses; the caller renames."""
    origin = {} if loaded.note else {ORIGIN_KEY: np.array(loaded.sha256)}
    np.savez(path, **loaded.arrays._asdict(), **origin)


def _read_idx(folder: Path, spec: Spec) -> dict[str, np.ndarray]:
    """Read four gzipped IDX files: images and labels of both splits."""
    raw = [gzip.decompress((folder / name).read_bytes()) for name in spec.files]
    images = [
        np.frombuffer(data, np.uint8, offset=16).reshape(-1, *spec.image_shape)
        for data in raw[::2]
    ]
    labels = [np.frombuffer(data, np.uint8, offset=8) for data in raw[1::2]]
    return dict(zip(KEYS, (images[0], labels[0], images[1], labels[1]), strict=True))


class _ArrayUnpickler(pickle.Unpickler):
    """Builds NumPy arrays and plain containers; refuses every other name."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) == ("numpy", "ndarray"):
            return np.ndarray
        if (module, name) == ("numpy", "dtype"):
            return np.dtype
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and (
            name == "_reconstruct"
        ):
            return np._core.multiarray._reconstruct
        raise pickle.UnpicklingError(f"the file asks for {module}.{name}")


def _read_cifar(folder: Path, spec: Spec) -> dict[str, np.ndarray]:
    """Read the CIFAR batches; each row is 3072 bytes, red plane first."""
    label_key = b"labels" if len(spec.class_names) == 10 else b"fine_labels"
    images, labels = [], []
    for name in spec.files:
        with (folder / name).open("rb") as stream:
            batch = _ArrayUnpickler(stream, encoding="bytes").load()
        images.append(batch[b"data"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
        labels.append(np.array(batch[label_key]))
    return {
        "x_train": np.concatenate(images[:-1]),
        "y_train": np.concatenate(labels[:-1]),
        "x_test": images[-1],
        "y_test": labels[-1],
    }


def parse(path: Path, layout: str, spec: Spec) -> dict[str, np.ndarray]:
    """Read one ``.npz`` file or, for another layout, the folder of original files.

    Raises:
        DataFolderError: the file may not be read.
        DamagedFileError: it is truncated or of another kind.
    """
    try:
        if layout == "npz":
            return read_npz(path)
        return {"idx": _read_idx, "cifar": _read_cifar}[layout](path, spec)
    except MemoryError:
        raise
    except PermissionError as error:
        raise DataFolderError(f"{path} may not be read: {error}") from error
    except Exception as error:  # a parser may raise anything on foreign bytes
        raise DamagedFileError(f"expected {spec.title} arrays, {error!r}") from error


def _check_split(found: dict, split: str, count: int, spec: Spec) -> list[np.ndarray]:
    """Return images and labels of one split, or raise saying what was expected."""
    x_key, y_key = f"x_{split}", f"y_{split}"
    if missing := [key for key in (x_key, y_key) if key not in found]:
        raise DamagedFileError(
            f"expected the keys {', '.join(KEYS)}. Received: {sorted(found)}"
            f" without {', '.join(missing)}"
        )
    x, y = found[x_key], found[y_key]
    if (x.shape, x.dtype) != ((count, *spec.image_shape), np.uint8):
        raise DamagedFileError(
            f"expected {x_key} with shape {(count, *spec.image_shape)}, dtype uint8. "
            f"Received: {x_key}.shape={x.shape}, dtype {x.dtype}"
        )
    if y.shape not in ((count,), (count, 1)) or y.dtype.kind not in "iu":
        raise DamagedFileError(
            f"expected {y_key} with shape ({count},), an integer dtype. "
            f"Received: {y_key}.shape={y.shape}, dtype {y.dtype}"
        )
    if y.min() < 0 or y.max() >= len(spec.class_names):
        raise DamagedFileError(
            f"expected {y_key} from 0 to {len(spec.class_names) - 1}. "
            f"Received: {y.min()} to {y.max()}"
        )
    return [np.ascontiguousarray(x), y.reshape(-1).astype(np.int64)]


def check(found: dict[str, np.ndarray], spec: Spec) -> Loaded:
    """Check keys, shapes, dtypes and labels, and compare the hash with the record.

    Args:
        found: arrays by key.
        spec: what they must look like.

    Returns:
        The arrays, their hash, and a note: empty for the original arrays.

    Raises:
        DamagedFileError: something is not as expected.
    """
    arrays = Arrays(
        *_check_split(found, "train", spec.train, spec),
        *_check_split(found, "test", spec.test, spec),
    )
    sha256 = array_hash(arrays)
    if sha256 == (spec.sha256 or str(found.get(ORIGIN_KEY))):
        note = ""
    elif sha256 in spec.variants:
        note = spec.variants[sha256]
    elif spec.sha256 is None:
        note = f"not compared with the original {spec.title} (no hash on record)"
    else:
        note = f"not the original {spec.title} arrays"
    return Loaded(arrays, sha256, note)


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
