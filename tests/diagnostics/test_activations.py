import keras
import numpy as np
import pytest

from bnteach import models, training
from bnteach.diagnostics import activations

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@pytest.fixture
def model():
    model = models.mlp((12,), (6, 5), 3, normalization="batch")
    model.compile("sgd", LOSS, metrics=["accuracy"])
    return model


def test_layer_inputs_are_those_of_a_training_step(model, blobs):
    x = blobs.x_train[:50]
    entering = activations.LayerInputs(model, ["batch_norm_1", "activation_1"])(x)
    kernel, bias = (w.numpy() for w in model.get_layer("dense_1").weights)
    a = x.astype("float64") @ kernel + bias  # (50, 6)
    np.testing.assert_allclose(entering["batch_norm_1"], a, rtol=1e-4, atol=1e-5)
    normalized = (a - a.mean(0)) / np.sqrt(a.var(0) + 1e-3)
    np.testing.assert_allclose(entering["activation_1"], normalized, atol=1e-4)


def test_layer_inputs_in_inference_mode_use_the_moving_statistics(model, blobs):
    x = blobs.x_train[:50]
    look = activations.LayerInputs(model, ["batch_norm_1", "activation_1"])
    entering = look(x, training=False)
    expected = entering["batch_norm_1"] / np.sqrt(1 + 1e-3)  # mean 0, variance 1
    np.testing.assert_allclose(entering["activation_1"], expected, atol=1e-5)


def test_percentiles_of_one_unit(model, blobs):
    x = blobs.x_train[:50]
    probe = activations.InputPercentiles(model, "activation_2", x, unit=3)
    found = probe(model, 0)["percentiles of activation_2"]
    values = activations.LayerInputs(model, ["activation_2"])(x)["activation_2"]
    np.testing.assert_allclose(found, np.percentile(values[:, 3], (15, 50, 85)))


def test_the_recorders_do_not_change_the_training_run(blobs):
    def run(probes_of):
        network = models.mlp((12,), (6, 5), 3, normalization="batch")
        network.compile("adam", LOSS, metrics=["accuracy"])
        training.train(
            network, blobs, steps=24, batch_size=20, probes=probes_of(network)
        )
        return network.get_weights()

    def all_probes(network):
        x, y = blobs.x_train[:50], blobs.y_train[:50]
        return (
            activations.InputPercentiles(network, "activation_2", x),
            activations.Saturation(network, ["activation_1", "activation_2"], x),
            lambda model, step: activations.gradient_norms(model, x, y),
        )

    for a, b in zip(run(lambda network: ()), run(all_probes), strict=True):
        np.testing.assert_array_equal(a, b)


def test_looking_leaves_the_random_state_of_dropout(blobs):
    network = models.conv_blocks((8, 8, 3), (2, 2), 3)
    state = network.get_layer("dropout_1").seed_generator.state
    before = state.numpy().copy()
    x = np.ones((4, 8, 8, 3), "float32")
    activations.LayerInputs(network, ["logits"])(x)
    np.testing.assert_array_equal(state.numpy(), before)


def test_unknown_layer(model):
    with pytest.raises(ValueError, match=r"batch_norm_1.*Received: activation_9"):
        activations.LayerInputs(model, ["activation_9"])


def test_saturated_share():
    # A sigmoid's derivative falls to 5 % of its greatest value at 2 arcosh(sqrt(20)).
    edge = 2 * np.arccosh(np.sqrt(20))
    inside, outside = edge - 1e-6, edge + 1e-6
    values = np.array([0.0, inside, -inside, outside, -outside, 1e4, -1e4, 2.0])
    assert activations.saturated_share(values, "sigmoid") == 4 / 8
    assert activations.saturated_share(values / 2, "tanh") == 4 / 8
    assert activations.saturated_share([-1.0, 0.0, 2.0, 3.0], "relu") == 0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(([],), r"\(0,\)"), (([1.0], "swish"), "'swish'")],
)
def test_saturated_share_of_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        activations.saturated_share(*arguments)


def test_gradients_agree_with_finite_differences(blobs):
    network = models.mlp((12,), (6, 5), 3, activation="tanh", normalization="batch")
    network.compile("sgd", LOSS)
    x, y = blobs.x_train[:40], blobs.y_train[:40]
    found = activations.gradients(network, x, y)
    assert set(found) == {weight.path for weight in network.trainable_weights}
    rng = np.random.default_rng(1)
    for path in ("dense_1/kernel", "batch_norm_2/gamma", "logits/bias"):
        weight = next(w for w in network.trainable_weights if w.path == path)
        direction = rng.normal(size=weight.shape)
        slope = _slope(network, weight, direction, x, y)
        assert np.sum(found[path] * direction) == pytest.approx(slope, rel=2e-2)


def _slope(network, weight, direction, x, y, h=3e-3):
    start = weight.numpy()
    losses = []
    for sign in (1, -1):
        weight.assign(start + sign * h * direction)
        # The state that batch normalization would move is handed back and dropped.
        outputs, _ = network.stateless_call(
            [v.value for v in network.trainable_variables],
            [v.value for v in network.non_trainable_variables],
            x,
            training=True,
        )
        losses.append(float(LOSS(y, outputs)))
    weight.assign(start)
    return (losses[0] - losses[1]) / (2 * h)


def test_gradient_norms_name_the_layers_first_to_last(model, blobs):
    x, y = blobs.x_train[:40], blobs.y_train[:40]
    norms = activations.gradient_norms(model, x, y)
    assert list(norms) == ["dense_1", "dense_2", "logits"]
    kernel = activations.gradients(model, x, y)["dense_2/kernel"]
    assert norms["dense_2"] == pytest.approx(np.sqrt(np.sum(kernel**2)), rel=1e-5)


def test_batch_mode_accuracy_ignores_the_moving_statistics(model, blobs):
    model.compile(keras.optimizers.Adam(0.01), LOSS, metrics=["accuracy"])
    training.train(model, blobs, steps=240, batch_size=20)
    x, y = blobs.x_train, blobs.y_train
    layer = model.get_layer("batch_norm_1")
    layer.moving_mean.assign(np.full(6, 50.0))
    before = model.get_weights()
    probe = activations.BatchModeAccuracy(x, y, 60)
    assert training.evaluate(model, x, y)["accuracy"] < 0.7
    assert probe(model, 0)["batch-mode accuracy"] > 0.9
    one_hot = np.eye(3)[y]
    assert activations.BatchModeAccuracy(x, one_hot, 60)(model, 0) == probe(model, 0)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match=r"240 examples.*batch_size=241"):
        activations.BatchModeAccuracy(x, y, 241)
