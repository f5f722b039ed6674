"""Which statistics a layer uses in each mode, and evaluation with batch statistics."""

import logging.handlers
import signal
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.utils.naming import get_uid

import bnteach.layers
from bnteach.diagnostics import modes

BATCH = ("batch", True, True)  # as in training: all four variables move
FORWARD = ("batch", True, False)  # training mode, and no optimizer
MOVING = ("moving", False, False)
GAMMA_BETA = ("moving", False, True)
ANY = (None, True, False)
WARM = ("True", "False, then True")
COLD = ("False", "True, then False")

# Keras 3.15 on TensorFlow. (caller, at building, at call, trainable) -> what happens.
# In fit, a change of `trainable` has no effect before the next compile: the second
# value of a pair counts for model(x), the first for fit.
PINNED = {
    ("fit", ANY, (None,), ("True", "True, then False")): BATCH,
    ("fit", ANY, (None,), ("False", "False, then True")): MOVING,
    ("evaluate", ANY, (None,), WARM + COLD): MOVING,
    ("predict", ANY, (None,), WARM + COLD): MOVING,
    ("model(x)", ANY, ANY, COLD): MOVING,
    ("model(x)", ANY, (True,), WARM): FORWARD,
    ("model(x)", ANY, (False,), WARM): MOVING,
    ("model(x)", (True,), (None,), WARM): FORWARD,
    ("model(x)", (None, False), (None,), WARM): MOVING,
    ("nested fit", ANY, (None,), ("True", "True, then False")): BATCH,
    ("nested fit", ANY, (None,), ("False", "False, then True")): MOVING,
    ("subclass fit", ANY, (None,), ("True", "True, then False")): GAMMA_BETA,
    ("subclass fit", ANY, (None,), ("False", "False, then True")): MOVING,
}
LAYERS = [keras.layers.BatchNormalization, bnteach.layers.BatchNormalization]


def pinned(row):
    """The results that `PINNED` holds for the switches of a row; exactly one."""
    return [
        result
        for (caller, *allowed), result in PINNED.items()
        if caller == row[0]
        and all(
            value in values for value, values in zip(row[1:4], allowed, strict=True)
        )
    ]


NAMED = ("dense", "batch_normalization", "functional", "input_layer", "sgd")


@pytest.fixture(scope="module", params=LAYERS, ids=["keras", "bnteach"])
def table(request):
    """The rows, the messages of TensorFlow and the automatic names used meanwhile."""
    handler = logging.handlers.BufferingHandler(capacity=1000)
    logging.getLogger("tensorflow").addHandler(handler)
    before = [get_uid(name) for name in NAMED]
    rows = modes.truth_table(request.param)
    used = [get_uid(name) - old - 1 for name, old in zip(NAMED, before, strict=True)]
    logging.getLogger("tensorflow").removeHandler(handler)
    return SimpleNamespace(rows=rows, messages=handler.buffer, names_used=used)


def test_truth_table_is_the_pinned_one(table):
    changed = [
        f"{row}\n  was {pinned(row)}" for row in table.rows if pinned(row) != [row[4:]]
    ]
    assert not changed, "\n".join(changed)


def test_truth_table_holds_each_combination_once(table):
    switches = [row[:4] for row in table.rows]
    # 5 callers x 3 at building x 4 trainable, and model(x) with 3 at call
    assert len(switches) == len(set(switches)) == 5 * 12 + 36


def test_truth_table_leaves_no_trace(table):
    assert not table.messages
    assert not any(table.names_used)


def test_truth_table_shows_a_layer_that_obeys_no_switch(monkeypatch):
    class AlwaysTraining(keras.layers.BatchNormalization):
        def call(self, inputs, training=None):
            return super().call(inputs, training=True)

    monkeypatch.setattr(modes, "CALLERS", ("subclass fit",))
    found = {row.trainable: row[4:] for row in modes.truth_table(AlwaysTraining)}
    assert found["True"] == BATCH  # the library's layer: GAMMA_BETA
    assert found["False"] == MOVING


def test_truth_table_refuses_statistics_of_another_kind():
    class Identity(keras.layers.BatchNormalization):
        def call(self, inputs, training=None):
            return inputs + 0 * (self.gamma + self.beta)

    # The rows of the batch sum to 1, 5, 15, 11: mean square 93.
    with pytest.raises(RuntimeError, match=r"'batch': .*'moving': .*loss=93\.0"):
        modes.truth_table(Identity)


def test_condense_merges_what_makes_no_difference():
    row = modes.ModeRow("fit", None, None, "True", *BATCH)
    rows = [row._replace(at_building=value) for value in ANY]
    assert modes.condense(rows) == [("fit", "any", "unset", "True", *BATCH)]
    rows[2] = rows[2]._replace(statistics="moving")
    assert modes.condense(rows) == [
        ("fit", "unset / True", "unset", "True", *BATCH),
        ("fit", "False", "unset", "True", "moving", True, True),
    ]


