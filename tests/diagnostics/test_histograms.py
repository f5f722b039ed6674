import numpy as np
import pytest

from bnteach import diagnostics, models

EDGES = np.linspace(-2, 2, 9)


@pytest.fixture
def model():
    return models.mlp((12,), (6, 5), 3, normalization="batch")


def test_every_value_is_counted_in_its_bin_and_those_outside_at_the_ends(model, blobs):
    x = blobs.x_train[:50]
    layers = ["activation_1", "activation_2"]
    found = diagnostics.InputHistograms(model, layers, x, EDGES, unit=3)(model, 0)
    values = diagnostics.LayerInputs(model, layers)(x)
    assert found.keys() == {
        "inputs of activation_1",
        "inputs of activation_2",
        "inputs of one unit",
    }
    for name, expected in (
        ("inputs of activation_1", values["activation_1"]),
        ("inputs of one unit", values["activation_2"][:, 3]),
    ):
        counts = found[name]
        assert sum(counts) == expected.size
        assert counts[0] == np.sum(expected < EDGES[1])  # those below -2, too
        assert counts[-1] == np.sum(expected >= EDGES[-2])
        inner = (expected >= EDGES[3]) & (expected < EDGES[4])
        assert counts[3] == np.sum(inner)
    assert all(isinstance(count, int) for count in counts)  # JSON takes no NumPy


@pytest.mark.parametrize("edges", [[0.0], [0.0, 0.0], [1.0, 0.0], [[0.0, 1.0]]])
def test_edges_that_are_none(model, blobs, edges):
    with pytest.raises(ValueError, match="rising edges"):
        diagnostics.InputHistograms(model, ["activation_1"], blobs.x_train, edges)
