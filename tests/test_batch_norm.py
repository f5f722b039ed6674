"""The NumPy mathematics against independent oracles.

The oracles: the formula written out in float64 with np.mean and np.var, Keras's layer,
central differences, and identities that hold for any batch normalization.
"""

import numpy as np
import pytest
from batch_norm_cases import (
    BACKWARDS,
    central_differences,
    draw,
    relative_error,
    shapes_and_axes,
    textbook,
)
from hypothesis import given, settings

from bnteach import batch_norm, rows


@given(shapes_and_axes())
@settings(deadline=None)
def test_train_equals_textbook_for_any_shape_and_axis(case):
    shape, axis, seed = case
    x, gamma, beta, _ = draw(shape, axis, seed)
    y, cache = batch_norm.batch_norm_train(x, gamma, beta, axis=axis)
    expected, mean, variance = textbook(x, gamma, beta, axis=axis)
    assert y.shape == x.shape
    assert cache.count == x.size // shape[axis]
    np.testing.assert_allclose(y, expected, atol=1e-10)
    np.testing.assert_allclose(cache.mean, mean, atol=1e-12)
    np.testing.assert_allclose(cache.variance, variance, atol=1e-12)


@given(shapes_and_axes())
@settings(deadline=None)
def test_inference_is_the_formula_for_any_shape_and_axis(case):
    shape, axis, seed = case
    x, gamma, beta, _ = draw(shape, axis, seed)
    rng = np.random.default_rng(seed + 1)
    mean, variance = rng.standard_normal(shape[axis]), rng.uniform(0, 2, shape[axis])
    y = batch_norm.batch_norm_inference(
        x, gamma, beta, mean, variance, epsilon=0.1, axis=axis
    )
    last = np.moveaxis(x, axis, -1)
    expected = gamma * (last - mean) / np.sqrt(variance + 0.1) + beta
    np.testing.assert_allclose(np.moveaxis(y, axis, -1), expected, atol=1e-12)


def test_training_is_inference_with_the_statistics_of_the_batch():
    x, gamma, beta, _ = draw((7, 3))
    y, cache = batch_norm.batch_norm_train(x, gamma, beta)
    again = batch_norm.batch_norm_inference(x, gamma, beta, cache.mean, cache.variance)
    np.testing.assert_allclose(y, again, atol=1e-14)


@pytest.mark.parametrize(
    ("shape", "axis"), [((32, 5), -1), ((4, 6, 7, 3), -1), ((4, 3, 6, 7), 1)]
)
def test_equals_keras_layer(shape, axis):
    import keras

    x, gamma, beta, _ = draw(shape, axis, dtype=np.float32, mean=0.5)
    layer = keras.layers.BatchNormalization(axis=axis, momentum=0.9, epsilon=1e-2)
    layer.build(shape)
    layer.gamma.assign(gamma)
    layer.beta.assign(beta)

    y, cache = batch_norm.batch_norm_train(x, gamma, beta, 1e-2, axis)
    keras_y = keras.ops.convert_to_numpy(layer(x, training=True))
    np.testing.assert_allclose(y, keras_y, atol=1e-5)

    zeros, ones = np.zeros(shape[axis]), np.ones(shape[axis])
    mean = batch_norm.update_moving_average(zeros, cache.mean, 0.9)
    variance = batch_norm.update_moving_average(ones, cache.variance, 0.9)
    np.testing.assert_allclose(layer.moving_mean.numpy(), mean, atol=1e-6)
    np.testing.assert_allclose(layer.moving_variance.numpy(), variance, atol=1e-6)

    y = batch_norm.batch_norm_inference(x, gamma, beta, mean, variance, 1e-2, axis)
    keras_y = keras.ops.convert_to_numpy(layer(x, training=False))
    np.testing.assert_allclose(y, keras_y, atol=1e-5)


