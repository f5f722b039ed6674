import importlib
import json
import sys

import keras
import numpy as np
import pytest

from bnteach.deployment import MissingPackageError, check_artifact, export
from bnteach.deployment.formats import FORMATS

L = keras.layers
NAMES = {"savedmodel": "model", "onnx": "model.onnx", "litert": "model.tflite"}
X = np.random.default_rng(0).normal(2, 3, size=(5, 6, 6, 3)).astype("float32")


@pytest.fixture(scope="module")
def baked_in():
    """A model that was built with training=True, with statistics of its own."""
    inputs = keras.Input((6, 6, 3))
    x = L.BatchNormalization(name="bn")(L.Conv2D(4, 3)(inputs), training=True)
    model = keras.Model(inputs, L.Dense(2)(L.GlobalAveragePooling2D()(x)), name="net")
    model.get_layer("bn").moving_mean.assign([1, 2, 3, 4])
    return model


@pytest.mark.slow
@pytest.mark.parametrize("fold", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_every_format_is_in_inference_mode(baked_in, tmp_path, name, fold):
    before = [np.array(v.numpy()) for v in baked_in.variables]
    path = tmp_path / NAMES[name]
    report = export(baked_in, path, format=name, fold=fold, x=X)
    assert report.ok
    assert report.codes == ("training-flag-baked-in",)
    for old, variable in zip(before, baked_in.variables, strict=True):
        np.testing.assert_array_equal(old, variable.numpy())
    wanted = baked_in(X, training=False)
    again = check_artifact(FORMATS[name].load(path), X, expected=wanted)
    assert not again.findings
    note = json.loads((tmp_path / f"{NAMES[name]}.about.json").read_text())
    assert note["check"]["ok"]
    assert note["versions"]["keras"] == keras.__version__
    assert bool(note["folded"]) == fold
    assert len(list(tmp_path.iterdir())) == 2  # no temporary thing is left


@pytest.mark.slow
def test_what_keras_exports_of_the_same_model_uses_batch_statistics(baked_in, tmp_path):
    baked_in.export(str(tmp_path / "raw"), verbose=False)
    raw = keras.layers.TFSMLayer(str(tmp_path / "raw"), call_endpoint="serve")
    assert "batch-dependent-inference" in check_artifact(raw, X).codes


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_several_inputs_and_outputs(tmp_path, name):
    a, b = keras.Input((3,), name="left"), keras.Input((4,), name="right")
    outputs = {"all": L.Concatenate()([a, b]), "one": L.Dense(2)(a)}
    model = keras.Model({"left": a, "right": b}, outputs)
    assert export(model, tmp_path / NAMES[name], format=name).ok


def test_what_is_there_is_replaced_only_at_the_end(tmp_path):
    model = keras.Sequential([keras.Input((3,)), L.Dense(2)])
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old").write_text("old")
    with pytest.raises(ValueError, match="at least 2 examples"):
        export(model, tmp_path / "model", x=np.ones((1, 3), "float32"))
    assert (tmp_path / "model" / "old").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1
    assert export(model, tmp_path / "model").ok
    assert not (tmp_path / "model" / "old").exists()


@pytest.mark.parametrize(
    ("name", "package"),
    [("onnx", "tf2onnx"), ("onnx", "onnxruntime"), ("litert", "ai_edge_litert")],
)
def test_a_missing_package_names_the_extra(tmp_path, monkeypatch, name, package):
    real = importlib.import_module

    def without(module, *args):
        if module.split(".")[0] == package:
            raise ImportError(f"No module named {module!r}")
        return real(module, *args)

    monkeypatch.setattr(importlib, "import_module", without)
    monkeypatch.setitem(sys.modules, package, None)
    model = keras.Sequential([keras.Input((3,)), L.Dense(2)])
    with pytest.raises(MissingPackageError, match=rf"bnteach\[{name}\]") as caught:
        export(model, tmp_path / NAMES[name], format=name)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": "m", "format": "pickle"}, "savedmodel, onnx, litert"),
        ({"path": "m.bin", "format": "onnx"}, "ends in .onnx"),
    ],
)
def test_errors(tmp_path, options, message):
    model = keras.Sequential([keras.Input((3,)), L.Dense(2)])
    with pytest.raises(ValueError, match=message):
        export(model, tmp_path / options.pop("path"), **options)


def test_models_that_cannot_be_exported(tmp_path):
    with pytest.raises(ValueError, match="never been called"):
        export(keras.Sequential([L.Dense(2)]), tmp_path / "m")


def test_a_subclassed_model(tmp_path):
    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            self.norm = L.BatchNormalization()

        def call(self, x, training=None):
            return self.norm(x, training=training)

    model = Subclassed()
    model(np.ones((2, 3), "float32"))
    assert export(model, tmp_path / "m").ok
