"""One training run seen through several momenta, against Keras's own averages."""

import numpy as np
import pytest
from small_models import digits

from bnteach.diagnostics import accuracy_by_momentum
from bnteach.models import digits_cnn


def test_each_momentum_gives_what_keras_gives_with_it():
    x, y = digits()
    train, held_out = (x[:256], y[:256]), (x[256:512], y[256:512])
    momenta = (0.5, 0.9)
    rows = accuracy_by_momentum(
        digits_cnn(), train, held_out, momenta, steps=8, every=4, batch_size=32
    )
    assert [(row["step"], row["momentum"]) for row in rows] == [
        (4, 0.5), (4, 0.9), (8, 0.5), (8, 0.9),
    ]  # fmt: skip
    for momentum in momenta:
        model = digits_cnn(momentum=momentum)
        for start in range(0, 8 * 32, 32):
            # As there, batches start anew where a whole one would not fit.
            at = start % (256 - 32 + 1)
            model.train_on_batch(x[at : at + 32], y[at : at + 32])
        expected = np.mean(
            np.argmax(model.predict_on_batch(held_out[0]), -1) == y[256:512]
        )
        (last,) = (r for r in rows if (r["step"], r["momentum"]) == (8, momentum))
        assert last["accuracy"] == pytest.approx(expected, abs=0.02)
