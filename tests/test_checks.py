"""What the NumPy functions refuse, and how they say it."""

import numpy as np
import pytest
from batch_norm_cases import BACKWARDS

from bnteach import batch_norm, checks

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


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"epsilon": float("nan")}, "epsilon to be a finite number.*epsilon=nan"),
        ({"epsilon": float("inf")}, "epsilon to be a finite number.*epsilon=inf"),
        ({"epsilon": None}, "epsilon to be a finite number.*epsilon=None"),
        ({"epsilon": "1e-3"}, "epsilon to be a finite number.*epsilon='1e-3'"),
        ({"axis": None}, "axis to be one integer.*axis=None"),
        ({"axis": (0, 1)}, r"axis to be one integer.*axis=\(0, 1\)"),
        ({"axis": 1.0}, r"axis to be one integer.*axis=1\.0"),
        ({"axis": True}, "axis to be one integer.*axis=True"),
    ],
)
def test_arguments_of_another_kind_are_named(keywords, message):
    x = np.ones((2, 3))
    with pytest.raises(ValueError, match=message):
        batch_norm.batch_norm_train(x, ONES, ONES, **keywords)
    with pytest.raises(ValueError, match=message):
        batch_norm.batch_norm_inference(x, ONES, ONES, ONES, ONES, **keywords)


@pytest.mark.parametrize("value", [2, np.int64(2), np.float32(2), np.array(2.0)])
def test_numbers_of_every_kind_are_taken(value):
    assert checks.check_number("size", value, 0, 3) == 2.0


@pytest.mark.parametrize("value", [None, "2", True, [2], np.ones(1), 2j, 10**400])
def test_what_is_no_number_is_named(value):
    with pytest.raises(ValueError, match="expected size to be a number from 0 to 3"):
        checks.check_number("size", value, 0, 3)
