"""Healthy models that draw at random, compile their own calls, or share layers.

And faults in such models, which must be found all the same.
"""

import keras
import numpy as np
import pytest
from small_models import L, compiled, digits, fit, functional, mlp, norm, norms

from bnteach.diagnostics import examine, recalibrate

ops = keras.ops


def quiet(model, data=None):
    for report in (
        examine(model),
        examine(model, data or digits(), batch_size=32, max_batches=8),
    ):
        assert report.ok, str(report)


class Depth(L.Layer):
    """Stochastic depth: leaves whole examples of a branch out, half of the time."""

    def __init__(self, **options):
        super().__init__(**options)
        self.seeds = keras.random.SeedGenerator(3)

    def call(self, x, training=None):
        if not training:
            return x
        shape = (ops.shape(x)[0], *[1] * (len(x.shape) - 1))
        kept = keras.random.uniform(shape, seed=self.seeds) < 0.5
        return 2 * x * ops.cast(kept, x.dtype)


def stochastic_depth(x):
    x = L.Dense(16)(L.Flatten()(x))
    for _ in range(6):
        branch = L.Dense(16)(L.ReLU()(norm()(x)))
        x = L.Add()([x, Depth()(branch)])
    return L.Dense(10)(L.ReLU()(norm()(x)))


def noisy(x):
    x = norm()(L.GaussianNoise(1.0, seed=3)(L.Flatten()(x)))
    return L.Dense(10)(L.Dense(16, activation="relu")(x))


@pytest.mark.parametrize("build", [stochastic_depth, noisy])
def test_statistics_of_a_training_with_chance_and_of_a_recalibration_are_right(build):
    keras.utils.set_random_seed(0)
    model = fit(compiled(functional(build), 0.003), epochs=5)
    quiet(model)
    recalibrate(model, digits(), batch_size=32)
    quiet(model)
    x, y = digits()
    found = examine(model, (10 * x - 3, y), batch_size=32, max_batches=8)
    assert "statistics-mismatch" in found.codes, str(found)
    for layer in norms(model):
        mean, variance = map(np.asarray, (layer.moving_mean, layer.moving_variance))
        layer.moving_mean.assign(0.4 * mean)
        layer.moving_variance.assign(0.4 * variance + 0.6)
    assert "cold-start" in examine(model, digits(), batch_size=32, max_batches=8).codes


class Sampling(L.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.seeds = keras.random.SeedGenerator(1)

    def call(self, x):
        return x + keras.random.normal(ops.shape(x), seed=self.seeds)


def variational(x):
    x = L.ReLU()(norm()(L.Dense(16, use_bias=False)(L.Flatten()(x))))
    x = Sampling()(L.Dense(8)(x))
    return L.Dense(10)(L.ReLU()(norm()(L.Dense(16, use_bias=False)(x))))


def test_answers_that_are_drawn_do_not_depend_on_the_batch():
    model = fit(compiled(functional(variational)), epochs=2)
    before = [np.array(v) for v in model.variables]
    quiet(model)
    for old, new in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, new)


def siamese_behind_activations(x):
    dense, bn = L.Dense(16, use_bias=False), norm()
    towers = [bn(ops.relu(dense(L.Flatten()(part)))) for part in (x, x[:, ::-1])]
    return L.Dense(10)(L.Add()(towers))


def siamese_from_the_input(x):
    bn, dense = norm(), L.Dense(16, activation="relu")
    towers = [dense(L.Flatten()(bn(part))) for part in (x, x[:, ::-1])]
    return L.Dense(10)(L.Add()(towers))


def inputs_that_share_a_norm_alone(x):
    bn = norm()
    towers = [L.Dense(16)(L.Flatten()(bn(part))) for part in (x, 9 * x)]
    return L.Dense(10)(L.ReLU()(L.Add()(towers)))


def test_who_shares_what():
    assert examine(functional(siamese_behind_activations)).ok
    assert examine(functional(siamese_from_the_input)).ok
    found = examine(functional(inputs_that_share_a_norm_alone))
    assert found.codes == ("shared-layer",)


class Cell(L.Layer):
    def __init__(self, units, **options):
        super().__init__(**options)
        self.state_size = self.output_size = units
        self.inner, self.hidden = L.Dense(units, use_bias=False), L.Dense(units)
        self.norm = norm()

    def build(self, shape):
        self.inner.build(shape)
        self.hidden.build((shape[0], self.state_size))
        self.norm.build((shape[0], self.state_size))

    def call(self, x, states, training=False):
        new = self.norm(self.inner(x), training=training)
        new = ops.tanh(new + self.hidden(states[0]))
        return new, [new]


def test_a_mode_that_is_off_by_default_is_no_flag():
    def recurrent(x):
        return L.Dense(10)(L.RNN(Cell(8))(L.Reshape((8, 8))(x)))

    assert "training-flag-ignored" not in examine(functional(recurrent)).codes


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.function")
def test_a_call_that_its_owner_compiled():
    import tensorflow as tf

    class Compiled(keras.Model):
        def __init__(self):
            super().__init__()
            self.body = mlp()

        @tf.function
        def call(self, x, training=False):
            return self.body(x, training=training)

    model = fit(compiled(Compiled()), epochs=2)
    quiet(model)
    assert not tf.config.functions_run_eagerly()
    assert len(recalibrate(model, digits(), batch_size=32).layers) == 2


def test_what_looks_like_a_cold_start_in_one_layer_of_three():
    keras.utils.set_random_seed(0)
    model = fit(compiled(mlp(units=(48, 32, 32))))
    poisoned, looks_cold, _ = norms(model)
    poisoned.moving_variance.assign(300 * np.asarray(poisoned.moving_variance))
    looks_cold.moving_mean.assign(0.4 * np.asarray(looks_cold.moving_mean))
    variance = np.asarray(looks_cold.moving_variance)
    looks_cold.moving_variance.assign(0.4 * variance + 0.6)
    found = examine(model, digits(), batch_size=32)
    assert found.codes == ("statistics-mismatch",), str(found)
