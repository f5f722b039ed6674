"""What the layer is told and keeps: arguments, weights, configuration, files."""

import keras
import numpy as np
import pytest
from layer_cases import TINY, normal, small_model, start

from bnteach.layers import BatchNormalization


@pytest.mark.parametrize(
    "options",
    [{}, {"scale": False}, {"center": False}, {"renorm": True}],
    ids=lambda options: "".join(options) or "default",
)
def test_weights_fit_keras_both_ways(options):
    ours = start(BatchNormalization(**options), (4, 3), seed=1)
    theirs = start(keras.layers.BatchNormalization(**options), (4, 3), seed=40)
    for one, other in zip(ours.weights, theirs.weights, strict=True):
        assert (one.name, one.shape) == (other.name, other.shape)
        assert one.trainable == other.trainable
    x = normal((4, 3))
    theirs.set_weights(ours.get_weights())
    np.testing.assert_allclose(theirs(x), ours(x), **TINY)
    start(theirs, (4, 3), seed=80)
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(ours(x), theirs(x), **TINY)


def test_saved_weights_fit_keras_both_ways(tmp_path):
    x = normal((5, 6, 6, 2))
    pair = (BatchNormalization, keras.layers.BatchNormalization)
    for one, other in (pair, pair[::-1]):
        source, target = small_model(one), small_model(other)
        for weight in target.weights:
            weight.assign(np.zeros(weight.shape))
        for name in ("model.keras", "model.weights.h5"):
            save = source.save if name == "model.keras" else source.save_weights
            save(tmp_path / name)
            target.load_weights(tmp_path / name)
            np.testing.assert_allclose(target(x), source(x), **TINY)


def test_a_saved_model_loads_without_help(tmp_path):
    model = small_model(
        BatchNormalization, moving_variance_estimator="unbiased", momentum=0.5
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.get_layer("norm")) is BatchNormalization
    assert loaded.get_layer("norm").moving_variance_estimator == "unbiased"
    x = normal((5, 6, 6, 2))
    np.testing.assert_array_equal(loaded(x), model(x))


def test_a_model_changes_from_keras_layers_to_ours():
    model = small_model(keras.layers.BatchNormalization, momentum=0.5, axis=2)

    def exchange(layer):
        own = isinstance(layer, keras.layers.BatchNormalization)
        kind = BatchNormalization if own else type(layer)
        return kind.from_config(layer.get_config())

    ours = keras.models.clone_model(model, clone_function=exchange)
    ours.set_weights(model.get_weights())
    layer = ours.get_layer("norm")
    assert type(layer) is BatchNormalization
    assert (layer.momentum, layer.axis) == (0.5, 2)
    x = normal((5, 6, 6, 2))
    np.testing.assert_allclose(ours(x), model(x), **TINY)


def test_config_round_trip():
    options = {
        "axis": 1,
        "momentum": 0.3,
        "epsilon": 0.2,
        "center": True,
        "scale": True,
        "beta_initializer": keras.initializers.Constant(2.0),
        "gamma_initializer": keras.initializers.Constant(3.0),
        "moving_mean_initializer": keras.initializers.Constant(4.0),
        "moving_variance_initializer": keras.initializers.Constant(9.0),
        "beta_regularizer": keras.regularizers.L2(0.1),
        "gamma_regularizer": keras.regularizers.L1(0.2),
        "beta_constraint": keras.constraints.NonNeg(),
        "gamma_constraint": keras.constraints.MaxNorm(0.5),
        "renorm": True,
        "renorm_clipping": {"rmax": 3.0, "rmin": 0.5, "dmax": 2.0},
        "renorm_momentum": 0.4,
        "synchronized": True,
    }
    theirs = keras.layers.BatchNormalization(name="bn", **options).get_config()
    own = {"moving_variance_estimator": "unbiased", "implementation": "reference"}
    layer = BatchNormalization(name="bn", **options, **own)
    assert layer.get_config() == {**theirs, **own}
    assert BatchNormalization.from_config(layer.get_config()).get_config() == (
        layer.get_config()
    )
    assert keras.saving.get_registered_name(BatchNormalization) == (
        "bnteach>BatchNormalization"
    )
    layer.build((2, 3, 4))
    assert [float(w[0]) for w in layer.get_weights()] == [3, 2, 4, 9, 3, 4, 3]


