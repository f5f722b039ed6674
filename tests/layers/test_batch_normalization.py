"""The layer and its functions, against Keras's layer, NumPy and single rules."""

import json
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf

from bnteach import batch_norm
from bnteach.layers import fused
from bnteach.layers.batch_normalization import (
    BatchNormalization,
    batch_moments,
    batch_normalize,
    update_moving_average,
)

IMPLEMENTATIONS = ("auto", "reference", "fused")
TINY = {"rtol": 2e-5, "atol": 2e-5}  # float32 rounding of numbers of size 1 to 10
SHAPES_AND_AXES = (
    ((32, 5), -1),
    ((32, 5), 1),
    ((7, 6), 0),
    ((6, 4, 5), 1),
    ((6, 4, 5), 2),
    ((4, 5, 6, 3), -1),
    ((4, 3, 5, 6), 1),
    ((4, 5, 6, 3), -2),
    ((3, 2, 4, 3, 2), -1),
    ((2, 3, 2, 2, 3, 2), 1),
)


def normal(shape, seed=0, mean=0.0, std=1.0, dtype="float32"):
    return np.random.default_rng(seed).normal(mean, std, shape).astype(dtype)


def start(layer, shape, seed=5):
    """Build the layer and give every weight a value of its own."""
    if not layer.built:
        layer.build(shape)
    for number, weight in enumerate(layer.weights):
        weight.assign(1 + 0.5 * np.abs(normal(weight.shape, seed + number)))
    return layer


def step(layer, x, dy, *, training=True, mode="graph", **call):
    """Return y and the gradients of sum(dy * y) for x, gamma and beta."""

    def run(x, dy):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=training, **call)
        wanted = [x, *(v.value for v in (layer.gamma, layer.beta) if v is not None)]
        return [y, *tape.gradient(y, wanted, output_gradients=dy)]

    if mode != "eager":
        run = tf.function(run, jit_compile=mode == "xla")
    return [value.numpy() for value in run(tf.constant(x), tf.constant(dy))]


def statistics(layer):
    return layer.moving_mean.numpy(), layer.moving_variance.numpy()


def assert_all_close(got, wanted, **tolerance):
    assert len(got) == len(wanted)
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_allclose(one, other, **(tolerance or TINY))


def exact(x, dy, gamma, beta, epsilon=1e-3):
    """Textbook formulas in float64, channels last: y, dx, dgamma, dbeta, mean, var."""
    rows = x.astype("float64").reshape(-1, x.shape[-1])
    dy = dy.astype("float64").reshape(rows.shape)
    mean, variance = rows.mean(0), rows.var(0)
    inverse = 1 / np.sqrt(variance + epsilon)
    x_hat = (rows - mean) * inverse
    dx = gamma * inverse * (dy - dy.mean(0) - x_hat * (dy * x_hat).mean(0))
    y, dx = ((v).reshape(x.shape) for v in (gamma * x_hat + beta, dx))
    return y, dx, (dy * x_hat).sum(0), dy.sum(0), mean, variance


# The functions


@pytest.mark.parametrize(("shape", "axis"), SHAPES_AND_AXES)
def test_functions_equal_numpy(shape, axis):
    x = normal(shape, mean=2, std=3)
    channels = shape[axis]
    gamma, beta = normal(channels, 1), normal(channels, 2)
    y, cache = batch_norm.batch_norm_train(x, gamma, beta, epsilon=0.1, axis=axis)
    mean, variance = batch_moments(x, axis)
    assert_all_close((mean, variance), (cache.mean, cache.variance))
    got = batch_normalize(x, mean, variance, gamma, beta, 0.1, axis)
    np.testing.assert_allclose(got, y, **TINY)
    plain = batch_normalize(x, mean, variance, None, None, 0.1, axis)
    others = tuple(i for i in range(x.ndim) if i != axis % x.ndim)
    np.testing.assert_allclose(np.mean(plain, others), np.zeros(channels), atol=1e-5)