def test_format_table_writes_a_line_for_each_row():
    rows = [
        modes.ModeRow("fit", None, None, "False", *MOVING),
        modes.ModeRow("model(x)", True, None, "True", "refused", None, None),
    ]
    assert modes.format_table(rows).splitlines()[2:] == [
        "| `fit` | unset | – | False | moving | no | no |",
        "| `model(x)` | True | unset | True | refused | – | – |",
    ]


# --- evaluation with batch statistics --------------------------------------------


class NumPyNet:
    """The networks below once more, on NumPy, normalizing by batch statistics."""

    def __init__(self, model):
        self.weights = {
            layer.name: [np.float64(w) for w in layer.get_weights()]
            for layer in model._flatten_layers()
        }

    def dense(self, name, x):
        kernel, bias = self.weights[name]
        return x @ kernel + bias

    def conv(self, name, x):
        kernel, bias = self.weights[name]
        windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], (1, 2))
        return np.einsum("bhwcij,ijcf->bhwf", windows, kernel) + bias

    def norm(self, name, x):
        gamma, beta = self.weights[name][:2]
        axes = tuple(range(x.ndim - 1))
        x_hat = (x - x.mean(axes)) / np.sqrt(x.var(axes) + 1e-3)
        return gamma * x_hat + beta


class Block(keras.layers.Layer):
    """A layer that is no model, and normalizes."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.norm = keras.layers.BatchNormalization(name="norm_1")

    def call(self, inputs, training=None):
        return self.norm(inputs, training=training)

    def build(self, shape):
        self.norm.build(shape)


def mlp(norm=keras.layers.BatchNormalization):
    inputs = keras.Input((5,))
    x = keras.layers.Dense(4, name="dense")(inputs)
    x = keras.layers.Activation("relu")(norm(name="norm_1")(x))
    x = keras.layers.Dropout(0.5, seed=0)(x)
    return keras.Model(inputs, keras.layers.Dense(3, name="logits")(x))


def mlp_in_numpy(net, x):
    x = net.norm("norm_1", net.dense("dense", x))
    return net.dense("logits", np.maximum(x, 0))


def conv():
    inputs = keras.Input((6, 6, 2))
    x = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    x = keras.layers.BatchNormalization(name="norm_1")(x)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(x))
    return keras.Model(inputs, keras.layers.Dense(3, name="logits")(x))


def conv_in_numpy(net, x):
    x = np.maximum(net.norm("norm_1", net.conv("conv", x)), 0)
    return net.dense("logits", x.mean((1, 2)))


def nested():
    """A model in a model, baked to inference, its layer frozen."""
    inner_inputs = keras.Input((5,))
    x = keras.layers.BatchNormalization(name="norm_1")(inner_inputs)
    inner = keras.Model(inner_inputs, keras.layers.Dense(4, name="dense")(x))
    inner.trainable = False
    inputs = keras.Input((5,))
    x = keras.layers.BatchNormalization(name="norm_2")(inner(inputs, training=False))
    return keras.Model(inputs, keras.layers.Dense(3, name="logits")(x))


def nested_in_numpy(net, x):
    x = net.norm("norm_2", net.dense("dense", net.norm("norm_1", x)))
    return net.dense("logits", x)


def shared():
    """One normalization layer in two places."""
    inputs = keras.Input((5,))
    norm = keras.layers.BatchNormalization(name="norm_1")
    x = norm(keras.layers.Dense(5, "tanh", name="dense")(norm(inputs)))
    return keras.Model(inputs, keras.layers.Dense(3, name="logits")(x))


def shared_in_numpy(net, x):
    x = np.tanh(net.dense("dense", net.norm("norm_1", x)))
    return net.dense("logits", net.norm("norm_1", x))


def block():
    inputs = keras.Input((5,))
    x = keras.layers.Dense(4, name="dense")(inputs)
    x = keras.layers.ReLU()(Block()(x))
    return keras.Model(inputs, keras.layers.Dense(3, name="logits")(x))


def bnteach_mlp():
    return mlp(bnteach.layers.BatchNormalization)


NETWORKS = {
    mlp: mlp_in_numpy,
    bnteach_mlp: mlp_in_numpy,
    conv: conv_in_numpy,
    nested: nested_in_numpy,
    shared: shared_in_numpy,
    block: mlp_in_numpy,
}


def prepared(network, examples=23):
    """A compiled and used network with uneven variables, and data."""
    rng = np.random.default_rng(3)
    model = network()
    for variable in model.weights:
        variable.assign(rng.uniform(0.1, 2, variable.shape))
    model.compile(
        keras.optimizers.Adam(0.1),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.optimizer.build(model.trainable_variables)
    x = rng.normal(2, 3, (examples, *model.input_shape[1:])).astype("float32")
    y = rng.integers(0, 3, examples)
    usual = model.evaluate(x, y, verbose=0, return_dict=True)
    return SimpleNamespace(model=model, x=x, y=y, usual=usual)


def in_batches(x, y, size):
    return [(x[i : i + size], y[i : i + size]) for i in range(0, len(x), size)]


def expected(network, model, batches):
    """Loss and accuracy over all examples, each batch on its own statistics."""
    net = NumPyNet(model)
    logits = np.concatenate([NETWORKS[network](net, np.float64(x)) for x, _ in batches])
    y = np.concatenate([y for _, y in batches])
    log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    loss = -log_p[np.arange(len(y)), y].mean()
    return {"loss": loss, "accuracy": (logits.argmax(1) == y).mean()}


def state(model):
    variables = [*model.variables, *model.metrics_variables]
    return [v.numpy() for v in [*variables, *model.optimizer.variables]]


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.__name__)
def test_evaluates_as_numpy_does(network):
    case = prepared(network)
    for size in (1, 6, 23):
        found = modes.evaluate_with_batch_statistics(case.model, (case.x, case.y), size)
        oracle = expected(network, case.model, in_batches(case.x, case.y, size))
        assert found == pytest.approx(oracle, rel=1e-4)
        assert case.usual["loss"] != pytest.approx(oracle["loss"], rel=1e-2)


@pytest.mark.parametrize("kind", ["list", "generator", "dataset", "sorted"])
def test_takes_batches(kind):
    case = prepared(mlp)
    order = np.argsort(case.y) if kind == "sorted" else np.arange(23)
    batches = in_batches(case.x[order], case.y[order], 6)
    data = {
        "generator": (batch for batch in batches),
        "dataset": tf.data.Dataset.from_tensor_slices((case.x, case.y)).batch(6),
    }.get(kind, batches)
    found = modes.evaluate_with_batch_statistics(case.model, data)
    assert found == pytest.approx(expected(mlp, case.model, batches), rel=1e-4)


def test_takes_sample_weights():
    case = prepared(mlp)
    weights = np.float32(np.arange(23) < 6)  # the first batch alone counts
    data = (case.x, case.y, weights)
    found = modes.evaluate_with_batch_statistics(case.model, data, 6)
    first = expected(mlp, case.model, in_batches(case.x, case.y, 6)[:1])
    assert found["loss"] == pytest.approx(first["loss"] * 6 / 23, rel=1e-4)


def assert_untouched(case, before, flags):
    for old, new in zip(before, state(case.model), strict=True):
        np.testing.assert_array_equal(old, new)
    assert [v.trainable for v in case.model.weights] == flags
    again = case.model.evaluate(case.x, case.y, verbose=0, return_dict=True)
    assert again == case.usual  # the compiled evaluation too is the old one


@pytest.mark.parametrize("network", [mlp, nested], ids=["mlp", "nested"])
def test_leaves_the_model_as_it_was(network):
    case = prepared(network)
    before, flags = state(case.model), [v.trainable for v in case.model.weights]
    modes.evaluate_with_batch_statistics(case.model, (case.x, case.y), 6)
    assert_untouched(case, before, flags)


def test_leaves_no_sums_in_metrics_that_it_was_first_to_build():
    case = prepared(mlp)
    case.model.compile("adam", case.model.loss, metrics=["accuracy"])
    modes.evaluate_with_batch_statistics(case.model, (case.x, case.y), 6)
    variables = case.model.metrics_variables
    assert len(variables) == 4  # a sum and a count for the loss and the accuracy
    assert not any(v.numpy() for v in variables)


@pytest.fixture
def ctrl_c():
    """Python's own handler of Ctrl-C, which a process in the background lacks."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("cause", ["Ctrl-C", "failing data"])
