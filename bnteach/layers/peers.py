"""What the test suites of other frameworks ask of batch normalization, for our layer.

Shapes, settings and tolerances are those of the suites; the numbers are drawn here, and
what is expected comes from the formulas in float64. The suites:

- ONNX, `onnx/backend/test/case/node/batchnorm.py`;
- Keras, `keras/src/layers/normalization/batch_normalization_test.py`;
- PyTorch, `sample_inputs_batch_norm` in `common_methods_invocations.py`;
- Flax, `tests/linen/linen_test.py`;
- TensorFlow, `tensorflow/python/ops/nn_fused_batchnorm_test.py`;
- CS231n, a course of Stanford University, its notebook "BatchNormalization".
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from bnteach import batch_norm
from bnteach.layers.batch_normalization import BatchNormalization

SEED = 231
SUITES = {
    "ONNX": "https://github.com/onnx/onnx",
    "Keras": "https://github.com/keras-team/keras",
    "PyTorch": "https://github.com/pytorch/pytorch",
    "Flax": "https://github.com/google/flax",
    "TensorFlow": "https://github.com/tensorflow/tensorflow",
    "CS231n": "https://cs231n.github.io",
}


class PeerCase(NamedTuple):
    """One case of a suite.

    Attributes:
        framework: whose suite it is from.
        shape: of the input.
        axis: of the channels.
        training: the mode.
        momentum: in Keras's sense.
        epsilon: under the root.
        tolerance: greatest error that the suite lets pass.
        estimator: of the moving variance, "biased" or "unbiased".
        center, spread: mean and standard deviation of the input.
        gradients: whether the three gradients are compared, in float64.
    """

    framework: str
    shape: tuple[int, ...]
    axis: int = -1
    training: bool = True
    momentum: float = 0.99
    epsilon: float = 1e-3
    tolerance: float = 1e-3
    estimator: str = "biased"
    center: float = 0.0
    spread: float = 1.0
    gradients: bool = False


class PeerResult(NamedTuple):
    """What became of a case: the largest error, and whether the suite lets it pass."""

    case: PeerCase
    error: float

    @property
    def passes(self) -> bool:
        """Tell whether the error is within the suite's tolerance."""
        return bool(self.error <= self.case.tolerance)


def peer_cases() -> list[PeerCase]:
    """Return the cases of all suites, framework by framework."""
    onnx = {"axis": 1, "momentum": 0.9}
    torch = {"axis": 1, "estimator": "unbiased", "tolerance": 1e-4}
    fused = {"momentum": 0.0, "estimator": "unbiased", "center": 0.5, "spread": 0.3}
    course = {"axis": 1, "epsilon": 1e-5, "center": 12, "spread": 5, "gradients": True}
    modes, shapes = (True, False), ((1, 1, 6, 1), (1, 1, 6, 2), (1, 2, 1, 6))
    keras = itertools.product((-1, 1), ((5, 2, 3), (5, 3, 3, 2)), modes)
    return [
        *(
            PeerCase("ONNX", (2, 3, 4, 5), training=mode, epsilon=epsilon, **onnx)
            for mode, epsilon in itertools.product(modes, (1e-5, 1e-2))
        ),
        *(
            PeerCase("Keras", shape, axis, mode, 0.0, center=5, spread=10)
            for axis, shape, mode in keras
        ),
        PeerCase("Keras", (200, 4, 4, 3), -1, True, 0.8, 1e-7, center=5, spread=10),
        PeerCase("PyTorch", (5, 5, 5), momentum=0.5, epsilon=0.6, **torch),
        PeerCase("PyTorch", (3, 2, 4), training=False, epsilon=1e-5, **torch),
        PeerCase("PyTorch", (3, 1), momentum=1.0, epsilon=1e-5, **torch),
        PeerCase("PyTorch", (3, 2, 3, 4), training=False, epsilon=0.5, **torch),
        PeerCase("PyTorch", (2, 1), training=False, epsilon=1e-5, **torch),
        PeerCase("Flax", (4, 3, 2), momentum=0.9, epsilon=1e-5, tolerance=1e-4),
        *(
            PeerCase("TensorFlow", shape, training=mode, **fused)
            for shape in (*shapes, (27, 131, 127, 6))
            for mode in modes
        ),
        PeerCase("CS231n", (4, 5), tolerance=1e-8, **course),
        PeerCase("CS231n", (2, 3, 4, 5), tolerance=1e-6, **course),
    ]


