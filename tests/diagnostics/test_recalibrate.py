import keras
import numpy as np
import pytest

from bnteach.diagnostics import examine, recalibrate
from bnteach.layers import BatchNormalization as OurBatchNormalization

L = keras.layers


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def stack(*layers, shape=(4,)):
    return keras.Sequential([keras.Input(shape), *layers])


def everything(model):
    return [np.array(v.numpy()) for v in model.variables]


def assert_equal(before, after):
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("layer", [L.BatchNormalization, OurBatchNormalization])
@pytest.mark.parametrize("batch_size", [7, 50, 100])
def test_first_layer_gets_the_statistics_of_all_examples(rng, layer, batch_size):
    x = rng.normal(3, 2, size=(100, 5, 4)).astype("float32")
    model = stack(layer(), L.Dense(3), shape=(5, 4))
    done = recalibrate(model, x, batch_size=batch_size)
    first = model.layers[0]
    flat = x.astype(np.float64).reshape(-1, 4)
    np.testing.assert_allclose(first.moving_mean, flat.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(first.moving_variance, flat.var(axis=0), rtol=1e-6)
    assert done.examples == 100
    assert done.layers[first.name].count == 500


def test_later_layers_see_what_batch_statistics_make(rng):
    x = rng.normal(size=(60, 4)).astype("float32")
    model = stack(L.BatchNormalization(), L.Dense(3), L.BatchNormalization())
    first, dense, last = model.layers
    recalibrate(model, x, batch_size=20)
    seen = []
    for part in np.split(x.astype(np.float64), 3):
        hat = (part - part.mean(axis=0)) / np.sqrt(part.var(axis=0) + first.epsilon)
        seen.append(hat @ dense.kernel.numpy() + dense.bias.numpy())
    seen = np.concatenate(seen)
    np.testing.assert_allclose(last.moving_mean, seen.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(last.moving_variance, seen.var(axis=0), rtol=1e-5)


def test_nothing_else_changes_and_undo_takes_it_back(rng):
    x = rng.normal(size=(40, 4)).astype("float32")
    y = rng.integers(0, 3, 40)
    model = stack(
        L.Dense(8), L.BatchNormalization(), L.Dropout(0.5, seed=1), L.Dense(3)
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=1, verbose=0)
    norm = model.layers[1]
    own = (id(norm.moving_mean), id(norm.moving_variance))
    before = {id(v): np.array(v.numpy()) for v in model.variables}
    optimizer = [np.array(v.numpy()) for v in model.optimizer.variables]
    done = recalibrate(model, (x, y), batch_size=10)
    for variable in model.variables:
        same = np.array_equal(before[id(variable)], variable.numpy())
        assert same == (id(variable) not in own)
    assert_equal(optimizer, [v.numpy() for v in model.optimizer.variables])
    assert "call" not in norm.__dict__
    done.undo()
    assert_equal(before.values(), everything(model))


def test_gap_and_accuracy_before_and_after(rng):
    x = rng.normal(5, 3, size=(200, 4)).astype("float32")
    y = (x[:, 0] > 5).astype(int)
    model = stack(L.BatchNormalization(), L.Dense(2))
    model.layers[1].kernel.assign([[-9, 9], [0, 0], [0, 0], [0, 0]])
    done = recalibrate(model, (x, y), batch_size=100)
    assert done.gap_before > 1
    assert done.gap_after < 0.1
    assert done.accuracy["before"] < 0.7
    assert done.accuracy["after"] > 0.95
    assert done.accuracy["batch statistics"] > 0.9
    assert "200 examples" in str(done)


def test_dropout_is_off_and_frozen_layers_are_left_alone(rng):
    x = rng.normal(2, 1, size=(50, 4)).astype("float32")
    frozen, free = L.BatchNormalization(trainable=False), L.BatchNormalization()
    model = stack(frozen, L.Dropout(0.9), free)
    done = recalibrate(model, x, batch_size=25)
    assert set(done.skipped) == {frozen.name}
    np.testing.assert_array_equal(frozen.moving_mean, np.zeros(4))
    # The frozen layer divides by sqrt(1 + epsilon) and dropout does nothing.
    wanted = x.mean(axis=0) / np.sqrt(1 + frozen.epsilon)
    np.testing.assert_allclose(free.moving_mean, wanted, rtol=1e-5)
    recalibrate(model, x, batch_size=25, include_frozen=True)
    np.testing.assert_allclose(frozen.moving_mean, x.mean(axis=0), rtol=1e-5)
    assert not frozen.trainable


def test_chosen_layers_alone(rng):
    x = rng.normal(2, 1, size=(50, 4)).astype("float32")
    model = stack(L.BatchNormalization(name="a"), L.BatchNormalization(name="b"))
    done = recalibrate(model, x, batch_size=50, layers=["b"])
    assert set(done.layers) == {"b"}
    np.testing.assert_array_equal(model.get_layer("a").moving_mean, np.zeros(4))
    with pytest.raises(ValueError, match=r"a, b\. Received: 'c'"):
        recalibrate(model, x, batch_size=50, layers=["c"])


def test_shared_layer_pools_its_calls(rng):
    inputs = keras.Input((4,))
    shared = L.BatchNormalization()
    model = keras.Model(inputs, shared(inputs) + shared(inputs * 3 + 1))
    x = rng.normal(size=(30, 4)).astype("float32")
    recalibrate(model, x, batch_size=30)
    both = np.concatenate([x, x * 3 + 1])
    np.testing.assert_allclose(shared.moving_mean, both.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(shared.moving_variance, both.var(axis=0), rtol=1e-5)


def test_masked_values_do_not_count(rng):
    x = rng.normal(2, 1, size=(20, 6, 3)).astype("float32")
    x[:, 4:] = 0
    model = stack(L.Masking(), L.BatchNormalization(), shape=(6, 3))
    recalibrate(model, x, batch_size=10)
    wanted = x[:, :4].reshape(-1, 3)
    np.testing.assert_allclose(
        model.layers[1].moving_mean, wanted.mean(axis=0), rtol=1e-5
    )


def test_nested_subclassed_and_wrapped_layers(rng):
    class Block(keras.Model):
        def __init__(self):
            super().__init__()
            self.norm = L.BatchNormalization(name="inside")
            self.wrapped = L.TimeDistributed(L.BatchNormalization(name="deep"))

        def call(self, x, training=None):
            return self.wrapped(self.norm(x, training=training), training=training)

    model = Block()
    x = rng.normal(2, 1, size=(20, 5, 3)).astype("float32")
    model(x)
    done = recalibrate(model, x, batch_size=20)
    assert {path.split("/")[-1] for path in done.layers} == {"inside", "deep"}
    outer = keras.Sequential([keras.Input((5, 3)), model])
    assert all(
        p.startswith(model.name) for p in recalibrate(outer, x, batch_size=9).layers
    )


@pytest.mark.parametrize("kind", ["dataset", "pydataset", "generator", "list", "dict"])
def test_all_kinds_of_data(rng, kind):
    import tensorflow as tf

    x = rng.normal(2, 1, size=(20, 4)).astype("float32")
    y = rng.integers(0, 2, 20)
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, L.BatchNormalization()(inputs))

    class Pieces(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return x[index * 10 : index * 10 + 10], y[index * 10 : index * 10 + 10]

    pairs = [(x[:10], y[:10]), (x[10:], y[10:])]
    data = {
        "dataset": tf.data.Dataset.from_tensor_slices((x, y)).batch(10),
        "pydataset": Pieces(),
        "generator": (pair for pair in pairs),
        "list": pairs,
        "dict": ({"x": x}, y),
    }[kind]
    batch_size = 10 if kind == "dict" else None
    done = recalibrate(model, data, batch_size=batch_size)
    assert done.examples == 20
    np.testing.assert_allclose(model.layers[1].moving_mean, x.mean(axis=0), rtol=1e-5)


def test_data_without_an_end_need_a_limit(rng):
    import tensorflow as tf

    x = rng.normal(size=(20, 4)).astype("float32")
    data = tf.data.Dataset.from_tensor_slices(x).batch(10).repeat()
    model = stack(L.BatchNormalization())
    with pytest.raises(ValueError, match="max_batches"):
        recalibrate(model, data)
    assert recalibrate(model, data, max_batches=3).examples == 30


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: {"data": x}, "batch_size"),
        (lambda x: {"data": x[:0], "batch_size": 5}, "at least one batch"),
        (lambda x: {"data": (x, x[:3]), "batch_size": 5}, "one length"),
        (lambda x: {"data": x * np.nan, "batch_size": 5}, "finite values in norm"),
        (lambda x: {"data": x, "batch_size": 5, "max_batches": 0}, "max_batches"),
    ],
)
def test_errors_leave_the_model_as_it_was(rng, change, message):
    model = stack(L.BatchNormalization(name="norm"), L.Dense(2))
    before = everything(model)
    x = rng.normal(size=(10, 4)).astype("float32")
    with pytest.raises(ValueError, match=message):
        recalibrate(model, **change(x))
    assert_equal(before, everything(model))


