"""Correct answers pass, however they are written."""

import types

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from right_answers import (
    RIGHT,
    axes_of,
    backward_package,
    forward_axes,
    forward_package,
)

from bnteach import batch_norm
from bnteach.exercises import EXERCISES, backward, check, fold, forward, inference
from bnteach.exercises.moving_average import solve

ANSWERS = [(name, answer) for name, answers in RIGHT.items() for answer in answers]


def label(pair):
    name, answer = pair
    return f"{name}-{getattr(answer, '__name__', type(answer).__name__)}"


@pytest.mark.parametrize(("name", "answer"), ANSWERS, ids=map(label, ANSWERS))
def test_right_answer_passes(name, answer):
    result = check(name, answer)
    assert result.status == "right", result.message


def test_answers_may_return_tensors_of_jax():
    import jax.numpy as jnp

    def answer(*arguments):
        return jnp.asarray(forward_axes(*arguments))  # float32

    assert check("batch-norm-forward", answer).status == "right"


@pytest.mark.slow
def test_answers_may_return_tensors_of_tensorflow():
    import tensorflow as tf

    def with_tape(dy, x, gamma, epsilon):
        x, gamma = tf.Variable(x), tf.Variable(gamma)
        beta = tf.Variable(tf.zeros_like(gamma))
        with tf.GradientTape() as tape:
            mean, variance = tf.nn.moments(x, axes_of(x))
            y = tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon)
            loss = tf.reduce_sum(dy * y)
        return tape.gradient(loss, [x, gamma, beta])

    assert check("batch-norm-backward", with_tape).status == "right"


def test_a_tensor_that_tracks_its_gradient_is_detached_first():
    class Tensor:  # the part of PyTorch's interface that matters here
        def __init__(self, array, tracked=True):
            self.array, self.tracked = array, tracked

        def detach(self):
            return types.SimpleNamespace(cpu=lambda: Tensor(self.array, False))

        def __array__(self, dtype=None, copy=None):
            assert not self.tracked
            return self.array

    def answer(*arguments):
        return Tensor(forward_axes(*arguments))

    assert check("batch-norm-forward", answer).status == "right"


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 5), st.data())
def test_what_is_taken_for_right_is_what_the_package_computes(seed, channels, data):
    shape = (*data.draw(st.lists(st.integers(2, 4), min_size=1, max_size=3)), channels)
    rng = np.random.default_rng(seed)
    given = forward.arguments(rng, shape)
    (y,) = forward.solve(**given)
    np.testing.assert_allclose(y, forward_package(**given), atol=1e-10)
    given = inference.arguments(rng, shape)
    (y,) = inference.solve(**given)
    np.testing.assert_allclose(y, batch_norm.batch_norm_inference(**given), atol=1e-10)
    given = backward.arguments(rng, shape)
    for ours, theirs in zip(
        backward.solve(**given), backward_package(**given), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-10)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 5))
def test_a_folded_layer_gives_what_the_two_layers_give(seed, inputs, channels):
    rng = np.random.default_rng(seed)
    given = fold.arguments(rng, inputs, channels)
    kernel, bias = fold.solve(**given)
    u = rng.normal(size=(4, inputs))
    layer, offset, gamma, beta, mean, variance, epsilon = given.values()
    two = batch_norm.batch_norm_inference(
        u @ layer + offset, gamma, beta, mean, variance, epsilon
    )
    np.testing.assert_allclose(u @ kernel + bias, two, atol=1e-10)


def test_examine_finds_the_planted_faults_under_the_codes_that_are_asked_for():
    from bnteach.diagnostics import examine
    from bnteach.exercises.planted_models import RIGHT, models

    found = {letter: examine(model).codes for letter, model in models().items()}
    assert found == {letter: (code,) for letter, code in RIGHT.items()}


def test_the_mended_fold_is_that_of_a_transposed_convolution():
    import keras

    from bnteach.exercises.fold_transposed import solve

    rng = np.random.default_rng(0)
    kernel, bias = rng.normal(size=(3, 3, 4, 2)), rng.normal(size=4)
    gamma, beta, mean = rng.normal(size=(3, 4))
    variance, x = rng.uniform(0.5, 2, 4), rng.normal(size=(2, 5, 5, 2))
    rest = gamma, beta, mean, variance, 0.1
    before = keras.ops.conv_transpose(x.astype("float32"), kernel.astype("float32"))
    two = batch_norm.batch_norm_inference(np.asarray(before) + bias, *rest)
    kernel, bias = solve(kernel, bias, *rest)
    one = keras.ops.conv_transpose(x.astype("float32"), kernel.astype("float32"))
    np.testing.assert_allclose(np.asarray(one) + bias, two, atol=1e-4)


def test_count_is_that_of_keras():
    import keras

    net = keras.Sequential([keras.Input((20,))])
    for units in (8, 6):
        net.add(keras.layers.Dense(units, use_bias=False))
        net.add(keras.layers.BatchNormalization())
    net.add(keras.layers.Dense(3))
    trained = sum(int(np.prod(v.shape)) for v in net.trainable_variables)
    right = EXERCISES["count-weights"].answer.right
    assert [net.count_params(), trained] == list(right)


def test_recipes_that_freeze_are_those_that_the_exercise_names():
    from bnteach.exercises.freezing import X, Y, recipes

    held = set()
    for letter, (model, bn) in recipes().items():
        before = bn.moving_mean.numpy().copy()
        model.fit(X, Y, batch_size=32, verbose=0)
        if np.array_equal(before, bn.moving_mean.numpy()):
            held.add(letter)
    assert held == EXERCISES["which-recipes-freeze"].answer.right


def test_renormalize_is_the_layer_of_keras():
    import keras

    from bnteach.exercises.keras_usage import renormalize

    rng = np.random.default_rng(1)
    x, mean = rng.normal(2, 3, (6, 4)), rng.normal(size=4)
    stddev = np.array([0.5, 2.0, 3.0, 6.0])
    limits = {"rmin": 1 / 1.5, "rmax": 1.5, "dmax": 0.8}
    layer = keras.layers.BatchNormalization(renorm=True, renorm_clipping=limits)
    layer.build(x.shape)
    layer.renorm_mean.assign(mean)
    layer.renorm_stddev.assign(stddev)
    y = layer(x.astype("float32"), training=True)
    ones, zeros = np.ones(4), np.zeros(4)
    (expected,) = renormalize(x, ones, zeros, mean, stddev, 1e-3, 1.5, 0.8)
    np.testing.assert_allclose(np.asarray(y), expected, atol=1e-4)


def test_moving_average_is_that_of_the_package():
    old, new = np.array([1.0, -2.0]), np.array([3.0, 5.0])
    (expected,) = solve(old, new, 0.75)
    ours = batch_norm.update_moving_average(old, new, 0.75)
    np.testing.assert_allclose(ours, expected)


FIXED = (
    "batch-norm-forward",
    "batch-norm-backward",
    "moving-average",
    "batch-norm-inference",
    "fold-dense",
)


def test_every_exercise_has_right_answers_and_the_fixed_ones_five():
    assert set(RIGHT) == set(EXERCISES)
    assert min(len(RIGHT[name]) for name in FIXED) >= 5
