"""The layer passes what other frameworks ask of theirs; a broken one does not."""

from collections import Counter

import numpy as np
import onnx.backend.test.case.node as node
import pytest
import tensorflow as tf
from keras.src.layers.normalization import batch_normalization_test as of_keras

from bnteach.layers import BatchNormalization, peer_tests
from bnteach.layers.peers import SUITES

# What Keras asks in words of its own: the text of an error, the default of a layer that
# is no part of batch normalization, the class behind a configuration.
OTHER_WORDS = {"test_invalid_momentum", "test_renorm_invalid_clipping_keys"}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def results():
    return peer_tests()


def test_every_case_of_every_suite_passes(results):
    failed = [result for result in results if not result.passes]
    assert failed == []
    counts = Counter(result.case.framework for result in results)
    assert list(counts) == list(SUITES)
    assert counts == {
        "ONNX": 4, "Keras": 9, "PyTorch": 5, "Flax": 1, "TensorFlow": 8, "CS231n": 2,
    }  # fmt: skip


class OffInInference(BatchNormalization):
    def _infer(self, x):
        return super()._infer(x) + 0.01


class DividesByOneLess(BatchNormalization):
    def _remember(self, mean, variance, count):
        super()._remember(mean, variance * count / tf.maximum(count - 1, 1), count)


class StopsAGradient(BatchNormalization):
    def _train(self, x, kept):
        return super()._train(x + 0 * tf.stop_gradient(x), kept) + (
            0.01 * (x - tf.stop_gradient(x))
        )


@pytest.mark.parametrize(
    ("broken", "found"),
    [
        (OffInInference, {"ONNX", "Keras", "PyTorch", "TensorFlow"}),
        (DividesByOneLess, {"ONNX", "Keras", "PyTorch", "Flax", "TensorFlow"}),
        (StopsAGradient, {"CS231n"}),
    ],
)
def test_a_broken_layer_fails(broken, found):
    failed = {r.case.framework for r in peer_tests(broken) if not r.passes}
    assert failed == found


OWN = [
    name
    for name in dir(of_keras.BatchNormalizationTest)
    if name.startswith("test") and name not in ("test_session", "test_skip_if_error")
]


@pytest.mark.parametrize("name", OWN)
def test_keras_own_suite(name, monkeypatch):
    if name in OTHER_WORDS:
        with pytest.raises(ValueError, match=r"expected .* Received: "):
            BatchNormalization(momentum=1.5)
        return
    monkeypatch.setattr(of_keras.layers, "BatchNormalization", BatchNormalization)
    case = of_keras.BatchNormalizationTest(name)
    case.setUp()
    try:
        getattr(case, name)()
    finally:
        case.tearDown()


@pytest.fixture(scope="module")
def onnx_cases():
    with np.errstate(all="ignore"):  # it makes the cases of all operators
        return node.collect_testcases("BatchNormalization")


@pytest.mark.parametrize("number", range(4))
def test_onnx_own_cases(onnx_cases, number):
    assert len(onnx_cases) == 4
    case = onnx_cases[number]
    settings = {a.name: a.f or a.i for a in case.model.graph.node[0].attribute}
    (((x, *weights), wanted),) = case.data_sets
    layer = BatchNormalization(1, 0.9, settings.get("epsilon", 1e-5))
    layer.build(x.shape)
    layer.set_weights(weights)
    y = layer(x, training=bool(settings.get("training_mode", 0)))
    found = [y, layer.moving_mean, layer.moving_variance][: len(wanted)]
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=case.rtol, atol=1e-6)


def test_number_of_keras_own_tests():
    assert (len(OWN), len(OTHER_WORDS)) == (33, 2)
