"""How far the layer's numbers are from those of float64, on every path."""

import numpy as np
import pytest
import tensorflow as tf
from accuracy_grid import MODES, PATHS, RATIOS, SHAPES, Path
from accuracy_grid import normal as normal_around
from layer_cases import assert_all_close, exact, normal, start, statistics, step

from bnteach.layers import BatchNormalization

Y_LIMIT, VARIANCE_LIMIT = 3e-4, 6e-4


@pytest.mark.parametrize("implementation", ["reference", "fused"])
@pytest.mark.parametrize(
    ("mean", "mode"),
    [
        *((mean, "graph") for mean in (0, 5, 9.9, 10.1, 100, 1e4, 1e6)),
        *((mean, mode) for mean in (0, 1e4) for mode in ("eager", "xla")),
    ],
)
def test_a_large_mean_costs_no_accuracy(mean, mode, implementation):
    x, dy = normal((16, 8, 8, 6), mean=mean), normal((16, 8, 8, 6), 1)
    layer = BatchNormalization(momentum=0.0, implementation=implementation)
    gamma, beta, *_ = start(layer, x.shape).get_weights()
    y, dx, dgamma, dbeta, batch_mean, variance = exact(x, dy, gamma, beta)
    got = step(layer, x, dy, mode=mode)
    assert_all_close(got[:2], (y, dx), rtol=0, atol=4e-5)
    assert_all_close(got[2:], (dgamma, dbeta), rtol=0, atol=2e-3)  # sums of 1024
    np.testing.assert_allclose(layer.moving_mean, batch_mean, rtol=2e-7, atol=2e-6)
    np.testing.assert_allclose(layer.moving_variance, variance, rtol=2e-5)


@pytest.mark.parametrize("implementation", ["reference", "fused"])
@pytest.mark.parametrize("mean", [0, 1e4, 1e6])
def test_inference_and_its_gradients_at_a_large_mean(mean, implementation):
    x, dy = normal((16, 8, 8, 6), mean=mean), normal((16, 8, 8, 6), 1)
    layer = start(BatchNormalization(implementation=implementation), x.shape)
    layer.moving_mean.assign(np.full(6, mean))
    gamma, beta, _, variance = layer.get_weights()
    inverse = 1 / np.sqrt(variance.astype("float64") + 1e-3)
    x_hat = (x.astype("float64") - mean) * inverse
    dgamma, dbeta = (v.reshape(-1, 6).sum(0) for v in (dy * x_hat, dy))
    for training in (False, True):
        layer.trainable = not training
        y, dx, *sums = step(layer, x, dy, training=training)
        assert_all_close((y, dx), (gamma * x_hat + beta, dy * gamma * inverse))
        assert_all_close(sums, (dgamma, dbeta), rtol=0, atol=1e-3)


def test_one_channel_far_from_zero_spoils_no_other():
    x, dy = normal((64, 4, 4, 3)), normal((64, 4, 4, 3), 1)
    x[..., 1] += 1e5
    layer = BatchNormalization(momentum=0.0, implementation="fused")
    gamma, beta, *_ = start(layer, x.shape).get_weights()
    wanted = exact(x, dy, gamma, beta)
    got = (*step(layer, x, dy), *statistics(layer))
    assert_all_close(got[:2], wanted[:2])
    assert_all_close(got[2:], wanted[2:], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("implementation", ["reference", "fused"])
def test_an_outlier_in_the_first_place_costs_little(implementation):
    x, dy = normal((4096, 2)), normal((4096, 2), 1)
    x[0] = 1e6
    layer = start(BatchNormalization(implementation=implementation), x.shape)
    y, dx, *_ = exact(x, dy, *layer.get_weights()[:2])
    # The outlier is sqrt(M) = 64 deviations from the mean of the others.
    assert_all_close(step(layer, x, dy)[:2], (y, dx), rtol=2e-5, atol=2e-4)


@pytest.mark.parametrize("mean", [0.0, 1e3])
@pytest.mark.parametrize("implementation", ["reference", "fused"])
def test_second_derivatives(implementation, mean):
    x, w, v = (tf.constant(normal((6, 3), seed)) for seed in range(3))
    layer = start(BatchNormalization(implementation=implementation), x.shape)

    def textbook(x):
        centered = x - tf.reduce_mean(x, 0)
        variance = tf.reduce_mean(centered**2, 0)
        gamma, beta = (tf.cast(p.value, x.dtype) for p in (layer.gamma, layer.beta))
        return gamma * centered / tf.sqrt(variance + 1e-3) + beta

    def second(normalize, x, dtype):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                loss = tf.reduce_sum(tf.cast(w, dtype) * normalize(x) ** 2)
            slope = tf.reduce_sum(tf.cast(v, dtype) * inner.gradient(loss, x))
        return outer.gradient(slope, x)

    x = x + mean
    got = tf.function(second)(lambda x: layer(x, training=True), x, tf.float32)
    wanted = second(textbook, tf.cast(x, tf.float64), tf.float64)
    np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-3)