def test_interruption_leaves_the_model_as_it_was(rng):
    model = stack(L.BatchNormalization(), L.Dense(2))
    before = everything(model)

    def data():
        yield rng.normal(size=(10, 4)).astype("float32")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recalibrate(model, data())
    assert_equal(before, everything(model))
    assert "call" not in model.layers[0].__dict__


def test_models_that_cannot_be_recalibrated(rng):
    x = rng.normal(size=(10, 4)).astype("float32")
    with pytest.raises(ValueError, match="moving_variance"):
        recalibrate(stack(L.Dense(2)), x, batch_size=5)
    with pytest.raises(ValueError, match="never called"):
        recalibrate(keras.Sequential([L.BatchNormalization()]), x, batch_size=5)
    with pytest.raises(ValueError, match="renorm"):
        recalibrate(stack(L.BatchNormalization(renorm=True)), x, batch_size=5)
    with pytest.raises(ValueError, match="frozen"):
        recalibrate(stack(L.BatchNormalization(trainable=False)), x, batch_size=5)


def test_averaged_weights_get_statistics_that_fit(blobs):
    """SwapEMAWeights swaps weights alone; the statistics are of other weights."""
    keras.utils.set_random_seed(0)
    layers = [L.Dense(32), L.BatchNormalization(momentum=0.9), L.ReLU(), L.Dense(3)]
    model = stack(*layers, shape=(12,))
    adam = keras.optimizers.Adam(0.05, use_ema=True, ema_momentum=0.98)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(adam, loss, metrics=["accuracy"])
    model.fit(blobs.x_train, blobs.y_train, epochs=12, batch_size=24, verbose=0)
    adam.finalize_variable_values(model.trainable_variables)  # the averages
    data = (blobs.x_train, blobs.y_train)
    # All in one batch, so that no chance of a batch is left in the gap.
    done = recalibrate(model, data, batch_size=240)
    assert done.gap_after < 0.1 * done.gap_before
    found = model.evaluate(blobs.x_test, blobs.y_test, verbose=0, return_dict=True)
    assert found["accuracy"] > 0.9


class Counter(L.Layer):
    """Counts its calls in a variable, whatever the mode."""

    def build(self, shape):
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, x):
        self.calls.assign_add(1.0)
        return x


def test_state_of_other_layers_and_frozen_variables_stay(rng):
    x = rng.normal(size=(20, 4)).astype("float32")
    norm = L.BatchNormalization()
    model = stack(Counter(), norm)
    norm.gamma.trainable = False
    for look in (recalibrate, examine):
        look(model, x, batch_size=10)
        assert float(model.layers[0].calls) == 0
        assert not norm.gamma.trainable
        assert norm.beta.trainable
