"""What is remembered of the batches, in NumPy."""

import numpy as np
import pytest
from batch_norm_cases import draw

from bnteach import batch_norm


@pytest.mark.parametrize("momentum", [0, 0.9, 0.99, 1])
def test_momentum_is_the_weight_of_the_old_value(momentum):
    moving, batch = np.array([1.0, -2.0]), np.array([5.0, 6.0])
    new = batch_norm.update_moving_average(moving, batch, momentum)
    np.testing.assert_allclose(new, batch + momentum * (moving - batch))
    np.testing.assert_array_equal(moving, [1.0, -2.0])


def test_wrong_moving_averages_are_named():
    with pytest.raises(ValueError, match=r"from 0 to 1.*momentum=1.5"):
        batch_norm.update_moving_average(np.ones(3), np.ones(3), 1.5)
    for momentum in (None, "0.9", float("nan")):
        with pytest.raises(ValueError, match=f"from 0 to 1.*momentum={momentum!r}"):
            batch_norm.update_moving_average(np.ones(3), np.ones(3), momentum)
    with pytest.raises(ValueError, match=r"one shape.*\(3,\).*\(2,\)"):
        batch_norm.update_moving_average(np.ones(3), np.ones(3)[:2], 0.9)


def test_unbiased_variance_divides_by_one_less():
    x, gamma, beta, _ = draw((9, 4))
    _, cache = batch_norm.batch_norm_train(x, gamma, beta)
    corrected = batch_norm.unbiased_variance(cache.variance, cache.count)
    np.testing.assert_allclose(corrected, x.var(axis=0, ddof=1), rtol=1e-12)


def test_unbiased_variance_needs_two_values():
    with pytest.raises(ValueError, match=r"at least 2.*count=1"):
        batch_norm.unbiased_variance(np.ones(3), 1)
