"""The formats to export to: how each is written, and how it is called afterwards.

The calls take what the model takes and return its outputs. Converters and runtimes
are imported when they are used, and may be missing.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

Call = Callable[[Any], Any]


class MissingPackageError(ImportError):
    """A package of an extra is not installed; the message says how to get it."""


class Format(NamedTuple):
    """A format of `model.export`.

    Attributes:
        keras_name: how Keras calls it.
        suffix: what file names end in; "" for a folder.
        packages: modules that writing and calling it need.
        extra: the extra of this package that brings them.
        load: path -> a function that calls the artifact.
    """

    keras_name: str
    suffix: str
    packages: tuple[str, ...]
    extra: str
    load: Callable[[Path], Call]


def require(name: str) -> Format:
    """Return a format whose packages are there.

    Raises:
        ValueError: there is no such format.
        MissingPackageError: a package that it needs is not installed.
    """
    if name not in FORMATS:
        raise ValueError(
            f"expected format to be one of {', '.join(FORMATS)}. Received: {name!r}"
        )
    found = FORMATS[name]
    for package in found.packages:
        try:
            importlib.import_module(package)
        except ImportError as error:
            raise MissingPackageError(
                f"expected the package {package.split('.')[0]} for {name}. Received: "
                f'{error}. Install it with: pip install "bnteach[{found.extra}]"'
            ) from error
    return found


def _load_savedmodel(path: Path) -> Call:
    return keras.layers.TFSMLayer(str(path), call_endpoint="serve")


def _load_onnx(path: Path) -> Call:
    runtime = importlib.import_module("onnxruntime")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    specs = session.get_inputs()

    def call(x):
        arrays = _by_name(x, [spec.name for spec in specs])
        return session.run(None, arrays)

    return call


def _load_litert(path: Path) -> Call:
    runtime = importlib.import_module("ai_edge_litert.interpreter")
    interpreter = runtime.Interpreter(model_path=str(path))
    (signature,) = interpreter.get_signature_list()
    runner = interpreter.get_signature_runner(signature)
    names = sorted(runner.get_input_details())

    def call(x):
        return runner(**_by_name(x, names))

    return call


def _by_name(x, names: list[str]) -> dict[str, np.ndarray]:
    """Return the inputs by the names of an artifact, which may differ from Keras's.

    Names that are not those of the inputs are taken in order.
    """
    leaves = [np.asarray(keras.ops.convert_to_numpy(v)) for v in keras.tree.flatten(x)]
    if isinstance(x, dict) and set(x) == set(names):
        return {name: np.asarray(x[name]) for name in names}
    if len(leaves) != len(names):
        raise ValueError(
            f"expected {len(names)} inputs: {', '.join(names)}. Received: {len(leaves)}"
        )
    return dict(zip(names, leaves, strict=True))


FORMATS = {
    "savedmodel": Format("tf_saved_model", "", (), "", _load_savedmodel),
    "onnx": Format(
        "onnx", ".onnx", ("onnx", "tf2onnx", "onnxruntime"), "onnx", _load_onnx
    ),
    "litert": Format(
        "litert", ".tflite", ("ai_edge_litert.interpreter",), "litert", _load_litert
    ),
}
