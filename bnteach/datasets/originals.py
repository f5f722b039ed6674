"""Read the original files of Fashion-MNIST and CIFAR, as their authors publish them.

A few bytes of such a file can ask for any amount of memory: a compressed file for what
it holds, a pickle for what it builds. Here nothing takes more than the catalogue says.
"""

import gzip
import io
import pickle
import pickletools
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np

from bnteach.datasets.catalogue import DamagedFileError, Spec
from bnteach.files import check_regular

IDX_UINT8 = 0x0800  # and the number of axes in the last byte
# Beside 3072 bytes of pixels, a batch has a label and a file name an image.
CIFAR_EXTRA = 250
# All that the pickle of a dict with arrays, lists, numbers and texts needs. There is
# none that doubles what is there, or that runs code but for `_Unpickler.find_class`.
_OPCODES = """
    PROTO FRAME MARK STOP NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1
    STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES BINBYTES8 UNICODE
    BINUNICODE SHORT_BINUNICODE BINUNICODE8 EMPTY_LIST LIST APPEND APPENDS EMPTY_DICT
    DICT SETITEM SETITEMS EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 PUT BINPUT LONG_BINPUT
    MEMOIZE GET BINGET LONG_BINGET GLOBAL STACK_GLOBAL REDUCE BUILD
"""


def read_idx(folder: Path, spec: Spec) -> list[np.ndarray]:
    """Return images and labels, training before test, of four gzipped IDX files."""
    counts = (spec.train, spec.train, spec.test, spec.test)
    shapes = [
        (count, *(spec.image_shape if "images" in name else ()))
        for name, count in zip(spec.files, counts, strict=True)
    ]
    return [
        _read_idx_file(folder / name, shape)
        for name, shape in zip(spec.files, shapes, strict=True)
    ]


def _read_idx_file(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    check_regular(path)
    size = int(np.prod(shape))
    with gzip.open(path) as stream:
        # Four bytes say type and number of axes, four more the size of each axis.
        head = struct.unpack(f">{1 + len(shape)}I", stream.read(4 + 4 * len(shape)))
        if head != (IDX_UINT8 + len(shape), *shape):
            raise DamagedFileError(
                f"expected in {path.name} bytes of shape {shape}. Received: the head "
                f"{head[0]:#x}, shape {head[1:]}"
            )
        data = stream.read(size + 1)
    if len(data) != size:
        raise DamagedFileError(
            f"expected {size} bytes after the head of {path.name}. Received: "
            f"{'more' if len(data) > size else len(data)}"
        )
    return np.frombuffer(data, np.uint8).reshape(shape)


def read_cifar(folder: Path, spec: Spec) -> list[np.ndarray]:
    """Return images and labels, training before test, of the CIFAR batches.

    Each row of a batch is 3072 bytes, the red plane first.
    """
    label_key = b"labels" if len(spec.class_names) == 10 else b"fine_labels"
    images, labels = [], []
    for name in spec.files:
        batch = _read_batch(folder / name, max(spec.train, spec.test))
        rows = _array(batch[b"data"]).reshape(-1, 3, 32, 32)
        images.append(rows.transpose(0, 2, 3, 1))
        labels.append(_array(batch[label_key]))
    return [
        np.concatenate(images[:-1]),
        np.concatenate(labels[:-1]),
        images[-1],
        labels[-1],
    ]


def _read_batch(path: Path, count: int) -> dict[bytes, Any]:
    check_regular(path)
    limit = count * (3072 + CIFAR_EXTRA) + 100_000
    with path.open("rb") as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise DamagedFileError(
            f"expected at most {limit} bytes in {path.name}. Received: more"
        )
    _check_opcodes(data)
    return _Unpickler(io.BytesIO(data), encoding="bytes").load()


def _array(value: Any) -> np.ndarray:
    """Return what a batch holds as an array: one of NumPy, or a flat list."""
    if isinstance(value, _Array):
        return value.array()
    # Lists within lists may be the same one again and again: endless as an array.
    if not isinstance(value, list) or {*map(type, value)} - {int}:
        raise pickle.UnpicklingError("the file has neither arrays nor lists of numbers")
    return np.array(value)


def _check_opcodes(data: bytes) -> None:
    """Refuse a pickle that asks for more than its own bytes.

    `genops` itself refuses texts and numbers that are longer than what is left. A tuple
    may be used once: as a key, one of tuples within tuples takes for ever to hash.
    """
    allowed, tuples, last = set(_OPCODES.split()), set(), ""
    for opcode, argument, _ in pickletools.genops(data):
        name = opcode.name
        if name not in allowed:
            raise pickle.UnpicklingError(f"the file has the instruction {name}")
        if name.endswith("PUT") and argument > len(data):
            raise pickle.UnpicklingError(f"the file has {argument} as a place to keep")
        if name.endswith("PUT") and last.startswith("TUPLE"):
            tuples.add(argument)
        if name.endswith("GET") and argument in tuples:
            raise pickle.UnpicklingError("the file uses a tuple twice")
        last = last if name in ("FRAME", "PROTO") or name.endswith("PUT") else name


class _Dtype:
    """Stands for a NumPy dtype of integers in a pickle."""

    def __init__(self, code: bytes | str, *flags: Any):
        self.code = code.decode("ascii") if isinstance(code, bytes) else str(code)
        if not re.fullmatch("[iu][1248]", self.code):
            raise pickle.UnpicklingError(f"the file asks for dtype {self.code:.20}")

    def __setstate__(self, state: tuple) -> None:
        order = state[1].decode("ascii") if isinstance(state[1], bytes) else state[1]
        self.code = {"<": "<", ">": ">", "|": "|"}[order] + self.code


class _Array:
    """Stands for a NumPy array in a pickle, and is as large as its bytes."""

    def __init__(self, *empty: Any):
        self.state = None

    def __setstate__(self, state: tuple) -> None:
        self.state = state

    def array(self) -> np.ndarray:
        """Return the array."""
        _, shape, dtype, fortran, data = self.state
        flat = np.frombuffer(data, np.dtype(dtype.code))
        return flat.reshape(shape, order="F" if fortran else "C")


class _Unpickler(pickle.Unpickler):
    """Builds arrays of integers and plain containers; refuses every other name."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) == ("numpy", "ndarray"):
            return None  # only ever an argument of `_reconstruct`
        if (module, name) == ("numpy", "dtype"):
            return _Dtype
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and (
            name == "_reconstruct"
        ):
            return _Array
        raise pickle.UnpicklingError(f"the file asks for {module}.{name}")
