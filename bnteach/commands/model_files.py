"""What the commands on a user's own model share: read the model, read the data."""

from __future__ import annotations

import importlib
import math
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from bnteach import files

LARGEST = 2**36  # bytes of one array, 64 GiB
DATA_HELP = (
    "an .npz file with x and y, or with one array a named input and y, or with x_train "
    "and y_train; y may be missing"
)


def add_model(parser) -> None:
    """Add the arguments that name a model and what it needs to be loaded."""
    parser.add_argument(
        "model",
        type=Path,
        metavar="MODEL.keras",
        help="a whole model, as model.save writes it",
    )
    parser.add_argument(
        "--import",
        dest="imports",
        action="append",
        default=[],
        metavar="MODULE",
        help="import a module first, which registers the model's own classes "
        "(keras.saving.register_keras_serializable); may be repeated",
    )


def add_data(parser, required: bool) -> None:
    """Add the arguments that name the data."""
    parser.add_argument(
        "--data", type=Path, metavar="FILE.npz", required=required, help=DATA_HELP
    )
    parser.add_argument(
        "--batch-size",
        type=int,
        default=32,
        metavar="N",
        help="examples a batch (default: 32); give the one of the training",
    )


def add_out(parser) -> None:
    """Add the argument that says where a new model goes."""
    parser.add_argument(
        "--out",
        type=Path,
        metavar="NEW.keras",
        required=True,
        help="where the new model goes; another file than the model",
    )


def load_model(parsed):
    """Read the model, in Keras's safe mode.

    Raises:
        ValueError: the file is no model, or needs classes that are not registered.
        OSError: the file cannot be read.
        ImportError: a module to import is not there.
    """
    path = parsed.model
    if not path.exists():
        raise FileNotFoundError(
            f"expected a saved Keras model. Received: no file {path}"
        )
    sys.path.insert(0, "")  # modules of the current folder
    for name in parsed.imports:
        _import(name)
    import keras

    import bnteach.layers as own  # registers the package's layer

    del own
    if not (zipfile.is_zipfile(path) or path.suffix in {".h5", ".hdf5"}):
        raise ValueError(
            f"expected a whole Keras model, as model.save writes it. Received: {path}, "
            "which is none"
        )
    try:
        return keras.saving.load_model(path, safe_mode=True)
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(
            f"expected in {path} a Keras model that can be loaded safely. Received: "
            f"{_reason(str(error))} (for classes of your own: --import MODULE)"
        ) from error


def _reason(text: str) -> str:
    """Return the line that says what is wrong, of Keras's long messages."""
    lines = text.strip().splitlines() or ["no reason given"]
    return next((line for line in lines if "Could not locate" in line), lines[0])


def check_inputs(model, data) -> None:
    """Raise a ValueError, in one line, if data cannot go into a model."""
    import keras

    from bnteach.diagnostics.passes import unchanged

    x = data[0] if isinstance(data, tuple) else data
    try:
        few = keras.tree.map_structure(lambda array: array[:2], x)
        with unchanged(model):
            model(few, training=False) if model._call_has_training_arg else model(few)
    except Exception as error:  # of a backend or of the owner's classes: any
        tensors = getattr(model, "inputs", None) or []
        wanted = {tensor.name: tuple(tensor.shape) for tensor in tensors}
        found = {
            k: v.shape for k, v in (x if isinstance(x, dict) else {"x": x}).items()
        }
        raise ValueError(
            f"expected inputs of the model ({_shapes(wanted) or 'unknown'}). Received: "
            f"{_shapes(found)}"
        ) from error


def _shapes(shapes) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in shapes.items())


def _import(name: str) -> None:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and name.startswith(error.name):
            raise ImportError(
                f"expected a module to import (--import). Received: {name!r}"
            ) from error
        raise  # the module is there, and needs a package that is not


def load_data(path: Path) -> Any:
    """Read x, or (x, y), from an .npz file; see `DATA_HELP`.

    Raises:
        ValueError: the file is no .npz file, or its arrays are not of these names.
        OSError: the file cannot be read.
    """
    if not path.exists():
        raise FileNotFoundError(f"expected data. Received: no file {path}")
    try:
        with files.open_npz(path) as archive:
            arrays = {key: _array(archive, key) for key in archive.files}
    except (ValueError, EOFError, KeyError, MemoryError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"expected in {path} {DATA_HELP}. Received: {error}"
        ) from error
    y = arrays.pop("y_train", None) if "x_train" in arrays else arrays.pop("y", None)
    if "x_train" in arrays:
        x = arrays["x_train"]
    elif set(arrays) == {"x"}:
        x = arrays["x"]
    else:
        x = arrays
    if isinstance(x, dict) and not x:
        raise ValueError(f"expected in {path} {DATA_HELP}. Received: no inputs")
    return x if y is None else (x, y)


def _array(archive, key: str) -> np.ndarray:
    shape, dtype = files.npz_header(archive, key)
    if dtype.kind not in "biuf":
        raise ValueError(f"{key} of type {dtype}, which holds no numbers")
    if math.prod(shape) * dtype.itemsize > LARGEST:
        raise ValueError(f"{key} of shape {shape}, which is too large for this command")
    return files.read_npz_array(archive, key)


def save_model(model, path: Path) -> None:
    """Write a model in one step.

    Raises:
        ValueError: the name does not end in .keras.
    """
    check_name(path)
    with files.atomic_path(path) as temporary:
        model.save(temporary)


def check_name(path: Path) -> None:
    """Raise a ValueError unless a path ends in .keras."""
    if path.suffix != ".keras":
        raise ValueError(f"expected a file that ends in .keras. Received: {path}")


def check_out(parsed) -> None:
    """Raise an error if the new model cannot be written, before work is done.

    Raises:
        ValueError: it does not end in .keras, or is the model that is read.
        OSError: its folder cannot be written.
    """
    check_name(parsed.out)
    if parsed.out.resolve() == parsed.model.resolve():
        raise ValueError(
            f"expected --out to be another file than the model. Received: {parsed.out}"
        )
    check_folder(parsed.out)


def check_folder(path: Path) -> None:
    """Raise an OSError if nothing can be written beside a path."""
    folder = path.absolute().parent
    while not folder.exists():
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(
            f"expected a folder for {path} that can be written. Received: {folder}, "
            f"{error.strerror}"
        ) from error