def peer_tests(
    make_layer: Callable[..., tf.keras.layers.Layer] = BatchNormalization,
) -> list[PeerResult]:
    """Run the cases of all suites on a layer.

    Args:
        make_layer: takes the arguments of our layer, for example the class itself.

    Returns:
        One result a case. The error is the largest difference from the formulas in
        float64, of the output and of the moving statistics; for gradients it is the
        relative difference from central differences, as CS231n takes it.
    """
    return [PeerResult(case, _error(make_layer, case)) for case in peer_cases()]


def _error(make_layer, case: PeerCase) -> float:
    rng = np.random.default_rng(SEED)
    dtype = "float64" if case.gradients else "float32"
    layer = make_layer(
        case.axis,
        case.momentum,
        case.epsilon,
        moving_variance_estimator=case.estimator,
        dtype=dtype,
    )
    layer.build(case.shape)
    for weight in layer.weights:
        weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    x = rng.normal(case.center, case.spread, case.shape).astype(dtype)
    return _gradient_error(layer, x, rng) if case.gradients else _errors(layer, x, case)


def _errors(layer, x: np.ndarray, case: PeerCase) -> float:
    weights = (layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance)
    gamma, beta, *moving = (w.numpy().astype("float64") for w in weights)
    how = {"epsilon": case.epsilon, "axis": case.axis}
    x64 = x.astype("float64")
    y = layer(x, training=case.training)
    if not case.training:
        wanted = [batch_norm.batch_norm_inference(x64, gamma, beta, *moving, **how)]
        wanted += moving
    else:
        right, cache = batch_norm.batch_norm_train(x64, gamma, beta, **how)
        variance = cache.variance
        if case.estimator == "unbiased" and cache.count > 1:
            variance = batch_norm.unbiased_variance(variance, cache.count)
        pairs = zip(moving, (cache.mean, variance), strict=True)
        wanted = [right]
        wanted += [
            batch_norm.update_moving_average(old, new, case.momentum)
            for old, new in pairs
        ]
    found = (y, layer.moving_mean, layer.moving_variance)
    pairs = zip(found, wanted, strict=True)
    return max(float(np.abs(np.asarray(a) - b).max()) for a, b in pairs)


def _gradient_error(layer, x: np.ndarray, rng: np.random.Generator) -> float:
    dy = rng.normal(size=x.shape)
    values = [tf.constant(x), layer.gamma.value, layer.beta.value]
    with tf.GradientTape() as tape:
        tape.watch(values[0])
        loss = tf.reduce_sum(dy * layer(values[0], training=True))
    gradients = [gradient.numpy() for gradient in tape.gradient(loss, values)]
    output = tf.function(lambda x: layer(x, training=True))

    def loss_with(x, gamma, beta):
        layer.gamma.assign(gamma)
        layer.beta.assign(beta)
        return np.sum(dy * output(tf.constant(x)).numpy())

    start = [np.array(value) for value in values]
    errors = []
    for place, gradient in enumerate(gradients):
        slope = np.empty_like(gradient)
        for at in np.ndindex(gradient.shape):
            moved = [[v.copy() for v in start] for _ in range(2)]
            moved[0][place][at] += 1e-5
            moved[1][place][at] -= 1e-5
            slope[at] = (loss_with(*moved[0]) - loss_with(*moved[1])) / 2e-5
        size = np.maximum(np.abs(gradient) + np.abs(slope), 1e-8)
        errors.append(float((np.abs(gradient - slope) / size).max()))
    return max(errors)