@pytest.mark.parametrize("variable", [tf.Variable, keras.Variable])
def test_update_moving_average_weights_the_old_value(variable):
    moving = variable([10.0, -1.0])
    update_moving_average(moving, tf.constant([0.0, 1.0]), momentum=0.9)
    np.testing.assert_allclose(moving.numpy(), [9.0, -0.8], rtol=1e-6)


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
def test_batch_moments_of_16_bits_do_not_overflow(dtype):
    x = tf.cast([[60000.0], [-60000.0]], dtype)
    _, variance = batch_moments(x)
    assert variance.dtype == tf.float32
    np.testing.assert_allclose(variance, [float(x[0, 0]) ** 2], rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: batch_moments(np.zeros(3)), r"at least 2 axes.*x\.shape=\(3,\)"),
        (lambda: batch_moments(np.zeros((3, 2)), 2), r"-2 to 1 .*axis=2, .*\(3, 2\)"),
        (lambda: batch_moments(np.zeros((3, 2)), [0]), r"one integer.*axis=\[0\]"),
        (
            lambda: batch_normalize(np.zeros((3, 2)), 0.0, 1.0, None, None, 0.1, -3),
            r"-2 to 1 .*axis=-3",
        ),
        (
            lambda: update_moving_average(tf.Variable([1.0]), [1.0], 1.01),
            r"from 0 to 1.*momentum=1\.01",
        ),
    ],
)
def test_functions_refuse_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# The layer against Keras's and against NumPy


@pytest.mark.parametrize("implementation", ["reference", "fused"])
@pytest.mark.parametrize(("shape", "axis"), SHAPES_AND_AXES)
def test_equals_keras_over_several_steps(shape, axis, implementation):
    options = {"axis": axis, "momentum": 0.7, "epsilon": 0.01}
    ours = BatchNormalization(implementation=implementation, **options)
    theirs = keras.layers.BatchNormalization(**options)
    start(ours, shape), start(theirs, shape)
    for number in range(4):
        x = normal(shape, number, mean=number, std=1 + number)
        dy = normal(shape, 10 + number)
        mode = "eager" if number == 0 else "graph"
        assert_all_close(step(ours, x, dy, mode=mode), step(theirs, x, dy, mode=mode))
        assert_all_close(statistics(ours), statistics(theirs))
    x = normal(shape, 20, mean=1)
    assert_all_close(
        step(ours, x, dy, training=False), step(theirs, x, dy, training=False)
    )


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("shape", [(64, 3, 4), (256, 512)])
def test_equals_numpy_over_several_steps(shape, implementation):
    layer = start(
        BatchNormalization(momentum=0.8, implementation=implementation), shape
    )
    gamma, beta, mean, variance = (np.array(w) for w in layer.get_weights())
    for number in range(5):
        x, dy = normal(shape, number, mean=3), normal(shape, 10 + number)
        y, cache = batch_norm.batch_norm_train(x, gamma, beta)
        wanted = (y, *batch_norm.batch_norm_backward(dy, cache))
        assert_all_close(step(layer, x, dy), wanted, rtol=2e-5, atol=1e-4)
        mean = batch_norm.update_moving_average(mean, cache.mean, 0.8)
        variance = batch_norm.update_moving_average(variance, cache.variance, 0.8)
        assert_all_close(statistics(layer), (mean, variance))
    wanted = batch_norm.batch_norm_inference(x, gamma, beta, mean, variance)
    np.testing.assert_allclose(layer(x), wanted, **TINY)


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


# Which way the layer takes


def kernels(layer, x, training=True, jit_compile=False, **call):
    """Count fused kernels in the graph of one call, forward pass only."""
    function = tf.function(
        lambda x: layer(x, training=training, **call), jit_compile=jit_compile
    )
    graph = function.get_concrete_function(x).graph
    return sum(op.type == "FusedBatchNormV3" for op in graph.get_operations())


def spec(*shape, dtype="float32"):
    return tf.TensorSpec(shape, dtype)