@pytest.mark.parametrize("backward", BACKWARDS)
@given(case=shapes_and_axes(least=3))
@settings(deadline=None, max_examples=25)
def test_gradients_equal_central_differences(backward, case):
    shape, axis, seed = case
    x, gamma, beta, dy = draw(shape, axis, seed)

    def loss(x, gamma, beta):
        y, _ = batch_norm.batch_norm_train(x, gamma, beta, 0.1, axis)
        return np.sum(y * dy)

    _, cache = batch_norm.batch_norm_train(x, gamma, beta, 0.1, axis)
    dx, dgamma, dbeta = backward(dy, cache)
    assert dx.shape == x.shape
    slope = central_differences(lambda value: loss(value, gamma, beta), x)
    assert relative_error(dx, slope) < 1e-7
    slope = central_differences(lambda value: loss(x, value, beta), gamma)
    assert relative_error(dgamma, slope) < 1e-7
    slope = central_differences(lambda value: loss(x, gamma, value), beta)
    assert relative_error(dbeta, slope) < 1e-7


@given(shapes_and_axes())
@settings(deadline=None)
def test_closed_form_equals_graph(case):
    shape, axis, seed = case
    x, gamma, beta, dy = draw(shape, axis, seed)
    _, cache = batch_norm.batch_norm_train(x, gamma, beta, axis=axis)
    closed, graph = (backward(dy, cache) for backward in BACKWARDS)
    for a, b in zip(closed, graph, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-10)


