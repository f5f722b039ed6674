"""When the layer takes TensorFlow's fused kernel."""

import numpy as np
import pytest
import tensorflow as tf
from layer_cases import kernels, spec

from bnteach.layers import BatchNormalization, fused


@pytest.mark.parametrize(
    ("shape", "training", "expected"),
    [
        ((60, 100), True, 0),
        ((256, 512), True, 1),
        ((256, 511), True, 0),
        ((None, 14, 14, 16), True, 1),  # an unknown batch counts as 64
        ((None, 100), True, 0),
        ((256, 512), False, 0),
        ((512, 512), False, 1),
        ((None, 28, 28, 64), False, 1),
    ],
)
def test_auto_takes_the_kernel_for_large_inputs(shape, training, expected):
    assert kernels(BatchNormalization(), spec(*shape), training) == expected
    assert fused.is_faster(
        tf.TensorShape(shape), "training" if training else "inference"
    ) == bool(expected)


def test_implementation_overrules_size():
    assert kernels(BatchNormalization(implementation="fused"), spec(6, 3)) == 1
    assert kernels(BatchNormalization(implementation="reference"), spec(512, 512)) == 0


@pytest.mark.parametrize(
    ("options", "call", "shape"),
    [
        ({"axis": 1}, {}, (4, 3, 5)),
        ({"synchronized": True}, {}, (4, 3)),
        ({"renorm": True}, {}, (4, 3)),
        ({"dtype": "float64"}, {}, (4, 3)),
        ({}, {"mask": np.ones((4, 3))}, (4, 3, 5)),
        ({}, {"jit_compile": True}, (4, 3)),
    ],
)
def test_what_the_kernel_cannot_take_goes_the_reference_way(options, call, shape):
    layer = BatchNormalization(implementation="fused", **options)
    assert kernels(layer, spec(*shape, dtype=layer.compute_dtype), **call) == 0