@pytest.mark.parametrize(
    ("shape", "training", "expected"),
    [
        ((60, 100), True, 0),
        ((256, 512), True, 1),
        ((256, 511), True, 0),
        ((None, 14, 14, 16), True, 1),  # an unknown batch counts as 64
        ((None, 100), True, 0),
        ((256, 512), False, 0),
        ((512, 512), False, 1),
        ((None, 28, 28, 64), False, 1),
    ],
)
def test_auto_takes_the_kernel_for_large_inputs(shape, training, expected):
    assert kernels(BatchNormalization(), spec(*shape), training) == expected
    assert fused.is_faster(
        tf.TensorShape(shape), "training" if training else "inference"
    ) == bool(expected)


def test_implementation_overrules_size():
    assert kernels(BatchNormalization(implementation="fused"), spec(6, 3)) == 1
    assert kernels(BatchNormalization(implementation="reference"), spec(512, 512)) == 0


@pytest.mark.parametrize(
    ("options", "call", "shape"),
    [
        ({"axis": 1}, {}, (4, 3, 5)),
        ({"synchronized": True}, {}, (4, 3)),
        ({"renorm": True}, {}, (4, 3)),
        ({"dtype": "float64"}, {}, (4, 3)),
        ({}, {"mask": np.ones((4, 3))}, (4, 3, 5)),
        ({}, {"jit_compile": True}, (4, 3)),
    ],
)
def test_what_the_kernel_cannot_take_goes_the_reference_way(options, call, shape):
    layer = BatchNormalization(implementation="fused", **options)
    assert kernels(layer, spec(*shape, dtype=layer.compute_dtype), **call) == 0


# Single rules


@pytest.mark.parametrize("implementation", ["reference", "fused"])
@pytest.mark.parametrize(("estimator", "divisor"), [("biased", 40), ("unbiased", 39)])
def test_moving_variance_estimator(estimator, divisor, implementation):
    layer = BatchNormalization(
        momentum=0.0,
        moving_variance_estimator=estimator,
        implementation=implementation,
    )
    x = normal((10, 4, 3), std=2)
    y = layer(x, training=True)
    rows = x.astype("float64").reshape(-1, 3)
    squares = ((rows - rows.mean(0)) ** 2).sum(0)
    np.testing.assert_allclose(layer.moving_variance, squares / divisor, rtol=1e-6)
    # Whatever is remembered, the batch is normalized with the variance over M.
    np.testing.assert_allclose(
        np.var(y, (0, 1)), squares / 40 / (squares / 40 + 1e-3), rtol=1e-5
    )


@pytest.mark.parametrize("estimator", ["biased", "unbiased"])
@pytest.mark.parametrize("implementation", ["reference", "fused"])
def test_a_batch_of_one_value_gives_beta_and_variance_0(implementation, estimator):
    layer = BatchNormalization(
        momentum=0.5, moving_variance_estimator=estimator, implementation=implementation
    )
    start(layer, (1, 3))
    beta, variance = layer.beta.numpy(), layer.moving_variance.numpy()
    np.testing.assert_allclose(layer(np.full((1, 3), 7.0), training=True)[0], beta)
    np.testing.assert_allclose(layer.moving_variance, variance / 2, rtol=1e-6)


@pytest.mark.parametrize("implementation", ["reference", "fused"])
def test_momentum_0_makes_inference_repeat_training(implementation):
    layer = BatchNormalization(momentum=0.0, implementation=implementation)
    x = normal((50, 4), mean=3, std=2)
    before = layer(x, training=False)
    trained = layer(x, training=True)
    assert np.abs(before - trained).max() > 1
    np.testing.assert_allclose(layer(x, training=False), trained, **TINY)


def test_momentum_weights_the_old_value():
    x = np.array([[1.0, 10.0], [3.0, 30.0]], "float32")  # means 2, 20; variances 1, 100
    layer = BatchNormalization(momentum=0.9)
    layer(x, training=True)
    np.testing.assert_allclose(layer.moving_mean, [0.2, 2.0], rtol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, [1.0, 10.9], rtol=1e-6)
    still = BatchNormalization(momentum=1.0)
    still(x, training=True)
    np.testing.assert_array_equal(still.moving_mean, [0.0, 0.0])
    np.testing.assert_array_equal(still.moving_variance, [1.0, 1.0])