def test_regularizers_and_constraints_are_at_work():
    options = {
        "gamma_initializer": keras.initializers.Constant(-3.0),
        "beta_initializer": keras.initializers.Constant(2.0),
        "gamma_regularizer": keras.regularizers.L2(0.5),
        "beta_regularizer": keras.regularizers.L1(0.25),
        "gamma_constraint": keras.constraints.NonNeg(),
        "beta_constraint": keras.constraints.NonNeg(),
    }
    layer = BatchNormalization(**options)
    layer.build((4, 2))
    assert [float(loss) for loss in layer.losses] == [0.5 * 2 * 9, 0.25 * 2 * 2]
    optimizer = keras.optimizers.SGD(1.0)
    optimizer.apply([np.zeros(2), np.full(2, 5.0)], layer.trainable_variables)
    np.testing.assert_array_equal(layer.gamma, [0, 0])
    np.testing.assert_array_equal(layer.beta, [0, 0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"momentum": 1.5}, r"from 0 to 1.*momentum=1\.5"),
        ({"momentum": -0.1}, r"from 0 to 1.*momentum=-0\.1"),
        ({"momentum": float("nan")}, r"from 0 to 1.*momentum=nan"),
        ({"momentum": None}, r"from 0 to 1.*momentum=None"),
        ({"momentum": "0.9"}, r"from 0 to 1.*momentum='0\.9'"),
        ({"epsilon": None}, r"at least 0.*epsilon=None"),
        ({"epsilon": float("nan")}, r"at least 0.*epsilon=nan"),
        ({"axis": None}, r"one integer.*axis=None"),
        ({"axis": (1,)}, r"one integer.*axis=\(1,\)"),
        ({"axis": float("inf")}, r"one integer.*axis=inf"),
        ({"axis": 1.7}, r"one integer.*axis=1\.7"),
        ({"dtype": "int32"}, r"dtype of float16.*dtype='int32'"),
        (
            {"renorm": True, "renorm_clipping": {"rmax": float("nan")}},
            r"rmax should be a non-negative number.*rmax=nan",
        ),
        ({"renorm": True, "renorm_clipping": {"rmax": -1}}, r"non-negative.*rmax=-1"),
        ({"renorm": True, "renorm_clipping": {"rmin": "0"}}, r"rmin='0'"),
        ({"renorm": True, "renorm_clipping": [1]}, r"dict or None.*\[1\]"),
        ({"renorm_momentum": 2}, r"from 0 to 1.*renorm_momentum=2"),
        ({"epsilon": -1e-3}, r"at least 0.*epsilon=-0\.001"),
        ({"axis": [-1]}, r"one integer.*axis=\[-1\]"),
        ({"implementation": "quick"}, r"auto, reference, fused.*'quick'"),
        ({"moving_variance_estimator": "n-1"}, r"biased, unbiased.*'n-1'"),
        ({"renorm": True, "renorm_clipping": {"r": 1}}, r"invalid keys.*'r': 1"),
        (
            {"renorm": True, "renorm_clipping": {"rmax": 0, "rmin": 1}},
            r"rmax=0, rmin=1",
        ),
        ({"renorm": True, "renorm_clipping": {"dmax": -2}}, r"non-negative.*dmax=-2"),
    ],
)
def test_constructor_refuses_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        BatchNormalization(**options)


@pytest.mark.parametrize(
    ("axis", "shape", "message"),
    [
        (2, (4, 3), r"from -2 to 1.*axis=2, inputs\.shape=\(4, 3\)"),
        (-4, (4, 3, 2), r"from -3 to 2.*axis=-4, inputs\.shape=\(4, 3, 2\)"),
        (-1, (4,), r"at least 2 axes.*inputs\.shape=\(4,\)"),
        (-1, (), r"at least 2 axes.*inputs\.shape=\(\)"),
        (-1, (4, None), r"known size along axis -1.*\(4, None\)"),
    ],
)
def test_shapes_that_cannot_be_normalized(axis, shape, message):
    layer = BatchNormalization(axis=axis)
    with pytest.raises(ValueError, match=message):
        layer.build(shape)


def test_a_built_layer_refuses_other_shapes():
    layer = start(BatchNormalization(), (4, 3))
    with pytest.raises(ValueError, match=r"expected ndim=2, found ndim=3"):
        layer(np.zeros((4, 2, 3)))
    with pytest.raises(ValueError, match=r"have value 3.*shape \(4, 2\)"):
        layer(np.zeros((4, 2)))


@pytest.mark.parametrize("mask_shape", [(4, 6), (4,), (4, 5, 3), (2, 5)])
@pytest.mark.parametrize("training", [True, False])
def test_a_mask_that_does_not_fit(mask_shape, training):
    layer = BatchNormalization()
    with pytest.raises(ValueError) as error:
        layer(np.zeros((4, 5, 3)), mask=np.ones(mask_shape), training=training)
    assert "expected mask to have shape (4, 5)" in str(error.value)
    assert f"mask.shape={mask_shape}, inputs.shape=(4, 5, 3)" in str(error.value)


def test_other_backends_are_refused(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ValueError, match=r"run on TensorFlow.*'jax'"):
        BatchNormalization()
