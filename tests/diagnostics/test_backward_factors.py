"""The gradient on its way back, against the chain rule written out in NumPy."""

import keras
import numpy as np
import pytest

from bnteach import diagnostics, models
from bnteach.batch_norm import batch_norm_backward, batch_norm_train

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def network(units=(6, 5, 4), **options):
    model = models.mlp((12,), units, 3, seed=2, **options)
    model.compile("sgd", LOSS)
    return model


def by_hand(model, x, y):
    """Return the gradients for dense, normalized and activated values, by layer."""
    caches, h = [], x.astype(np.float64)
    depth = sum("activation" in layer.name for layer in model.layers)
    for number in range(1, depth + 1):
        kernel, bias = model.get_layer(f"dense_{number}").get_weights()
        y_hat, cache = batch_norm_train(
            h @ kernel + bias, np.ones(len(bias)), np.zeros(len(bias))
        )
        h = 1 / (1 + np.exp(-y_hat))
        caches.append((number, kernel, cache, h))
    kernel, bias = model.get_layer("logits").get_weights()
    logits = h @ kernel + bias
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    gradient = (p - np.eye(3)[y]) / len(x) @ kernel.T  # for the last h
    found = {}
    for number, kernel, cache, h in reversed(caches):
        found[f"activation_{number}"] = gradient
        normalized = gradient * h * (1 - h)
        found[f"batch_norm_{number}"] = normalized
        dense, _, _ = batch_norm_backward(normalized, cache)
        found[f"dense_{number}"] = dense
        gradient = dense @ kernel.T
    return found


def test_gradients_of_outputs_are_those_of_the_chain_rule(blobs):
    model = network(normalization="batch")
    x, y = blobs.x_train[:40], blobs.y_train[:40]
    expected = by_hand(model, x, y)
    found = diagnostics.output_gradients(model, x, y, list(expected))
    assert set(found) == set(expected)
    for name, value in expected.items():
        scale = np.abs(value).max()
        np.testing.assert_allclose(found[name], value, atol=2e-4 * scale, err_msg=name)


def test_factors_are_the_norms_of_gradients_over_one_another(blobs):
    model = network(normalization="batch")
    x, y = blobs.x_train[:40], blobs.y_train[:40]
    norms = {k: np.linalg.norm(v) for k, v in by_hand(model, x, y).items()}
    found = diagnostics.backward_factors(model, x, y)
    assert list(found["layer"]) == [2, 3]
    for at, number in enumerate((2, 3)):
        above, below = norms[f"activation_{number}"], norms[f"activation_{number - 1}"]
        normalized, dense = norms[f"batch_norm_{number}"], norms[f"dense_{number}"]
        np.testing.assert_allclose(found["slope"][at], normalized / above, rtol=1e-3)
        np.testing.assert_allclose(found["1/s"][at], dense / normalized, rtol=1e-3)
        np.testing.assert_allclose(found["weights"][at], below / dense, rtol=1e-3)
        np.testing.assert_allclose(found["input"][at], below, rtol=1e-3)
    kernels = diagnostics.gradient_norms(model, x, y)
    expected = [kernels["dense_2"], kernels["dense_3"]]
    np.testing.assert_allclose(found["kernel"], expected, rtol=1e-5)
    product = found["slope"] * found["1/s"] * found["weights"]
    np.testing.assert_allclose(found["product"], product, rtol=1e-6)


def test_without_a_normalization_its_factor_is_1(blobs):
    found = diagnostics.backward_factors(
        network(activation="relu"), blobs.x_train[:40], blobs.y_train[:40]
    )
    np.testing.assert_array_equal(found["1/s"], [1, 1])


def test_the_model_is_left_as_it_was(blobs):
    model = network(normalization="batch")
    before = [np.array(v) for v in model.variables]
    diagnostics.backward_factors(model, blobs.x_train[:40], blobs.y_train[:40])
    for old, new in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, new)
    assert not any("tap" in layer.name for layer in model.layers)


def test_what_has_no_factors(blobs):
    given = blobs.x_train[:40], blobs.y_train[:40]
    with pytest.raises(ValueError, match=r"activation_3.*Received: batch_norm_1"):
        diagnostics.output_gradients(network(), *given, ["batch_norm_1"])
    with pytest.raises(ValueError, match=r"two hidden layers or more.*dense_1"):
        diagnostics.backward_factors(network(units=(6,)), *given)
