"""How far the NumPy functions are from wider arithmetic, at any mean and size."""

import numpy as np
import pytest
from batch_norm_cases import BACKWARDS, draw, relative_error, textbook

from bnteach import batch_norm

MEANS = [0, 2, 5, 7.5, 100, 1e4, 1e6]


ACCURACY = 5e-6  # worst difference from float64 that float32 output may have


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


@pytest.mark.parametrize("backward", BACKWARDS)
@pytest.mark.parametrize("mean", [0, 1e4, 1e6, 1e8, -1e8])
def test_float64_is_accurate_at_any_mean(backward, mean):
    x, gamma, beta, dy = draw((4096, 4), mean=mean)
    wide = x.astype(np.longdouble) - x[0].astype(np.longdouble)  # exact: no mean left
    centered = wide - wide.mean(0)
    std = np.sqrt(np.square(centered).mean(0) + np.longdouble(1e-3))
    x_hat = centered / std
    dgamma = (dy * x_hat).sum(0)
    dx = gamma / std * (dy - dy.mean(0, np.longdouble) - x_hat * dgamma / len(x))
    y, cache = batch_norm.batch_norm_train(x, gamma, beta)
    got = (y, *backward(dy, cache)[:2])
    for value, other in zip(got, (gamma * x_hat + beta, dx, dgamma), strict=True):
        assert np.abs(value - other).max() < 1e-13 * np.abs(other).max()


def test_the_cache_tells_the_mean():
    x, gamma, beta, _ = draw((50, 3), mean=7)
    _, cache = batch_norm.batch_norm_train(x, gamma, beta)
    np.testing.assert_allclose(cache.mean, x.mean(0), rtol=1e-15)
    np.testing.assert_array_equal(cache.near_mean + cache.offset, cache.mean)


@pytest.mark.parametrize("size", [1e16, 1e19, 1e25, 1e36])
def test_squares_that_no_float32_holds(size):
    x, gamma, beta, dy = draw((3000, 2), dtype=np.float32)
    x[:, 1] *= np.float32(size)
    y, cache = batch_norm.batch_norm_train(x, gamma, beta)
    expected, _, variance = textbook(x, gamma, beta)
    np.testing.assert_allclose(y, expected, atol=ACCURACY)
    np.testing.assert_allclose(cache.variance, variance, rtol=1e-5)
    for backward in BACKWARDS:
        assert all(np.isfinite(part).all() for part in backward(dy, cache))


def test_squares_that_no_float64_holds_are_not_hidden():
    x, gamma, beta, _ = draw((30, 2))
    x[:, 1] *= 1e200
    y, _ = batch_norm.batch_norm_train(x, gamma, beta)
    assert np.isfinite(y[:, 0]).all()
    assert np.isnan(y[:, 1]).all()
