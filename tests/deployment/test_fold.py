"""Folding, against the model that was folded, on layers of every kind."""

import warnings

import keras
import numpy as np
import pytest

from bnteach.deployment import fold
from bnteach.diagnostics.layer_paths import batch_norms
from bnteach.layers import BatchNormalization as OurBatchNormalization

L = keras.layers
BN = L.BatchNormalization
RNG = np.random.default_rng(0)


def stack(shape, *layers):
    return keras.Sequential([keras.Input(shape), *layers])


def trained(model):
    """Give every batch normalization weights that are not those of the start."""
    for layer in batch_norms(model).values():
        size = layer.moving_mean.shape
        layer.moving_mean.assign(RNG.normal(size=size))
        layer.moving_variance.assign(RNG.uniform(0.5, 2, size=size))
        if layer.gamma is not None:
            layer.gamma.assign(RNG.uniform(-1.5, 1.5, size=size))
        if layer.beta is not None:
            layer.beta.assign(RNG.normal(size=size))
    return model


def check(model, tolerance=1e-5):
    """Fold, compare on random inputs, and return what became of each layer."""
    trained(model)
    before = [np.array(v.numpy()) for v in model.variables]
    result = fold(model)
    for old, variable in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, variable.numpy())
    shapes = [tensor.shape[1:] for tensor in model.inputs]
    x = [RNG.normal(size=(5, *shape)).astype("float32") for shape in shapes]
    x = x[0] if len(x) == 1 else x
    wanted, found = model(x, training=False), result.model(x, training=False)
    wanted, found = np.asarray(wanted), np.asarray(found)
    assert np.abs(wanted - found).max() <= tolerance * np.abs(wanted).max()
    assert set(result.folded) | set(result.kept) == set(batch_norms(model))
    assert not set(result.folded) & set(result.kept)
    assert set(batch_norms(result.model)) == set(result.kept)
    assert not fold(result.model).folded
    return result


AFTER = {
    "dense": ((4,), L.Dense(5)),
    "dense without bias": ((4,), L.Dense(5, use_bias=False)),
    "dense on images": ((4, 5, 3), L.Dense(5)),
    "conv 1d": ((9, 3), L.Conv1D(4, 3, padding="same")),
    "conv 2d": ((9, 9, 3), L.Conv2D(4, 3, padding="same", strides=2)),
    "conv 3d": ((5, 5, 5, 2), L.Conv3D(3, 2)),
    "grouped": ((9, 9, 4), L.Conv2D(6, 3, groups=2)),
    "dilated": ((9, 9, 3), L.Conv2D(4, 3, dilation_rate=2)),
    "causal": ((9, 3), L.Conv1D(4, 3, padding="causal")),
    "depthwise 1d": ((9, 3), L.DepthwiseConv1D(3, depth_multiplier=2)),
    "depthwise 2d": ((9, 9, 3), L.DepthwiseConv2D(3, depth_multiplier=2)),
    "separable 1d": ((9, 3), L.SeparableConv1D(4, 3, depth_multiplier=2)),
    "separable 2d": ((9, 9, 3), L.SeparableConv2D(4, 3, depth_multiplier=2)),
    "transposed 1d": ((9, 3), L.Conv1DTranspose(4, 3, strides=2)),
    "transposed 2d": ((5, 5, 3), L.Conv2DTranspose(4, 3, strides=2)),
    "transposed 3d": ((4, 4, 4, 2), L.Conv3DTranspose(3, 2)),
}


@pytest.mark.parametrize("case", AFTER)
def test_into_the_layer_before(case):
    shape, layer = AFTER[case]
    layer = layer.from_config(layer.get_config())
    result = check(stack(shape, layer, BN(name="bn"), L.ReLU()))
    assert result.folded == {"bn": layer.name}


@pytest.mark.parametrize("norm", [BN, OurBatchNormalization])
@pytest.mark.parametrize(
    "options",
    [{"center": False}, {"scale": False}, {"center": False, "scale": False}, {}],
)
def test_with_and_without_gamma_and_beta(norm, options):
    assert check(stack((4,), L.Dense(5), norm(**options))).folded


BEFORE = {
    "dense": ((4,), L.Dense(5, activation="relu")),
    "dense on images": ((4, 5, 3), L.Dense(5)),
    "conv 2d": ((9, 9, 4), L.Conv2D(6, 3, groups=2, activation="relu")),
    "1x1, same": ((9, 9, 4), L.Conv2D(6, 1, padding="same", strides=2)),
    "depthwise": ((9, 9, 3), L.DepthwiseConv2D(3, depth_multiplier=2)),
    "separable": ((9, 9, 3), L.SeparableConv2D(4, 3, depth_multiplier=2)),
}


@pytest.mark.parametrize("case", BEFORE)
def test_into_the_layer_after(case):
    shape, layer = BEFORE[case]
    layer = layer.from_config(layer.get_config())
    assert check(stack(shape, BN(name="bn"), layer)).folded == {"bn": layer.name}


