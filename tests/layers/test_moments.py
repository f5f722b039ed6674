"""Statistics of some of the values and of several devices: masks and replicas."""

import json
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
from layer_cases import TINY, assert_all_close, exact, normal, start, statistics, step

from bnteach.layers import BatchNormalization


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
@pytest.mark.parametrize("renorm", [False, True])
def test_all_values_masked_change_nothing(renorm, estimator):
    layer = BatchNormalization(renorm=renorm, moving_variance_estimator=estimator)
    before = start(layer, (4, 5)).get_weights()
    y = layer(np.zeros((4, 5)), training=True, mask=np.zeros(4))
    assert np.isfinite(y).all()
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
def test_values_left_out_reach_no_gradient(mode, training, bad):
    x, dy = normal((6, 4)), normal((6, 4), 1)
    mask = np.array([True, True, False, True, False, True])
    dy[~mask] = 0
    results = []
    for value in (0.5, bad):
        x[~mask] = value
        layer = start(BatchNormalization(), x.shape)
        got = step(layer, x, dy, mode=mode, training=training, mask=mask)
        y, dx, dgamma, dbeta = got
        results.append((y[mask], dx, dgamma, dbeta, *statistics(layer)))
    assert np.isnan(y[~mask]).all()
    assert_all_close(results[1], results[0], rtol=1e-5, atol=1e-5)


def test_mask_passes_through_a_model():
    x = np.repeat([[[1.0, 5], [2, 5], [0, 0], [0, 0]]], 10, 0).astype("float32")
    layer = BatchNormalization(momentum=0.0)
    model = keras.Sequential([keras.layers.Masking(), layer, keras.layers.LSTM(2)])
    model.compile("sgd", "mse")
    model.fit(x, np.zeros((10, 2)), epochs=1, verbose=0)
    np.testing.assert_allclose(layer.moving_mean, [1.5, 5], rtol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, [0.25, 0], atol=1e-6)


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

    def half(values):
        return strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(
                np.split(values, 2)[context.replica_id_in_sync_group]
            )
        )

    def joint(values):
        with strategy.scope():
            layer = BatchNormalization(momentum=0.0, synchronized=True)
            layer.build(values.shape)
        one = tf.function(lambda x: strategy.run(layer, (x,), {"training": True}))
        y = np.concatenate(strategy.experimental_local_results(one(half(values))))
        return y, strategy.experimental_local_results(layer.moving_variance.value)

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

    many = (rng.normal(size=(200_000, 2)) + 1e4).astype("float32")
    wide = many.astype("float64")
    centered = wide - wide.mean(0)
    y, variances = joint(many)
    results["many"] = {
        "y": float(np.abs(y - centered / np.sqrt(wide.var(0) + 1e-3)).max()),
        "variance": float(np.abs(np.array(variances) / wide.var(0) - 1).max()),
    }
    y, variances = joint(np.full((200_000, 2), -3e5, "float32"))
    results["constant"] = float(np.abs(y).max()), float(np.max(variances))
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
def test_synchronized_replicas_are_accurate_at_a_large_mean(replicas):
    assert replicas["many"]["y"] < 1e-5
    assert replicas["many"]["variance"] < 1e-5
    assert replicas["constant"] == [0, 0]


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
