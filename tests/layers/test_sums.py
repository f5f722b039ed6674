"""Long sums of float32, against float64 and against TensorFlow's own."""

import numpy as np
import pytest
import tensorflow as tf
from layer_cases import normal

from bnteach.layers.sums import channel_sums

# values of which each is rounded the same way when it is added
ALIKE = np.full((1_000_000, 2), 0.1234567, "float32")


@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((1_000_000, 2), -1),
        ((2, 1_000_000), 0),
        ((1, 2, 1000, 1000), 1),
        ((1000, 2, 1000), -2),
        ((1, 1000, 1000, 2), 3),
        ((1_000_003, 2), 1),
    ],
)
def test_values_that_are_alike(shape, axis, mode):
    x = np.full(shape, ALIKE[0, 0])

    def add_up(x):
        return channel_sums(x, axis)

    if mode != "eager":
        add_up = tf.function(add_up, jit_compile=mode == "xla")
    wanted = ALIKE[0, 0].astype("float64") * (x.size // 2)
    np.testing.assert_allclose(add_up(tf.constant(x)), [wanted] * 2, rtol=3e-5)


def test_a_plain_sum_would_be_off():
    # What the tests above are for: if this ceases to hold, the module may go.
    plain = tf.function(lambda x: tf.reduce_sum(x, 0), jit_compile=True)(ALIKE.T[0])
    assert abs(plain / ALIKE.T[0].astype("float64").sum() - 1) > 1e-4


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    ("shape", "axis"),
    [((5, 3), 1), ((0, 3), 1), ((1025, 3), 1), ((3, 700), 0), ((9, 3, 11, 13), 1)],
)
def test_equals_numpy_with_and_without_known_sizes(shape, axis, known):
    x = normal(shape)
    sizes = [n if known or i == axis else None for i, n in enumerate(shape)]

    @tf.function(input_signature=[tf.TensorSpec(sizes)])
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(channel_sums(x, axis) * tf.constant([1.0, 2, 3]))
        return channel_sums(x, axis), tape.gradient(total, x)

    others = tuple(i for i in range(x.ndim) if i != axis)
    sums, slope = run(x)
    np.testing.assert_allclose(sums, x.sum(others), atol=1e-4)
    slope = np.moveaxis(slope, axis, -1)
    np.testing.assert_array_equal(slope, np.broadcast_to([1, 2, 3], slope.shape))