@pytest.mark.parametrize("training", [False, None])
def test_inference_changes_nothing_and_mixes_no_examples(training):
    layer = start(BatchNormalization(), (5, 3))
    weights = layer.get_weights()
    x = normal((5, 3))
    together = layer(x, training=training)
    alone = np.concatenate([layer(x[i : i + 1], training=training) for i in range(5)])
    np.testing.assert_allclose(together, alone, rtol=1e-6)
    gamma, beta, mean, variance = weights
    wanted = gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta
    np.testing.assert_allclose(together, wanted, **TINY)
    for old, new in zip(weights, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("implementation", ["reference", "fused"])
def test_a_frozen_layer_is_in_inference_mode(implementation):
    layer = start(BatchNormalization(implementation=implementation), (5, 3))
    layer.trainable = False
    assert len(layer.trainable_weights) == 0
    assert len(layer.non_trainable_weights) == 4
    x, weights = normal((5, 3)), layer.get_weights()
    np.testing.assert_array_equal(layer(x, training=True), layer(x, training=False))
    for old, new in zip(weights, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    layer.trainable = True
    assert len(layer.trainable_weights) == 2
    layer(x, training=True)
    assert np.abs(layer.moving_mean - weights[2]).max() > 1e-3


def test_training_may_be_a_tensor():
    layer = start(BatchNormalization(momentum=0.5), (5, 3))
    same = start(BatchNormalization(momentum=0.5), (5, 3))
    x, traces = normal((5, 3)), []

    @tf.function
    def call(x, training):
        traces.append(1)
        return layer(x, training=training)

    for training in (True, False, True):
        got = call(x, tf.constant(training))
        np.testing.assert_allclose(got, same(x, training=training), rtol=1e-6)
        assert_all_close(statistics(layer), statistics(same))
    assert len(traces) == 1
    np.testing.assert_allclose(layer(x, training=tf.constant(False)), same(x))


def test_an_empty_batch_is_told_as_keras_tells_it():
    for implementation in ("reference", "fused"):
        layer = BatchNormalization(implementation=implementation)
        assert layer(np.zeros((0, 3), "float32"), training=True).shape == (0, 3)
        assert np.isnan(layer.moving_mean).all()
        assert layer(np.zeros((0, 3), "float32")).shape == (0, 3)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_sizes_may_be_unknown(implementation):
    layer = start(BatchNormalization(implementation=implementation), (None, None, 3))
    same = start(keras.layers.BatchNormalization(), (None, None, 3))
    call = tf.function(
        lambda x: layer(x, training=True), input_signature=[spec(None, None, 3)]
    )
    for shape in ((4, 5, 3), (2, 7, 3)):
        x = normal(shape)
        y = call(x)
        np.testing.assert_allclose(y, same(x, training=True), **TINY)
        assert_all_close(statistics(layer), statistics(same))
    assert call.get_concrete_function().structured_outputs.shape[-1] == 3


# Masks


@pytest.mark.parametrize(
    ("shape", "axis", "mask_shape"),
    [
        ((6, 4), -1, (6,)),
        ((6, 5, 3), -1, (6, 5)),
        ((6, 5, 3), 1, (6, 5)),
        ((3, 4, 5, 2), -1, (3, 4, 1)),
        ((3, 4, 5, 2), -1, (1, 4, 5)),
    ],
)
def test_mask_equals_keras(shape, axis, mask_shape):
    mask = np.random.default_rng(3).random(mask_shape) < 0.6
    x, dy = normal(shape, mean=2), normal(shape, 1)
    options = {"axis": axis, "momentum": 0.6}
    ours = start(BatchNormalization(**options), shape)
    theirs = start(keras.layers.BatchNormalization(**options), shape)
    for _ in range(2):
        assert_all_close(step(ours, x, dy, mask=mask), step(theirs, x, dy, mask=mask))
        assert_all_close(statistics(ours), statistics(theirs))


def test_masked_values_do_not_count():
    x = normal((8, 5, 1), mean=4)  # a single channel, too
    mask = np.arange(5) < np.array([[5], [3], [1], [0], [2], [5], [4], [2]])
    x[~mask] = np.nan
    layer = BatchNormalization(momentum=0.0, moving_variance_estimator="unbiased")
    y = layer(x, training=True, mask=mask).numpy()
    kept = x[mask].astype("float64")
    np.testing.assert_allclose(layer.moving_mean, kept.mean(0), rtol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, kept.var(0, ddof=1), rtol=1e-5)
    wanted = (kept - kept.mean(0)) / np.sqrt(kept.var(0) + 1e-3)
    np.testing.assert_allclose(y[mask], wanted, **TINY)


@pytest.mark.parametrize("estimator", ["biased", "unbiased"])
def test_all_values_masked(estimator):
    layer = BatchNormalization(moving_variance_estimator=estimator)
    y = layer(np.zeros((4, 5)), training=True, mask=np.zeros(4))
    np.testing.assert_array_equal(y, np.zeros((4, 5)))
    np.testing.assert_allclose(layer.moving_variance, np.full(5, 0.99), rtol=1e-6)


def test_mask_passes_through_a_model():
    x = np.repeat([[[1.0, 5], [2, 5], [0, 0], [0, 0]]], 10, 0).astype("float32")
    layer = BatchNormalization(momentum=0.0)
    model = keras.Sequential([keras.layers.Masking(), layer, keras.layers.LSTM(2)])
    model.compile("sgd", "mse")
    model.fit(x, np.zeros((10, 2)), epochs=1, verbose=0)
    np.testing.assert_allclose(layer.moving_mean, [1.5, 5], rtol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, [0.25, 0], atol=1e-6)


# Types


@pytest.mark.parametrize("implementation", ["reference", "fused"])
@pytest.mark.parametrize(
    "dtype", ["mixed_float16", "mixed_bfloat16", "float16", "bfloat16", "float64"]
)
def test_types(dtype, implementation):
    layer = BatchNormalization(momentum=0.5, dtype=dtype, implementation=implementation)
    theirs = keras.layers.BatchNormalization(momentum=0.5, dtype=dtype)
    kind = dtype.removeprefix("mixed_")
    x = tf.cast(normal((64, 6), std=5, mean=1), kind)
    y, wanted = layer(x, training=True), theirs(x, training=True)
    assert y.dtype == wanted.dtype == kind
    np.testing.assert_allclose(
        tf.cast(y, "float32"), tf.cast(wanted, "float32"), rtol=1e-2, atol=1e-2
    )
    least = "float64" if dtype == "float64" else "float32"
    assert layer.moving_mean.dtype == layer.moving_variance.dtype == least
    assert layer.gamma.dtype == theirs.gamma.dtype
    values = tf.cast(x, "float64").numpy()
    np.testing.assert_allclose(layer.moving_mean, values.mean(0) / 2, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, values.var(0) / 2 + 0.5, 1e-5)


@pytest.mark.parametrize("dtype", ["mixed_float16", "float16"])
def test_float16_does_not_overflow(dtype):
    x = np.array([[60000.0, 1.0], [-60000.0, 3.0]] * 4, "float16")
    layer = BatchNormalization(momentum=0.0, dtype=dtype)
    y = layer(x, training=True)
    np.testing.assert_allclose(layer.moving_variance, [3.6e9, 1.0], rtol=1e-3)
    np.testing.assert_allclose(y[:2], [[1, -1], [-1, 1]], rtol=2e-3)
    np.testing.assert_allclose(layer(x)[:2], [[1, -1], [-1, 1]], rtol=2e-3)


def test_integers_are_normalized_as_numbers():
    y = BatchNormalization()(np.array([[1], [3]]), training=True)
    np.testing.assert_allclose(y, [[-0.9995], [0.9995]], rtol=1e-4)


# Weights, configuration and files


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


def small_model(layer_class, **options):
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            keras.layers.Conv2D(4, 3, name="conv"),
            layer_class(name="norm", **options),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dense(2, name="dense"),
        ]
    )
    for number, weight in enumerate(model.weights):
        weight.assign(0.1 + np.abs(normal(weight.shape, number)))
    return model


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


