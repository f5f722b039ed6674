"""The answer for an example, with others and alone, in both modes."""

import keras
import numpy as np
import pytest

from bnteach.diagnostics import accuracy_by_company


@pytest.fixture
def case():
    """A model that tells two classes by the sign of one number, and 40 examples."""
    model = keras.Sequential(
        [
            keras.Input((1,)),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Dense(2, name="logits"),
        ]
    )
    model.get_layer("logits").set_weights([np.float32([[-1, 1]]), np.float32([0, 0])])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=["accuracy"])
    rng = np.random.default_rng(0)
    y = np.resize([0, 1, 1, 0], 40)
    x = (2 * y - 1 + rng.uniform(-0.5, 0.5, 40)).astype("float32")[:, None]
    return model, x, y


def test_only_training_mode_looks_at_the_company(case):
    model, x, y = case
    before = [w.numpy() for w in model.weights]
    found = accuracy_by_company(model, x, y, batch_size=20, alone=8)
    assert {way: modes["inference mode"] for way, modes in found.items()} == {
        "mixed": 1.0,
        "of one class": 1.0,
        "one alone": 1.0,
    }
    # A batch of one class is centred: about half of it changes its sign. Of one
    # example nothing is left, and the first of two equal logits is class 0.
    assert found["mixed"]["training mode"] == 1.0
    assert 0.2 < found["of one class"]["training mode"] < 0.8
    assert found["one alone"]["training mode"] == np.mean(y[:8] == 0)
    for old, new in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(old, new.numpy())


def test_a_model_without_moving_statistics_is_refused():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2, name="only")])
    model.compile("sgd", "mse", metrics=["accuracy"])
    with pytest.raises(ValueError, match="only"):
        accuracy_by_company(model, np.zeros((4, 1)), np.zeros(4, int))