@pytest.mark.parametrize("block_values", [1, 7, 64])
def test_results_do_not_depend_on_the_size_of_the_blocks(monkeypatch, block_values):
    x, gamma, beta, dy = draw((50, 3))
    y, cache = batch_norm.batch_norm_train(x, gamma, beta)
    expected = batch_norm.batch_norm_backward(dy, cache)
    monkeypatch.setattr(rows, "BLOCK_VALUES", block_values)
    again, cache = batch_norm.batch_norm_train(x, gamma, beta)
    np.testing.assert_allclose(again, y, atol=1e-12)
    for a, b in zip(batch_norm.batch_norm_backward(dy, cache), expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


@pytest.mark.parametrize("backward", BACKWARDS)
def test_dx_sums_to_zero_over_the_batch(backward):
    x, gamma, beta, dy = draw((50, 4))
    _, cache = batch_norm.batch_norm_train(x, gamma, beta)
    np.testing.assert_allclose(backward(dy, cache)[0].sum(axis=0), 0, atol=1e-12)


@pytest.mark.parametrize("backward", BACKWARDS)
@pytest.mark.parametrize("epsilon", [0, 1e-3, 1.0])
def test_dx_is_orthogonal_to_x_hat_up_to_epsilon(backward, epsilon):
    x, gamma, beta, dy = draw((50, 4))
    _, cache = batch_norm.batch_norm_train(x, gamma, beta, epsilon)
    dx, dgamma, _ = backward(dy, cache)
    x_hat = (x - cache.mean) / cache.std
    left = gamma / cache.std * dgamma * epsilon / (cache.variance + epsilon)
    np.testing.assert_allclose((dx * x_hat).sum(axis=0), left, atol=1e-12)


@pytest.mark.parametrize("a", [0.1, 10.0, 1000.0])
def test_scaling_the_weights_changes_nothing_but_the_gradient(a):
    rng = np.random.default_rng(0)
    inputs, weights = rng.standard_normal((40, 6)), rng.standard_normal((6, 4))
    _, gamma, beta, dy = draw((40, 4))
    y, cache = batch_norm.batch_norm_train(inputs @ weights, gamma, beta, 0)
    scaled, scaled_cache = batch_norm.batch_norm_train(
        inputs @ (a * weights), gamma, beta, 0
    )
    np.testing.assert_allclose(scaled, y, atol=1e-12)
    slope = inputs.T @ batch_norm.batch_norm_backward(dy, cache)[0]
    scaled_slope = inputs.T @ batch_norm.batch_norm_backward(dy, scaled_cache)[0]
    np.testing.assert_allclose(scaled_slope, slope / a, rtol=1e-9)


@pytest.mark.parametrize("backward", BACKWARDS)
def test_gradient_of_the_sum_of_outputs_is_zero(backward):
    x, gamma, beta, dy = draw((30, 4))
    _, cache = batch_norm.batch_norm_train(x, gamma, beta)
    np.testing.assert_allclose(backward(np.ones_like(dy), cache)[0], 0, atol=1e-13)


def test_gamma_and_beta_can_undo_the_normalization():
    x, _, _, _ = draw((30, 4), mean=3)
    _, mean, variance = textbook(x, np.ones(4), np.zeros(4))
    y, _ = batch_norm.batch_norm_train(x, np.sqrt(variance + 1e-3), mean)
    np.testing.assert_allclose(y, x, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [0.0, 0.1, -3.7, 1e6 + 0.1, 1e-30])
def test_constant_feature_gives_beta(dtype, value):
    x, gamma, beta, dy = draw((1001, 3), dtype=dtype)
    x[:, 1] = value
    beta = beta.astype(dtype)
    y, cache = batch_norm.batch_norm_train(x, gamma, beta)
    np.testing.assert_array_equal(y[:, 1], beta[1])
    assert cache.variance[1] == 0
    for backward in BACKWARDS:
        assert all(np.isfinite(part).all() for part in backward(dy, cache))


@pytest.mark.parametrize("shape", [(1, 3), (3,)])
def test_batch_of_one_gives_beta_and_no_gradient(shape):
    x, gamma, beta, dy = draw(shape)
    y, cache = batch_norm.batch_norm_train(x, gamma, beta)
    np.testing.assert_array_equal(y.ravel(), beta)
    for backward in BACKWARDS:
        np.testing.assert_array_equal(backward(dy, cache)[0], np.zeros(shape))


def test_one_image_is_normalized_over_its_positions():
    x, gamma, beta, _ = draw((1, 5, 5, 3))
    y, cache = batch_norm.batch_norm_train(x, gamma, beta)
    assert cache.count == 25
    np.testing.assert_allclose(y, textbook(x, gamma, beta)[0], atol=1e-12)


@pytest.mark.parametrize(
    "view",
    [
        np.asfortranarray,
        lambda x: np.repeat(x, 2, axis=0)[::2],
        lambda x: np.ascontiguousarray(x[::-1])[::-1],
        lambda x: np.ascontiguousarray(x.transpose(2, 1, 0)).transpose(2, 1, 0),
        lambda x: x.astype(x.dtype.newbyteorder()),
    ],
    ids=["Fortran", "every second row", "reversed", "transposed", "foreign byte order"],
)
def test_memory_layout_does_not_matter(view):
    x, gamma, beta, dy = draw((6, 4, 3))
    y, cache = batch_norm.batch_norm_train(x, gamma, beta)
    other, other_cache = batch_norm.batch_norm_train(view(x), gamma, beta)
    np.testing.assert_array_equal(y, other)
    dx, _, _ = batch_norm.batch_norm_backward(dy, cache)
    other, _, _ = batch_norm.batch_norm_backward(view(dy), other_cache)
    np.testing.assert_array_equal(dx, other)


def test_arguments_are_left_as_they_are():
    given_ = draw((6, 3))
    x, gamma, beta, dy = (array.copy() for array in given_)
    _, cache = batch_norm.batch_norm_train(x, gamma, beta)
    for backward in BACKWARDS:
        backward(dy, cache)
    batch_norm.batch_norm_inference(x, gamma, beta, cache.mean, cache.variance)
    for array, original in zip((x, gamma, beta, dy), given_, strict=True):
        np.testing.assert_array_equal(array, original)


def test_nan_stays_in_its_channel():
    x, gamma, beta, _ = draw((6, 3))
    expected, _ = batch_norm.batch_norm_train(x, gamma, beta)
    x[2, 0] = np.nan
    y, _ = batch_norm.batch_norm_train(x, gamma, beta)
    assert np.isnan(y[:, 0]).all()
    np.testing.assert_array_equal(y[:, 1:], expected[:, 1:])


def test_empty_shapes_that_have_an_answer():
    none = np.empty(0)
    y, cache = batch_norm.batch_norm_train(np.empty((4, 0)), none, none)
    assert y.shape == (4, 0)
    assert batch_norm.batch_norm_backward(y, cache)[0].shape == (4, 0)
    ones = np.ones(3)
    y = batch_norm.batch_norm_inference(np.empty((0, 3)), ones, ones, ones, ones)
    assert y.shape == (0, 3)
