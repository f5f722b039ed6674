"""What is done to images before training."""

from dataclasses import replace

import numpy as np
import pytest

from bnteach import datasets
from bnteach.datasets import splits as data_splits


@pytest.fixture
def digits():
    return datasets.load("mnist5k")


def test_scaled_and_binarized_have_the_promised_values(digits):
    scaled, binary = digits.scaled(), digits.binarized()
    assert scaled.x_train.dtype == binary.x_test.dtype == np.float32
    np.testing.assert_allclose(scaled.x_test, digits.x_test / 255.0, rtol=1e-6)
    assert (scaled.x_train.min(), scaled.x_train.max()) == (0, 1)
    np.testing.assert_array_equal(binary.x_validation, digits.x_validation >= 128)
    assert digits.binarized(0).x_train.sum() == np.count_nonzero(digits.x_train)
    assert digits.x_train.dtype == np.uint8  # the old data set is as it was


@pytest.mark.parametrize("method", ["scaled", "binarized"])
def test_scaling_twice_is_refused(digits, method):
    with pytest.raises(ValueError, match=f"{method}.*uint8.*dtype=float32"):
        getattr(digits.scaled(), method)()


@pytest.mark.parametrize(
    ("per", "axis", "shape"),
    [("pixel", 0, (32, 32, 3)), ("channel", (0, 1, 2), (3,)), ("image set", None, ())],
)
def test_standardized_agrees_with_numpy(per, axis, shape):
    data = datasets.load("mnist_m").subset(train=1234)  # not a multiple of the chunk
    out = data.standardized(per)
    mean = data.x_train.astype(np.float64).mean(axis)
    std = data.x_train.astype(np.float64).std(axis)
    assert out.statistics.mean.shape == out.statistics.std.shape == shape
    np.testing.assert_allclose(out.statistics.mean, mean, rtol=1e-12)
    np.testing.assert_allclose(out.statistics.std, std, rtol=1e-12)
    for split in ("train", "validation", "test"):
        images = getattr(out, f"x_{split}")
        assert images.dtype == np.float32
        expected = (getattr(data, f"x_{split}") - mean) / std
        np.testing.assert_allclose(images, expected, rtol=1e-5, atol=1e-6)


def test_statistics_come_from_the_training_split_alone(digits):
    changed = replace(digits, x_test=255 - digits.x_test, x_validation=digits.x_test)
    assert changed.standardized().statistics.mean.sum() > 0
    np.testing.assert_array_equal(
        changed.standardized().statistics.std, digits.standardized().statistics.std
    )


def test_constant_pixels_become_zero_and_the_others_have_variance_one(digits):
    # a pixel that no training image lights may be lit in a test image
    digits = replace(digits, x_test=255 - digits.x_test)
    out = digits.standardized()
    constant = np.ptp(digits.x_train, axis=0) == 0
    assert digits.x_test[:, constant].min() == 255
    assert np.all(out.statistics.std[constant] == 0)
    for images in (out.x_train, out.x_validation, out.x_test):
        assert np.all(images[:, constant] == 0)
    variance = out.x_train.var(dtype=np.float64)
    assert variance == pytest.approx(1 - constant.mean(), rel=1e-6)
    assert out.x_train.mean(dtype=np.float64) == pytest.approx(0, abs=1e-6)


def test_constant_float_features_are_exactly_constant():
    # in float32 arithmetic the mean of these is not 0.1
    x = np.full((10_007, 2), 0.1, np.float32)
    x[:, 1] = np.arange(10_007)
    assert data_splits._statistics(x, "pixel").std[0] == 0


def test_standardized_refuses_what_it_cannot_do(digits):
    with pytest.raises(ValueError, match=r"per='row', x_train.shape=\(4000, 28, 28\)"):
        digits.standardized("row")
    with pytest.raises(ValueError, match=r"per='channel', x_train.shape=\(4000, 784\)"):
        digits.flattened().standardized("channel")


def test_flattened_and_subset(digits):
    small = digits.subset(train=7, test=0).flattened()
    assert small.x_train.shape == (7, 784)
    assert small.x_test.shape == (0, 784)
    assert (len(small.y_train), len(small.y_validation), len(small.y_test)) == (
        7,
        500,
        0,
    )
    np.testing.assert_array_equal(small.x_train[3], digits.x_train[3].ravel())
    with pytest.raises(
        ValueError, match=r"train from 0 to 4000 images. Received: 4001"
    ):
        digits.subset(train=4001)
    with pytest.raises(ValueError, match=r"test from 0 to 500 images. Received: -1"):
        digits.subset(test=-1)


def test_repr_is_one_readable_line(digits):
    assert repr(digits) == (
        "<Dataset mnist5k: 4000 / 500 / 500 train / validation / test images "
        "(28, 28) uint8, 10 classes, embedded>"
    )