# The contract: y within 3e-4 of the largest |y|, the moving variance within 6e-4 of it.
# What was measured is below 1e-5, so that a path that drops out is seen at once.
FEW = (1_000_000, 2)
IMAGES = (64, 28, 28, 64)


def assert_accurate(path, x, what):
    error = path.error(x)
    assert error.y <= Y_LIMIT, (what, error)
    assert error.variance <= VARIANCE_LIMIT, (what, error)


@pytest.mark.parametrize(
    ("shape", "path", "mode", "ratios"),
    [
        ((256, 4096, 1), "fused", "eager", (0, 1e4)),
        ((256, 4096, 1), "auto", "function", (10, 1e5)),
        ((1024, 1024, 1), "reference", "jit", (0, 1e2)),
        (FEW, "fused", "function", (0, 1e4)),
        (FEW, "masked", "eager", (0, 1e4)),
        (FEW, "masked", "jit", (1e5,)),
        (FEW, "synchronized", "function", (1, 1e4)),
        (FEW, "renorm", "function", (1e2, 1e5)),
        (FEW, "reference", "eager", (0, 1e5)),
        ((64, 56, 56, 8), "fused", "function", (0, 1, 10, 1e5)),
        ((64, 56, 56, 8), "synchronized", "jit", (1e4,)),
        (IMAGES, "auto", "function", (0, 1, 1e4)),
        (IMAGES, "fused", "jit", (1e2,)),
        ((4096, 1024), "fused", "eager", (0, 10, 1e4)),
        ((4096, 1024), "masked", "function", (1,)),
        ((256, 512), "fused", "function", RATIOS),
        ((256, 512), "renorm", "jit", RATIOS),
        ((5, 3), "reference", "function", RATIOS),
        ((5, 3), "fused", "eager", RATIOS),
        ((5, 3), "synchronized", "eager", RATIOS),
    ],
)
def test_output_and_variance_keep_the_contract(shape, path, mode, ratios):
    layer = Path(path, mode, shape)
    for ratio in ratios:
        assert_accurate(layer, normal_around(shape, ratio), ratio)


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_path_keeps_the_contract(shape, path, mode):
    layer, reference = Path(path, mode, shape), Path("reference", mode, shape)
    for ratio in RATIOS:
        assert_accurate(layer, normal_around(shape, ratio), ratio)
    if path == "renorm":
        return
    x = normal_around(shape, 1e6)
    for own, other in zip(layer.error(x), reference.error(x), strict=True):
        assert own <= other + 1e-5


def assert_constant_gives_beta(path, mode, shape, values):
    layer = Path(path, mode, shape)
    for value in values:
        if path == "renorm":
            layer.layer.renorm_mean.assign(np.full(shape[-1], value))
        y, variance = layer(np.full(shape, value, "float32"))
        assert np.abs(y).max() <= 1e-3, value
        assert float(variance.max()) <= 1e-6 * value**2, value


CONSTANTS = (0.0, 1e-3, 0.1, -3.7, 101325.1, -3e5, 1e30)


@pytest.mark.parametrize(
    ("path", "mode", "shape"),
    [
        ("fused", "function", (200_000, 2)),
        ("fused", "eager", (1024, 1024, 1)),
        ("masked", "function", (200_000, 2)),
        ("synchronized", "jit", (200_000, 2)),
        ("renorm", "function", (200_000, 2)),
        ("reference", "eager", (5, 3)),
    ],
)
def test_a_constant_gives_beta(path, mode, shape):
    assert_constant_gives_beta(path, mode, shape, CONSTANTS)


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_path_gives_beta_for_a_constant(shape, path, mode):
    assert_constant_gives_beta(path, mode, shape, CONSTANTS)


def test_air_pressure_in_one_channel():
    x = np.random.default_rng(0).normal(101325, 10, (256, 4096, 1)).astype("float32")
    layer = BatchNormalization(momentum=0.0)
    y = layer(x, training=True)
    values = x.astype("float64")
    wanted = (values - values.mean()) / np.sqrt(values.var() + 1e-3)
    np.testing.assert_allclose(layer.moving_variance, values.var(), rtol=1e-5)
    np.testing.assert_allclose(y, wanted, atol=1e-4)


@pytest.mark.parametrize("path", ["reference", "fused", "masked", "synchronized"])
def test_two_values_only(path):
    # All equally far from the mean: sums of their squares round the same way each time.
    x = np.where(normal((200_000, 2)) > 0, 0.8, -0.3).astype("float32")
    assert_accurate(Path(path, "function", x.shape), x, path)


@pytest.mark.parametrize("path", ["reference", "fused", "masked", "synchronized"])
@pytest.mark.parametrize("mode", ["eager", "function"])
def test_a_variance_too_large_for_float32_is_not_hidden(path, mode):
    x = normal((600, 3)) * np.array([1, 1e20, 1], "float32")
    y, variance = Path(path, mode, x.shape)(x)
    for values in (y[:, 1], variance[1]):
        assert np.isnan(values).all()
    for values in (y[:, ::2], variance[::2]):
        assert np.isfinite(values).all()
