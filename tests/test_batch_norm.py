"""The NumPy mathematics against independent oracles.

The oracles: the formula written out in float64 with np.mean and np.var, Keras's layer,
central differences, and identities that hold for any batch normalization.
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnteach import batch_norm, rows

BACKWARDS = [batch_norm.batch_norm_backward, batch_norm.batch_norm_backward_graph]
MEANS = [0, 2, 5, 7.5, 100, 1e4, 1e6]
ACCURACY = 5e-6  # worst difference from float64 that float32 output may have


def textbook(x, gamma, beta, epsilon=1e-3, axis=-1):
    """Write the formula out in float64: y, mean and variance."""
    x = np.asarray(x, np.float64)
    others = tuple(i for i in range(x.ndim) if i != axis % x.ndim)
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]
    mean = np.mean(x, axis=others, keepdims=True)
    variance = np.var(x, axis=others, keepdims=True)
    x_hat = (x - mean) / np.sqrt(variance + epsilon)
    y = np.reshape(gamma, shape) * x_hat + np.reshape(beta, shape)
    return y, mean.ravel(), variance.ravel()


def central_differences(function, array, h=1e-5):
    """Slope of a scalar function of array, one entry at a time."""
    slope = np.empty_like(array)
    for index in np.ndindex(array.shape):
        up, down = array.copy(), array.copy()
        up[index] += h
        down[index] -= h
        slope[index] = (function(up) - function(down)) / (2 * h)
    return slope


def relative_error(a, b):
    return np.max(np.abs(a - b)) / np.max(np.abs(a) + np.abs(b))


def draw(shape, axis=-1, seed=0, dtype=np.float64, mean=0.0):
    """Random x, gamma, beta and dy that fit each other."""
    rng = np.random.default_rng(seed)
    channels = shape[axis]
    x = (rng.standard_normal(shape) + mean).astype(dtype)
    gamma, beta = rng.uniform(0.5, 2, channels), rng.standard_normal(channels)
    return x, gamma, beta, rng.standard_normal(shape).astype(dtype)


@st.composite
def shapes_and_axes(draw_, least=1):
    """Shapes of rank 1 to 5 with an axis such that M is at least `least`."""
    shape = draw_(st.lists(st.integers(1, 4), min_size=1, max_size=5))
    axis = draw_(st.integers(-len(shape), len(shape) - 1))
    if math.prod(shape) // shape[axis] < least:
        shape.insert(0, least)
        axis = axis if axis < 0 else axis + 1
    return tuple(shape), axis, draw_(st.integers(0, 2**32 - 1))


# --- forward ---------------------------------------------------------------------


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


# --- accuracy --------------------------------------------------------------------


@pytest.mark.parametrize("mean", MEANS)
@pytest.mark.parametrize("shape", [(8, 3), (60, 100), (1000, 1), (64, 28, 28, 64)])
def test_float32_is_accurate_at_any_mean(shape, mean):
    x = np.random.default_rng(0).standard_normal(shape, np.float32) + np.float32(mean)
    ones, zeros = np.ones(shape[-1]), np.zeros(shape[-1])
    expected, _, _ = textbook(x, ones, zeros)
    y, cache = batch_norm.batch_norm_train(x, ones, zeros)
    assert y.dtype == np.float32
    assert np.max(np.abs(y - expected)) < ACCURACY
    y = batch_norm.batch_norm_inference(x, ones, zeros, cache.mean, cache.variance)
    assert np.max(np.abs(y - expected)) < ACCURACY


def outlier(x):
    x[0] = 1e6


def sorted_rows(x):
    x.sort(axis=0)


def jump(x):
    x[: len(x) // 2] += 1e4


def every_16th_row_differs(x):
    x[::16] += 1e4


def mostly_zero(x):
    np.maximum(x - 2, 0, out=x)


def black_and_white(x):
    x[...] = x > 1


@pytest.mark.parametrize(
    "spoil",
    [outlier, sorted_rows, jump, every_16th_row_differs, mostly_zero, black_and_white],
)
@pytest.mark.parametrize("shape", [(20_000, 8), (200_000, 1), (2000, 300)])
def test_float32_is_accurate_where_sums_or_the_first_estimate_are_poor(shape, spoil):
    x = np.random.default_rng(0).standard_normal(shape, np.float32)
    spoil(x)
    ones, zeros = np.ones(shape[1]), np.zeros(shape[1])
    y, _ = batch_norm.batch_norm_train(x, ones, zeros)
    expected, _, _ = textbook(x, ones, zeros)
    # relative to y: the outlier itself comes out at sqrt(M) standard deviations
    assert np.max(np.abs(y - expected) / (1 + np.abs(expected))) < ACCURACY


@pytest.mark.parametrize("backward", BACKWARDS)
@pytest.mark.parametrize("mean", MEANS)
def test_float32_gradients_are_accurate_at_any_mean(backward, mean):
    x, gamma, beta, dy = draw((512, 16), dtype=np.float32, mean=mean)
    exact = [a.astype(np.float64) for a in (x, gamma, beta, dy)]
    _, cache = batch_norm.batch_norm_train(*exact[:3])
    expected = batch_norm.batch_norm_backward_graph(exact[3], cache)
    _, cache = batch_norm.batch_norm_train(x, gamma, beta)
    for value, other in zip(backward(dy, cache), expected, strict=True):
        assert value.dtype == np.float32
        assert relative_error(value, other) < 1e-6


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_16_bit_input_is_computed_in_float32(name):
    import ml_dtypes  # brings bfloat16 to NumPy; comes with TensorFlow

    dtype = np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else np.float16)
    # the sum of these 300 values is above 65504, the largest float16
    x, gamma, beta, dy = draw((300, 4), dtype=dtype, mean=500)
    y, cache = batch_norm.batch_norm_train(x, gamma, beta)
    wide, wide_cache = batch_norm.batch_norm_train(x.astype(np.float32), gamma, beta)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, wide.astype(dtype))
    dx, dgamma, _ = batch_norm.batch_norm_backward(dy, cache)
    wide = batch_norm.batch_norm_backward(dy.astype(np.float32), wide_cache)
    assert (dx.dtype, dgamma.dtype) == (dtype, np.float32)
    np.testing.assert_array_equal(dx, wide[0].astype(dtype))
    args = gamma, beta, cache.mean, cache.variance
    assert batch_norm.batch_norm_inference(x, *args).dtype == dtype


# --- backward --------------------------------------------------------------------


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


# --- identities ------------------------------------------------------------------


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


# --- edge cases ------------------------------------------------------------------


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


# --- errors ----------------------------------------------------------------------

ONES = np.ones(3)


@pytest.mark.parametrize(
    ("x", "gamma", "beta", "keywords", "message"),
    [
        (np.ones(()), ONES, ONES, {}, r"at least 1 axis.*x.shape=\(\)"),
        (np.ones((0, 3)), ONES, ONES, {}, r"at least 1 value.*x.shape=\(0, 3\)"),
        (np.ones((2, 3)), ONES, ONES, {"axis": 2}, r"axis from -2 to 1.*axis=2.*2, 3"),
        (np.ones((2, 3)), ONES, ONES, {"axis": -3}, "axis from -2 to 1.*axis=-3"),
        (np.ones((2, 3)), ONES[:2], ONES, {}, r"gamma with shape \(3,\).*\(2,\)"),
        (np.ones((2, 3)), ONES, 0.0, {}, r"beta with shape \(3,\).*beta.shape=\(\)"),
        (np.ones((2, 3)), ONES, ONES, {"axis": 0}, r"gamma with shape \(2,\).*\(3,\)"),
        (np.ones((2, 3)), ONES, ONES, {"epsilon": 0}, "above 0.*epsilon=0.*variance 0"),
        (np.ones((2, 3)), ONES, ONES, {"epsilon": -1}, "above 0.*epsilon=-1"),
    ],
)
def test_wrong_values_are_named(x, gamma, beta, keywords, message):
    with pytest.raises(ValueError, match=message):
        batch_norm.batch_norm_train(x, gamma, beta, **keywords)


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, bool, complex])
def test_only_floating_input_is_taken(dtype):
    x = np.ones((2, 3), dtype)
    message = f"expected x of type float16.*x.dtype={x.dtype}"
    with pytest.raises(TypeError, match=message):
        batch_norm.batch_norm_train(x, ONES, ONES)
    with pytest.raises(TypeError, match=message):
        batch_norm.batch_norm_inference(x, ONES, ONES, ONES, ONES)
    _, cache = batch_norm.batch_norm_train(np.ones((2, 3)), ONES, ONES)
    for backward in BACKWARDS:
        with pytest.raises(TypeError, match=f"expected dy.*dy.dtype={x.dtype}"):
            backward(x, cache)


def test_wrong_statistics_are_named():
    x = np.ones((2, 3))
    with pytest.raises(ValueError, match=r"moving_mean with shape \(3,\).*\(4,\)"):
        batch_norm.batch_norm_inference(x, ONES, ONES, np.ones(4), ONES)
    with pytest.raises(ValueError, match=r"at least 0.*smallest moving_variance -1"):
        batch_norm.batch_norm_inference(x, ONES, ONES, ONES, -ONES)
    with pytest.raises(ValueError, match=r"above 0.*epsilon=0"):
        batch_norm.batch_norm_inference(x, ONES, ONES, ONES, 0 * ONES, epsilon=0)


@pytest.mark.parametrize("backward", BACKWARDS)
def test_dy_must_have_the_shape_of_x(backward):
    _, cache = batch_norm.batch_norm_train(np.ones((2, 3)), ONES, ONES)
    with pytest.raises(ValueError, match=r"the shape of x, \(2, 3\).*\(3, 2\)"):
        backward(np.ones((3, 2)), cache)


# --- statistics ------------------------------------------------------------------


@pytest.mark.parametrize("momentum", [0, 0.9, 0.99, 1])
def test_momentum_is_the_weight_of_the_old_value(momentum):
    moving, batch = np.array([1.0, -2.0]), np.array([5.0, 6.0])
    new = batch_norm.update_moving_average(moving, batch, momentum)
    np.testing.assert_allclose(new, batch + momentum * (moving - batch))
    np.testing.assert_array_equal(moving, [1.0, -2.0])


def test_wrong_moving_averages_are_named():
    with pytest.raises(ValueError, match=r"from 0 to 1.*momentum=1.5"):
        batch_norm.update_moving_average(ONES, ONES, 1.5)
    with pytest.raises(ValueError, match=r"one shape.*\(3,\).*\(2,\)"):
        batch_norm.update_moving_average(ONES, ONES[:2], 0.9)


def test_unbiased_variance_divides_by_one_less():
    x, gamma, beta, _ = draw((9, 4))
    _, cache = batch_norm.batch_norm_train(x, gamma, beta)
    corrected = batch_norm.unbiased_variance(cache.variance, cache.count)
    np.testing.assert_allclose(corrected, x.var(axis=0, ddof=1), rtol=1e-12)


def test_unbiased_variance_needs_two_values():
    with pytest.raises(ValueError, match=r"at least 2.*count=1"):
        batch_norm.unbiased_variance(ONES, 1)