def test_random_initial_deviations_are_drawn_anew():
    layer = BatchNormalization(
        renorm=True,
        moving_variance_initializer=keras.initializers.RandomUniform(1, 2, seed=3),
    )
    layer.build((None, 4))
    root = np.sqrt(layer.moving_variance.numpy())
    np.testing.assert_allclose(layer.moving_stddev, root, rtol=1e-6)
    np.testing.assert_allclose(layer.renorm_stddev, root, rtol=1e-6)


@pytest.mark.parametrize("clipping", [None, {"rmax": 1.1, "rmin": 0.9, "dmax": 0.3}])
def test_renorm_equals_keras(clipping):
    options = {
        "renorm": True,
        "renorm_clipping": clipping,
        "renorm_momentum": 0.8,
        "momentum": 0.7,
    }
    ours = start(BatchNormalization(**options), (16, 3))
    theirs = start(keras.layers.BatchNormalization(**options), (16, 3))
    for number in range(3):
        x, dy = normal((16, 3), number, mean=1, std=2), normal((16, 3), 9)
        assert_all_close(step(ours, x, dy), step(theirs, x, dy))
        assert_all_close(ours.get_weights(), theirs.get_weights())


# In models and programs


def test_output_spec_and_symbolic_call():
    layer = BatchNormalization(dtype="mixed_float16")
    inputs = keras.Input((None, 4), dtype="float16")
    output = layer.compute_output_spec(inputs, training=True)
    assert (output.shape, output.dtype) == ((None, None, 4), "float16")
    assert layer(inputs).shape == (None, None, 4)
    assert layer.compute_output_shape((None, 7, 4)) == (None, 7, 4)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_fit_equals_keras(jit_compile):
    x, y = normal((96, 6, 6, 2), mean=3), normal((96, 2), 1)
    histories, moving = [], []
    for layer_class in (BatchNormalization, keras.layers.BatchNormalization):
        model = small_model(layer_class, momentum=0.8)
        optimizer = keras.optimizers.SGD(1e-3)
        model.compile(optimizer, "mse", jit_compile=jit_compile)
        histories.append(
            model.fit(x, y, batch_size=40, epochs=3, verbose=0, shuffle=False).history
        )
        moving.append(statistics(model.get_layer("norm")))
        histories[-1]["evaluation"] = model.evaluate(x, y, verbose=0)
    assert histories[0]["loss"][-1] < histories[0]["loss"][0]
    for name in ("loss", "evaluation"):
        np.testing.assert_allclose(histories[0][name], histories[1][name], rtol=1e-4)
    assert_all_close(*moving, rtol=1e-4)


