import time
import types

import keras
import numpy as np
import pytest

from bnteach import models, training
from bnteach.training.checkpoints import Checkpoint

# Equal but for rounding: XLA fuses and reorders float32 sums.
TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}


def small_mlp(seed=0):
    return compiled(models.mlp((12,), (8, 8), 3, normalization="batch", seed=seed))


def compiled(model):
    # Not Adam: before batch normalization a bias has gradient 0, and Adam blows its
    # rounding error up to steps of full length, which then differ between loops.
    optimizer = keras.optimizers.SGD(0.05, momentum=0.9)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    return model


def assert_same_weights(one, two, **tolerance):
    for a, b in zip(one.weights, two.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), **tolerance, err_msg=a.path)


def fit_on(model, data, indices):
    """Plain `model.fit` on the batches that `indices` names."""
    rows = indices.ravel()
    batch = indices.shape[1]
    logs = model.fit(
        data.x_train[rows], data.y_train[rows], batch, shuffle=False, verbose=0
    )
    return {name: values[-1] for name, values in logs.history.items()}


@pytest.mark.parametrize("loop", ["compiled", "keras"])
def test_equals_model_fit_on_the_same_batches(blobs, loop):
    model, reference = small_mlp(), small_mlp()
    history = training.train(model, blobs, steps=30, batch_size=20, seed=5, loop=loop)
    order = training.Order(240, 20, seed=5)
    logs = [fit_on(reference, blobs, order.batches(*w)) for w in [(0, 12), (12, 24)]]
    logs.append(fit_on(reference, blobs, order.batches(24, 30)))
    assert_same_weights(model, reference, **TOLERANCE)
    assert history.step == [0, 12, 24, 30]
    for name in ("loss", "accuracy"):
        expected = [log[name] for log in logs]
        np.testing.assert_allclose(history.curves[name][1:], expected, **TOLERANCE)


def test_compiled_convolution_with_dropout_equals_model_fit():
    rng = np.random.default_rng(0)
    data = types.SimpleNamespace(
        x_train=rng.normal(size=(40, 8, 8, 3)).astype("float32"),
        y_train=rng.integers(0, 3, 40),
    )
    model, reference = (
        compiled(models.conv_blocks((8, 8, 3), (4, 4), 3, normalization="batch"))
        for _ in range(2)
    )
    training.train(model, data, steps=8, batch_size=10, loop="compiled")
    order = training.Order(40, 10, 0)
    for start in (0, 4):
        fit_on(reference, data, order.batches(start, start + 4))
    assert_same_weights(model, reference, **TOLERANCE)


def test_it_learns(blobs):
    model = small_mlp()
    history = training.train(model, blobs, steps=200, batch_size=20)
    assert history.curves["val_accuracy"][-1] > 0.9
    assert history.curves["loss"][0] is None
    assert len(history.curves["val_loss"]) == len(history.step)
    assert history.seconds > 0


class Noise(keras.layers.Layer):
    """Adds noise in training, and remembers nothing of the model it is used with."""

    def __init__(self):
        super().__init__()
        self.generator = keras.random.SeedGenerator(7)

    def call(self, x, training=False):
        if not training:
            return x
        return x + keras.random.normal(keras.ops.shape(x), seed=self.generator)


@pytest.mark.parametrize("loop", ["compiled", "keras"])
def test_augmentation_alters_the_training_images_alone(blobs, loop):
    model, reference = small_mlp(), small_mlp()
    settings = {"steps": 6, "batch_size": 20}
    history = training.train(
        model, blobs, **settings, augmentation=Noise(), loop=loop, record_every=4
    )
    noise, rows = Noise(), training.Order(240, 20, 0).batches(0, 6)
    x = np.concatenate([noise(blobs.x_train[row], training=True) for row in rows])
    y = blobs.y_train[rows.ravel()]
    reference.fit(x, y, 20, shuffle=False, verbose=0)
    assert_same_weights(model, reference, **TOLERANCE)
    expected = training.evaluate(reference, blobs.x_validation, blobs.y_validation)
    assert history.curves["val_loss"][-1] == pytest.approx(expected["loss"], rel=1e-4)


def test_augmentation_goes_on_where_it_was(blobs, tmp_path):
    settings = {"steps": 12, "batch_size": 20, "record_every": 4}
    whole = small_mlp()
    training.train(whole, blobs, **settings, augmentation=Noise())
    path = tmp_path / "state.npz"
    with pytest.raises(Stop):
        training.train(
            small_mlp(),
            blobs,
            **settings,
            augmentation=Noise(),
            checkpoint=path,
            probes=[stop_at(8)],
        )
    model = small_mlp()
    training.train(model, blobs, **settings, augmentation=Noise(), checkpoint=path)
    assert_same_weights(model, whole, **TOLERANCE)


def test_elapsed_counts_training_alone(blobs):
    slow = [lambda model, step: time.sleep(0.2) or {}]
    settings = {"steps": 20, "batch_size": 20, "record_every": 5}
    history = training.train(small_mlp(), blobs, **settings, probes=slow)
    assert history.elapsed[0] == 0
    assert np.all(np.diff(history.elapsed) > 0)
    assert history.seconds - history.elapsed[-1] > 4 * 0.2


def test_time_of_a_step():
    big, small = (
        compiled(models.mlp((500,), (units,), 3, seed=0)) for units in (4000, 4)
    )
    rng = np.random.default_rng(0)
    data = types.SimpleNamespace(
        x_train=rng.normal(size=(500, 500)).astype("float32"),
        y_train=rng.integers(0, 3, 500),
    )
    found = training.time_steps({"big": big, "small": small}, data, 500, rounds=3)
    assert 0 < found["small"] < found["big"] < 10