def test_leaves_the_model_as_it_was_when_interrupted(cause):
    case = prepared(nested)
    before, flags = state(case.model), [v.trainable for v in case.model.weights]

    def batches():
        for i in range(2000):
            if i == 3 and cause == "Ctrl-C":
                signal.raise_signal(signal.SIGINT)
            if i == 3 and cause == "failing data":
                raise OSError("no fourth batch")
            yield case.x, case.y

    with pytest.raises((KeyboardInterrupt, OSError, tf.errors.OpError)):
        modes.evaluate_with_batch_statistics(case.model, batches())
    assert_untouched(case, before, flags)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)]), "dense"),
        (lambda: keras.Sequential([keras.layers.BatchNormalization(name="a")]), "'a'"),
    ],
    ids=["no normalization", "not built"],
)
def test_refuses_a_model_without_statistics(build, message):
    model = build()
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=f"built model with layers.*{message}"):
        modes.evaluate_with_batch_statistics(model, (np.ones((2, 5)), np.ones(2)), 2)


def test_refuses_a_batch_size_that_does_not_fit_the_data():
    case = prepared(mlp)
    with pytest.raises(ValueError, match="type tuple, batch_size=None"):
        modes.evaluate_with_batch_statistics(case.model, (case.x, case.y))
    with pytest.raises(ValueError, match="type list, batch_size=6"):
        modes.evaluate_with_batch_statistics(case.model, [(case.x, case.y)], 6)
