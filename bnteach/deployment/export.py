"""Export a model for serving, in inference mode whatever it was built with, checked.

Keras's `model.export` calls the model without saying `training=False`. A layer that
was built with `training=True` then normalizes every request by its own statistics.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import keras
import numpy as np

from bnteach.deployment.artifacts import check_artifact
from bnteach.deployment.fold import fold as fold_model
from bnteach.deployment.formats import require
from bnteach.diagnostics import graph as graphs
from bnteach.diagnostics.codes import finding
from bnteach.diagnostics.layer_paths import batch_norms
from bnteach.diagnostics.passes import wrapped_call
from bnteach.diagnostics.report import Finding, Report
from bnteach.files import atomic_path

EXAMPLES = 4  # drawn for the check
FREE_LENGTH = 8  # for axes of any length
PACKAGES = (
    "bnteach", "keras", "tensorflow", "jax", "numpy", "onnx", "onnxruntime",
    "tf2onnx", "ai-edge-litert",
)  # fmt: skip


def export(
    model: keras.Model,
    path: str | os.PathLike,
    *,
    format: str = "savedmodel",
    fold: bool = False,
    x: Any = None,
) -> Report:
    """Write a model in inference mode and check what was written.

    The artifact is called with examples, together and one by one, and compared with
    what the model answers in inference. Beside it a note is written,
    ``PATH.about.json``, with the versions of what made it and the result of the check.

    Args:
        model: a built Keras model. It is left as it is.
        path: where the artifact goes: a folder for "savedmodel", a file that ends in
            .onnx or .tflite for the others. What is there is replaced at the end.
        format: "savedmodel", "onnx" or "litert".
        fold: fold the batch normalizations first, see `bnteach.deployment.fold`.
        x: examples for the check, at least 2; by default random numbers.

    Returns:
        The report of the check. It is `ok` where the artifact answers as the model
        does in inference; it names the layers that were built with training=True.

    Raises:
        ValueError: unknown format, a path that does not end as the format wants, or a
            model that is not built.
        TypeError: `fold` and a subclassed model.
        MissingPackageError: the packages of the format are not installed.
        OSError: the path cannot be written.
    """
    path, kind = Path(path), require(format)
    if kind.suffix and path.suffix != kind.suffix:
        raise ValueError(
            f"expected a path that ends in {kind.suffix} for {format}. Received: {path}"
        )
    if not model.built:
        raise ValueError(
            "expected a built model. Received: a model that has never been called"
        )
    baked = _baked_in(model)
    result = fold_model(model) if fold else None
    exported = result.model if result else model
    x = _draw(model) if x is None else x
    expected = _answer(model, x)
    if result:
        _answer(exported, x)  # Keras exports a model only after its first call
    with _temporary(path) as work:
        target = work / (path.name or "artifact")
        with _in_inference(exported):
            exported.export(str(target), format=kind.keras_name, verbose=False)
        checked = check_artifact(kind.load(target), x, expected=expected)
        report = Report([*checked.findings, *baked], f"{format} of {model.name}")
        _replace(target, path)
    _write_note(path, format, model, result, report)
    return report


def _baked_in(model) -> list[Finding]:
    """Return a finding for each call that was built with training=True."""
    if not graphs.is_graph(model):
        return []
    normalizing = {id(layer) for layer in batch_norms(model).values()}
    return [
        finding(
            "training-flag-baked-in",
            "it was built with training=True, which the artifact would have obeyed; "
            "it is exported in inference mode",
            graph.name(node),
            "info",
        )
        for graph in graphs.graphs(model)
        for node in graph.nodes
        if node.arguments.kwargs.get("training") is True
        and (id(node.operation) in normalizing or _holds(node.operation, normalizing))
    ]


def _holds(layer, ids: set[int]) -> bool:
    if not isinstance(layer, keras.layers.Layer):
        return False
    return any(id(inside) in ids for inside in layer._flatten_layers())


def _in_inference(model):
    """Have the model called with training=False, if it can be told."""
    if not _takes_training(model):
        return nullcontext()

    def in_inference(call, *args, **kwargs):
        return call(*args, **{**kwargs, "training": False})

    return wrapped_call(model, in_inference)


def _answer(model, x):
    return model(x, training=False) if _takes_training(model) else model(x)


def _takes_training(model) -> bool:
    return bool(model._call_has_training_arg)


def _draw(model) -> Any:
    """Return random inputs of the shapes and types that the model takes."""
    rng = np.random.default_rng(0)

    def draw(shape, dtype="float32"):
        shape = [FREE_LENGTH if n is None else n for n in shape[1:]]
        if "float" in str(dtype):
            return rng.normal(size=(EXAMPLES, *shape)).astype("float32")
        return rng.integers(0, 2, (EXAMPLES, *shape)).astype(str(dtype))

    if graphs.is_graph(model):
        inner = getattr(model, "_functional", None) or model
        return keras.tree.map_structure(
            lambda tensor: draw(tensor.shape, tensor.dtype), inner._inputs_struct
        )
    shapes = list((model._build_shapes_dict or {}).values())  # of its first call
    if len(shapes) == 1 and all(isinstance(n, int | None) for n in shapes[0]):
        return draw(shapes[0])
    raise ValueError(
        "expected examples x for a subclassed model with several inputs. "
        "Received: x=None"
    )


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """Yield a folder beside the path, so that the last step is a rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _replace(made: Path, path: Path) -> None:
    """Put a file or a folder in its place; an old one goes only then."""
    if path.is_dir() and not path.is_symlink():
        path.rename(made.with_name("old"))
    made.rename(path) if made.is_dir() else made.replace(path)


def _write_note(path: Path, format: str, model, result, report: Report) -> None:
    note = {
        "format": format,
        "model": model.name,
        "parameters": model.count_params(),
        "versions": {p: v for p in PACKAGES if (v := _version(p))},
        "folded": dict(result.folded) if result else {},
        "kept": dict(result.kept) if result else {},
        "check": report.to_dict(),
    }
    with atomic_path(Path(f"{path}.about.json")) as temporary:
        temporary.write_text(json.dumps(note, indent=1) + "\n", encoding="utf-8")


def _version(package: str) -> str | None:
    for name in (package, f"{package}-cpu"):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None