@pytest.mark.parametrize(
    "layer", [L.Conv2D(4, 3, padding="same"), L.Conv2DTranspose(4, 3)]
)
def test_not_into_a_layer_after_it_that_has_a_border(layer):
    layer = layer.from_config(layer.get_config())
    (reason,) = check(stack((9, 9, 3), BN(), layer)).kept.values()
    assert "zeros" in reason or "border" in reason


def test_several_in_a_row_and_through_dropout():
    layers = [BN(), BN(), L.Dense(4), L.Dropout(0.5), BN(), BN(), L.ReLU(), BN()]
    result = check(stack((3,), *layers, L.Dropout(0.1), L.Dense(2)))
    assert len(result.folded) == 5


def test_nested_and_siamese_models():
    encoder = stack((4,), L.Dense(4), BN(name="bn"), L.ReLU())
    encoder.name = "encoder"
    a, b = keras.Input((4,)), keras.Input((4,))
    both = L.Concatenate()([encoder(a), encoder(b)])
    result = check(keras.Model([a, b], BN(name="last")(L.Dense(3)(both))))
    assert set(result.folded) == {"encoder/bn", "last"}
    assert result.folded["encoder/bn"].startswith("encoder/dense")


def test_residual_model_with_operations_in_its_graph():
    inputs = keras.Input((8, 8, 3))
    x = BN()(L.Conv2D(3, 3, padding="same")(inputs))
    x = keras.ops.relu(x) + inputs
    outputs = keras.ops.mean(L.Conv2D(4, 3)(BN()(x)), axis=(1, 2))
    assert len(check(keras.Model(inputs, outputs)).folded) == 2


def reasons():
    inputs = keras.Input((8,))
    dense, norm = L.Dense(8, name="dense"), BN()
    yield "activation inside", norm(L.Dense(4, activation="relu")(inputs)), inputs
    yield "axis", BN(axis=1)(L.Conv2D(8, 1)(i := keras.Input((8, 8, 3)))), i
    x = L.Dense(8)(inputs)
    yield "used elsewhere", L.Add()([BN()(x), x]), inputs
    yield "dense is shared", BN()(dense(inputs)) + dense(inputs * 2), inputs
    norm = BN()
    x = norm(L.Dense(8)(inputs)) + norm(L.Dense(8)(inputs))
    yield "shared", x, inputs
    yield "not linear", BN()(L.ReLU(name="relu")(inputs)), inputs
    yield "no layer of this model", BN()(inputs), inputs
    i = keras.Input((5, 3))
    x = L.TimeDistributed(L.Dense(4))(i)
    yield "TimeDistributed", L.TimeDistributed(BN())(x), i


@pytest.mark.parametrize(("reason", "outputs", "inputs"), list(reasons()))
def test_what_cannot_be_folded_is_kept_with_its_reason(reason, outputs, inputs):
    result = check(keras.Model(inputs, outputs))
    assert not result.folded
    assert all(reason in text for text in result.kept.values())


def test_result_saves_loads_and_stays_compiled(tmp_path):
    model = trained(stack((4,), L.Dense(5), BN(), L.Dense(2)))
    model.compile("sgd", "mse")
    folded = fold(model).model
    folded.save(tmp_path / "folded.keras")
    x = RNG.normal(size=(5, 4)).astype("float32")
    again = keras.models.load_model(tmp_path / "folded.keras")
    np.testing.assert_array_equal(again(x), folded(x))
    assert folded.evaluate(x, folded(x), verbose=0) == 0
    with pytest.warns(UserWarning, match="folded for inference"):
        folded.fit(x, x[:, :2], verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(x, x[:, :2], verbose=0)


def test_a_class_of_its_own_is_folded_only_if_it_is_the_same_map():
    @keras.saving.register_keras_serializable("test_fold")
    class Same(BN):
        pass

    @keras.saving.register_keras_serializable("test_fold")
    class Other(BN):
        def call(self, inputs, training=None, mask=None):
            return super().call(inputs, training=training, mask=mask) ** 2

    assert check(stack((4,), L.Dense(3), Same())).folded
    (reason,) = check(stack((4,), L.Dense(3), Other())).kept.values()
    assert "another map" in reason


def test_errors():
    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            self.norm = BN()

        def call(self, x):
            return self.norm(x)

    with pytest.raises(TypeError, match="Received: str"):
        fold("model.keras")
    with pytest.raises(ValueError, match="built"):
        fold(keras.Sequential([L.Dense(2), BN()]))
    model = Subclassed()
    model(np.ones((2, 3), "float32"))
    with pytest.raises(TypeError, match="Subclassed"):
        fold(model)
    model = stack((4,), L.Dense(2), BN(name="bn"))
    model.layers[1].moving_variance.assign([1, -1])
    with pytest.raises(ValueError, match=r"moving_variance of at least 0 in bn.*-1"):
        fold(model)
    model.layers[1].moving_variance.assign([1, np.nan])
    with pytest.raises(ValueError, match="finite values in bn"):
        fold(model)


@pytest.mark.slow
def test_a_network_of_the_applications():
    model = keras.applications.MobileNetV2(
        weights=None, input_shape=(64, 64, 3), classes=10
    )
    assert len(check(model, 1e-4).folded) == 52