class TestOrder:
    def test_each_pass_is_a_permutation(self):
        stream = training.Order(10, 5, seed=1).batches(0, 4).reshape(2, 10)
        for one_pass in stream:
            assert sorted(one_pass) == list(range(10))
        assert list(stream[0]) != list(stream[1])

    def test_batches_go_on_over_the_end_of_a_pass(self):
        order = training.Order(10, 4, seed=1)
        whole = order.batches(0, 10)
        assert np.array_equal(np.sort(whole.ravel()), np.repeat(np.arange(10), 4))
        for start, stop in [(0, 3), (2, 3), (3, 10)]:
            assert np.array_equal(order.batches(start, stop), whole[start:stop])

    def test_seed(self):
        one, two = (training.Order(10, 5, seed).batches(0, 2) for seed in (1, 2))
        assert not np.array_equal(one, two)


class Stop(Exception):
    pass


def stop_at(step):
    def probe(model, now):
        if now == step:
            raise Stop
        return {}

    return probe


@pytest.mark.parametrize("loop", ["compiled", "keras"])
def test_an_interrupted_run_goes_on_as_if_it_had_not_been(blobs, tmp_path, loop):
    settings = {"steps": 40, "batch_size": 20, "record_every": 7, "loop": loop}
    path = tmp_path / "state.npz"
    whole = small_mlp()
    expected = training.train(whole, blobs, **settings)

    first = small_mlp()
    with pytest.raises(Stop):
        training.train(first, blobs, **settings, checkpoint=path, probes=[stop_at(21)])
    assert path.exists()
    model = small_mlp(seed=9)  # what it starts from must not matter any more
    seen = []
    watch = [lambda model, step: seen.append(step) or {}]
    history = training.train(model, blobs, **settings, checkpoint=path, probes=watch)
    assert seen == [21, 28, 35, 40]
    assert history.step == expected.step
    # Not bit-equal: the threads of a matrix product may add in another order.
    assert_same_weights(model, whole, **TOLERANCE)
    again = small_mlp()
    assert training.train(again, blobs, **settings, checkpoint=path) == history
    assert_same_weights(again, model)  # a finished run is not run again


class TestCheckpoint:
    def test_keeps_the_optimizer_and_the_random_state(self, tmp_path, blobs):
        path = tmp_path / "state.npz"
        model = compiled(models.conv_blocks((8, 8, 3), (2, 2), 3))
        x = np.ones((4, 8, 8, 3), "float32")
        model.train_on_batch(x, np.zeros(4))
        Checkpoint(path, model, {}).save({"a": 1})
        other = compiled(models.conv_blocks((8, 8, 3), (2, 2), 3, seed=1))
        assert Checkpoint(path, other, {}).restore() == {"a": 1}
        assert int(other.optimizer.iterations.numpy()) == 1
        assert_same_weights(other, model)
        one, two = model.get_layer("dropout_1"), other.get_layer("dropout_1")
        state = [d.seed_generator.state.numpy() for d in (one, two)]
        np.testing.assert_array_equal(*state)

    def test_refuses_the_state_of_another_run(self, tmp_path):
        path = tmp_path / "state.npz"
        Checkpoint(path, small_mlp(), {"seed": 1}).save({})
        with pytest.raises(ValueError, match=r"\{'seed': 2\}.*\{'seed': 1\}"):
            Checkpoint(path, small_mlp(), {"seed": 2}).restore()
        assert path.exists()

    def test_refuses_a_damaged_file_and_keeps_it(self, tmp_path):
        path = tmp_path / "state.npz"
        Checkpoint(path, small_mlp(), {}).save({})
        path.write_bytes(path.read_bytes()[:200])
        model = small_mlp()
        before = model.get_weights()
        with pytest.raises(ValueError, match=r"state\.npz"):
            Checkpoint(path, model, {}).restore()
        assert path.exists()
        assert all(map(np.array_equal, before, model.get_weights()))

    def test_a_save_that_fails_leaves_the_state_before(self, tmp_path, monkeypatch):
        path = tmp_path / "state.npz"
        checkpoint = Checkpoint(path, small_mlp(), {})
        checkpoint.save({"step": 1})

        def fail(*arguments, **arrays):
            raise OSError("no space left")

        monkeypatch.setattr(np, "savez", fail)
        with pytest.raises(OSError, match="no space"):
            checkpoint.save({"step": 2})
        assert checkpoint.restore() == {"step": 1}
        assert [entry.name for entry in tmp_path.iterdir()] == ["state.npz"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 0}, "steps=0"),
        ({"batch_size": 241}, "240 training examples.*batch_size=241"),
        ({"record_every": 0}, "Received: 0"),
        ({"loop": "fast"}, "'fast'"),
    ],
)
def test_bad_arguments(blobs, arguments, message):
    settings = {"steps": 3, "batch_size": 20} | arguments
    with pytest.raises(ValueError, match=message):
        training.train(small_mlp(), blobs, **settings)


def test_the_bar_is_shown_on_demand_only(blobs, capsys):
    training.train(small_mlp(), blobs, steps=2, batch_size=20, progress=False)
    assert capsys.readouterr().err == ""
    training.train(small_mlp(), blobs, steps=2, batch_size=20, progress=True)
    assert "2/2" in capsys.readouterr().err
