"""What the tests of the layer share: random input, one step, the exact answer."""

import keras
import numpy as np
import tensorflow as tf

IMPLEMENTATIONS = ("auto", "reference", "fused")

TINY = {"rtol": 2e-5, "atol": 2e-5}  # float32 rounding of numbers of size 1 to 10

SHAPES_AND_AXES = (
    ((32, 5), -1),
    ((32, 5), 1),
    ((7, 6), 0),
    ((6, 4, 5), 1),
    ((6, 4, 5), 2),
    ((4, 5, 6, 3), -1),
    ((4, 3, 5, 6), 1),
    ((4, 5, 6, 3), -2),
    ((3, 2, 4, 3, 2), -1),
    ((2, 3, 2, 2, 3, 2), 1),
)


def normal(shape, seed=0, mean=0.0, std=1.0, dtype="float32"):
    return np.random.default_rng(seed).normal(mean, std, shape).astype(dtype)


def start(layer, shape, seed=5):
    """Build the layer and give every weight a value of its own."""
    if not layer.built:
        layer.build(shape)
    for number, weight in enumerate(layer.weights):
        weight.assign(1 + 0.5 * np.abs(normal(weight.shape, seed + number)))
    return layer


def step(layer, x, dy, *, training=True, mode="graph", **call):
    """Return y and the gradients of sum(dy * y) for x, gamma and beta."""

    def run(x, dy):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=training, **call)
        wanted = [x, *(v.value for v in (layer.gamma, layer.beta) if v is not None)]
        return [y, *tape.gradient(y, wanted, output_gradients=dy)]

    if mode != "eager":
        run = tf.function(run, jit_compile=mode == "xla")
    return [value.numpy() for value in run(tf.constant(x), tf.constant(dy))]


def statistics(layer):
    return layer.moving_mean.numpy(), layer.moving_variance.numpy()


def assert_all_close(got, wanted, **tolerance):
    assert len(got) == len(wanted)
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_allclose(one, other, **(tolerance or TINY))


def exact(x, dy, gamma, beta, epsilon=1e-3):
    """Textbook formulas in float64, channels last: y, dx, dgamma, dbeta, mean, var."""
    rows = x.astype("float64").reshape(-1, x.shape[-1])
    dy = dy.astype("float64").reshape(rows.shape)
    mean, variance = rows.mean(0), rows.var(0)
    inverse = 1 / np.sqrt(variance + epsilon)
    x_hat = (rows - mean) * inverse
    dx = gamma * inverse * (dy - dy.mean(0) - x_hat * (dy * x_hat).mean(0))
    y, dx = ((v).reshape(x.shape) for v in (gamma * x_hat + beta, dx))
    return y, dx, (dy * x_hat).sum(0), dy.sum(0), mean, variance


def kernels(layer, x, training=True, jit_compile=False, **call):
    """Count fused kernels in the graph of one call, forward pass only."""
    function = tf.function(
        lambda x: layer(x, training=training, **call), jit_compile=jit_compile
    )
    graph = function.get_concrete_function(x).graph
    return sum(op.type == "FusedBatchNormV3" for op in graph.get_operations())


def spec(*shape, dtype="float32"):
    return tf.TensorSpec(shape, dtype)


def small_model(layer_class, **options):
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            keras.layers.Conv2D(4, 3, name="conv"),
            layer_class(name="norm", **options),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dense(2, name="dense"),
        ]
    )
    for number, weight in enumerate(model.weights):
        weight.assign(0.1 + np.abs(normal(weight.shape, number)))
    return model