def test_stateless_call_leaves_the_layer_alone():
    layer = start(BatchNormalization(momentum=0.5), (8, 3))
    before, x = layer.get_weights(), normal((8, 3), mean=2)
    trainable = [v.value for v in layer.trainable_variables]
    state = [v.value for v in layer.non_trainable_variables]
    y, state = layer.stateless_call(trainable, state, x, training=True)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_allclose(layer(x, training=True), y, rtol=1e-6)
    assert_all_close(statistics(layer), state)


def test_export_serves_the_same_numbers(tmp_path):
    model = small_model(BatchNormalization, implementation="fused")
    model.export(tmp_path / "served", verbose=False)
    served = tf.saved_model.load(str(tmp_path / "served"))
    x = normal((5, 6, 6, 2))
    np.testing.assert_allclose(served.serve(x), model(x), **TINY)
    np.testing.assert_allclose(served.serve(x[:1]), model(x[:1]), **TINY)


REPLICAS = """
    import json
    import keras
    import numpy as np
    import tensorflow as tf
    from bnteach.layers.batch_normalization import BatchNormalization

    cpu = tf.config.list_physical_devices("CPU")[0]
    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, two)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(2, 8, 3)).astype("float32")
    x[4:] = 3 * x[4:] + 1000

    def run(synchronized, masked):
        with strategy.scope():
            layer = BatchNormalization(momentum=0.0, synchronized=synchronized)
            layer.build((None, 3))

        def one(x, dy):
            mask = tf.constant([True, True, True, False]) if masked else None
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x, training=True, mask=mask)
            return y, tape.gradient(y, x, output_gradients=dy)

        def half(values):
            return strategy.experimental_distribute_values_from_function(
                lambda context: tf.constant(
                    np.split(values, 2)[context.replica_id_in_sync_group]
                )
            )

        y, dx = tf.function(lambda a, b: strategy.run(one, (a, b)))(half(x), half(dy))
        local = strategy.experimental_local_results
        mean, variance = (
            [value.numpy().tolist() for value in local(moving.value)]
            for moving in (layer.moving_mean, layer.moving_variance)
        )
        return {
            "mean": mean,
            "variance": variance,
            "y": np.concatenate(local(y)).tolist(),
            "dx": np.concatenate(local(dx)).tolist(),
        }

    ways = {
        "joint": (True, False),
        "joint, masked": (True, True),
        "apart": (False, False),
        "apart, masked": (False, True),
    }
    results = {name: run(*how) for name, how in ways.items()}

    with strategy.scope():
        layer = BatchNormalization(momentum=0.0, synchronized=True)
        model = keras.Sequential([keras.Input((3,)), layer, keras.layers.Dense(1)])
        model.compile("sgd", "mse")
    model.fit(x, dy[:, :1], batch_size=8, epochs=1, verbose=0)
    results["fit"] = layer.moving_mean.numpy().tolist()
    print("RESULT", json.dumps({**results, "x": x.tolist(), "dy": dy.tolist()}))
"""


