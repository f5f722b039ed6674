"""Batch renormalization, against Keras's."""

import keras
import numpy as np
import pytest
from layer_cases import assert_all_close, normal, start, step

from bnteach.layers import BatchNormalization


def test_random_initial_deviations_are_drawn_anew():
    layer = BatchNormalization(
        renorm=True,
        moving_variance_initializer=keras.initializers.RandomUniform(1, 2, seed=3),
    )
    layer.build((None, 4))
    root = np.sqrt(layer.moving_variance.numpy())
    np.testing.assert_allclose(layer.moving_stddev, root, rtol=1e-6)
    np.testing.assert_allclose(layer.renorm_stddev, root, rtol=1e-6)


@pytest.mark.parametrize("clipping", [None, {"rmax": 1.1, "rmin": 0.9, "dmax": 0.3}])
def test_renorm_equals_keras(clipping):
    options = {
        "renorm": True,
        "renorm_clipping": clipping,
        "renorm_momentum": 0.8,
        "momentum": 0.7,
    }
    ours = start(BatchNormalization(**options), (16, 3))
    theirs = start(keras.layers.BatchNormalization(**options), (16, 3))
    for number in range(3):
        x, dy = normal((16, 3), number, mean=1, std=2), normal((16, 3), 9)
        assert_all_close(step(ours, x, dy), step(theirs, x, dy))
        assert_all_close(ours.get_weights(), theirs.get_weights())
