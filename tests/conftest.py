"""What several test modules share: small data that needs no file."""

import types

import numpy as np
import pytest


@pytest.fixture(scope="session")
def blobs():
    """Three separable classes in 12 dimensions, shaped like a `Dataset`."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, 12))
    labels = rng.integers(0, 3, 360)
    x = (centres[labels] + 0.5 * rng.normal(size=(360, 12))).astype("float32")
    return types.SimpleNamespace(
        x_train=x[:240],
        y_train=labels[:240],
        x_validation=x[240:300],
        y_validation=labels[240:300],
        x_test=x[300:],
        y_test=labels[300:],
    )
