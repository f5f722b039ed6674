"""The functions and the layer, against Keras's layer, NumPy and single rules."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from layer_cases import (
    IMPLEMENTATIONS,
    SHAPES_AND_AXES,
    TINY,
    assert_all_close,
    normal,
    small_model,
    spec,
    start,
    statistics,
    step,
)

from bnteach import batch_norm
from bnteach.layers import (
    BatchNormalization,
    batch_moments,
    batch_normalize,
    update_moving_average,
)


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


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
@pytest.mark.parametrize(
    "options",
    [
        {"implementation": "reference"},
        {"implementation": "fused"},
        {"renorm": True},
        {"synchronized": True, "moving_variance_estimator": "unbiased"},
    ],
    ids=lambda options: next(iter(options)) + str(next(iter(options.values()))),
)
def test_an_empty_batch_changes_nothing(options, mode, known):
    layer = start(BatchNormalization(**options), (4, 3))
    before = layer.get_weights()

    def call(x):
        return layer(x, training=True)

    if mode != "eager":
        signature = [spec(0 if known else None, 3)]
        call = tf.function(call, signature, jit_compile=mode == "xla")
    assert call(tf.zeros((0, 3))).shape == (0, 3)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert layer(np.zeros((0, 3), "float32")).shape == (0, 3)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_no_channels_give_no_output(implementation):
    layer = BatchNormalization(implementation=implementation)
    for training in (True, False):
        assert layer(np.zeros((3, 0), "float32"), training=training).shape == (3, 0)


@pytest.mark.parametrize(
    "call", [batch_moments, lambda x: batch_normalize(x, 0.0, 1.0, None, None)]
)
def test_functions_refuse_integers(call):
    with pytest.raises(TypeError, match=r"expected x of a floating type.*int32"):
        call([[1], [2], [4]])


def test_batch_moments_at_a_large_mean():
    x = normal((200_000, 2), mean=1e5)
    mean, variance = batch_moments(x)
    np.testing.assert_allclose(mean, x.astype("float64").mean(0), rtol=1e-7)
    np.testing.assert_allclose(variance, x.astype("float64").var(0), rtol=1e-5)


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
