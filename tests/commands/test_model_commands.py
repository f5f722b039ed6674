"""The commands on a user's own model: recalibrate, fold, export."""

import keras
import numpy as np
import pytest

from bnteach import __main__ as command_line
from bnteach.layers import BatchNormalization as OurBatchNormalization

L = keras.layers
OVER = ["--out", "./model.keras"]
X = np.random.default_rng(0).normal(5, 2, size=(40, 4)).astype("float32")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a model and data, as the current one."""
    monkeypatch.chdir(tmp_path)
    norms = [L.BatchNormalization(name="one"), OurBatchNormalization(name="two")]
    model = keras.Sequential(
        [keras.Input((4,)), L.Dense(3), norms[0], L.ReLU(), L.Dense(2), norms[1]]
    )
    model.save("model.keras")
    np.savez("data.npz", x=X, y=np.zeros(40, int))
    np.savez("wide.npz", x=np.zeros((8, 5)))
    np.savez("named.npz", a=X[:8], b=X[:8])
    (tmp_path / "text.keras").write_text("no model")
    keras.Sequential([keras.Input((4,)), _strange()(), L.Dense(2)]).save(
        "strange.keras"
    )
    return tmp_path


def _strange():
    class Strange(L.Layer):  # registered nowhere, so that nobody can load it
        def call(self, x):
            return x

    return Strange


def call(*arguments):
    return command_line.main([str(argument) for argument in arguments])


def test_recalibrate(folder, capsys):
    before = (folder / "model.keras").read_bytes()
    options = ["--data", "data.npz", "--batch-size", 20, "--out", "new.keras"]
    assert call("recalibrate", "model.keras", *options) == 0
    assert "40 examples" in capsys.readouterr().out
    assert (folder / "model.keras").read_bytes() == before
    new = keras.saving.load_model("new.keras")
    wanted = X @ new.layers[0].kernel.numpy() + new.layers[0].bias.numpy()
    found = new.get_layer("one").moving_mean.numpy()
    np.testing.assert_allclose(found, wanted.mean(axis=0), rtol=1e-4)


def test_fold(folder, capsys):
    assert call("fold", "model.keras", "--out", "new.keras") == 0
    assert "2 folded, 0 kept" in capsys.readouterr().out
    old, new = map(keras.saving.load_model, ("model.keras", "new.keras"))
    assert not any("norm" in type(layer).__name__.lower() for layer in new.layers)
    np.testing.assert_allclose(old(X), new(X), rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_export(folder, capsys):
    options = ["--format", "onnx", "--fold", "--data", "data.npz", "--out", "m.onnx"]
    assert call("export", "model.keras", *options) == 0
    assert "nothing found" in capsys.readouterr().out
    assert (folder / "m.onnx.about.json").is_file()


@pytest.mark.parametrize(
    ("arrays", "count"),
    [
        ({"x_train": X, "y_train": X[:, 0], "x_test": X}, 40),
        ({"x": X}, 40),
        ({"input_layer": X, "y": X[:, 0]}, 40),
    ],
)
def test_forms_of_the_data(folder, capsys, arrays, count):
    inputs = keras.Input((4,), name="input_layer")
    keras.Model(inputs, L.BatchNormalization()(inputs)).save("model.keras")
    np.savez("d.npz", **arrays)
    assert (
        call("recalibrate", "model.keras", "--data", "d.npz", "--out", "n.keras") == 0
    )
    assert f"{count} examples" in capsys.readouterr().out


def test_classes_of_a_module(folder, capsys):
    (folder / "own_layers.py").write_text(
        "import keras\n"
        "@keras.saving.register_keras_serializable('own')\n"
        "class Twice(keras.layers.Layer):\n"
        "    def call(self, x):\n"
        "        return 2 * x\n"
    )
    import importlib

    importlib.sys.path.insert(0, str(folder))
    own = importlib.import_module("own_layers")
    norm = L.BatchNormalization()
    keras.Sequential([keras.Input((4,)), L.Dense(2), norm, own.Twice()]).save("m.keras")
    importlib.sys.path.remove(str(folder))
    del importlib.sys.modules["own_layers"]
    del keras.saving.get_custom_objects()["own>Twice"]
    assert call("fold", "m.keras", "--out", "n.keras") == command_line.EXIT_ERROR
    assert "--import MODULE" in capsys.readouterr().err
    assert call("fold", "m.keras", "--out", "n.keras", "--import", "own_layers") == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fold", "none.keras", "--out", "n.keras"], "no file none.keras"),
        (["fold", "model.keras", "--out", "n.h5"], "ends in .keras"),
        (["fold", "data.npz", "--out", "n.keras"], "a Keras model"),
        (
            ["recalibrate", "model.keras", "--data", "x.npz", "--out", "n.keras"],
            "x.npz",
        ),
        (
            ["recalibrate", "model.keras", "--data", "model.keras", "--out", "n.keras"],
            "npz",
        ),
        (["export", "model.keras", "--format", "onnx", "--out", "m"], "ends in .onnx"),
        (["examine", "model.keras", "--data", "wide.npz"], "x (8, 5)"),
        (["examine", "model.keras", "--data", "named.npz"], "a (8, 4), b (8, 4)"),
        (
            ["recalibrate", "model.keras", "--data", "data.npz", *OVER],
            "another file",
        ),
        (["fold", "model.keras", "--out", "/proc/n.keras"], "can be written"),
        (["export", "model.keras", "--out", "/proc/m"], "can be written"),
        (["examine", "text.keras"], "as model.save writes it"),
        (["examine", "."], "as model.save writes it"),
        (["examine", "strange.keras"], "'Strange'"),
    ],
)
def test_errors_are_one_line_and_write_nothing(folder, capsys, arguments, message):
    before = sorted(path.name for path in folder.iterdir())
    assert call(*arguments) == command_line.EXIT_ERROR
    printed = capsys.readouterr().err
    assert message in printed
    assert len(printed.strip().splitlines()) == 1
    assert sorted(path.name for path in folder.iterdir()) == before


def test_a_module_that_is_not_there_is_one_line(folder, capsys):
    options = ["--out", "n.keras", "--import", "nosuchmodule"]
    assert call("fold", "model.keras", *options) == command_line.EXIT_ERROR
    assert capsys.readouterr().err.strip().endswith("'nosuchmodule'")


def test_examine_and_its_exit_statuses(folder, capsys):
    import json

    assert call("examine", "model.keras") == 0
    model = keras.saving.load_model("model.keras")
    model.get_layer("one").momentum = 0.1
    model.save("warned.keras")
    assert call("examine", "warned.keras", "--data", "data.npz") == 0
    assert "momentum-convention" in capsys.readouterr().out
    assert call("examine", "warned.keras", "--strict") == 3
    ignored = ["--ignore", "momentum-convention", "--strict"]
    assert call("examine", "warned.keras", *ignored) == 0
    model.get_layer("two").moving_mean.assign(np.full(2, np.nan))
    model.save("broken.keras")
    capsys.readouterr()
    assert call("examine", "broken.keras", "--json") == 1
    report = json.loads(capsys.readouterr().out)
    assert not report["ok"]
    assert report["findings"][0]["code"] == "non-finite-statistics"
    assert call("examine", "model.keras", "--ignore", "nan") == command_line.EXIT_ERROR
    assert "non-finite-statistics" in capsys.readouterr().err