@pytest.fixture(scope="module")
def replicas():
    """Run the layer on two logical processors, in a process of their own."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(REPLICAS)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT")]
    assert done.returncode == 0, done.stderr[-3000:]
    assert lines, done.stdout
    return json.loads(lines[0].removeprefix("RESULT"))


@pytest.mark.slow
def test_synchronized_replicas_share_the_joined_batch(replicas):
    x, dy = np.array(replicas["x"]), np.array(replicas["dy"])
    y, dx, _, _, mean, variance = exact(x, dy, np.ones(3), np.zeros(3))
    for replica in range(2):
        np.testing.assert_allclose(replicas["joint"]["mean"][replica], mean, rtol=1e-6)
        np.testing.assert_allclose(
            replicas["joint"]["variance"][replica], variance, rtol=1e-5
        )
    np.testing.assert_allclose(replicas["joint"]["y"], y, **TINY)
    np.testing.assert_allclose(replicas["joint"]["dx"], dx, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(replicas["fit"], mean, rtol=1e-6)


@pytest.mark.slow
def test_synchronized_replicas_respect_masks(replicas):
    got = replicas["joint, masked"]
    kept = np.delete(np.array(replicas["x"]), [3, 7], axis=0)
    for mean, variance in zip(got["mean"], got["variance"], strict=True):
        assert_all_close((mean, variance), (kept.mean(0), kept.var(0)), rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("way", "kept"), [("apart", 4), ("apart, masked", 3)])
def test_replicas_that_are_not_synchronized_keep_their_own(replicas, way, kept):
    halves = np.split(np.array(replicas["x"]), 2)
    for replica, half in enumerate(halves):
        got = replicas[way]["mean"][replica], replicas[way]["variance"][replica]
        wanted = half[:kept].mean(0), half[:kept].var(0)
        assert_all_close(got, wanted, rtol=1e-5)


def test_synchronized_on_one_device_is_plain():
    x, dy = normal((8, 3), mean=2), normal((8, 3), 1)
    one, other = (
        start(BatchNormalization(synchronized=flag), x.shape) for flag in (True, False)
    )
    assert_all_close(step(one, x, dy), step(other, x, dy))
    assert_all_close(statistics(one), statistics(other))


# Bad input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"momentum": 1.5}, r"from 0 to 1.*momentum=1\.5"),
        ({"momentum": -0.1}, r"from 0 to 1.*momentum=-0\.1"),
        ({"momentum": float("nan")}, r"from 0 to 1.*momentum=nan"),
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
