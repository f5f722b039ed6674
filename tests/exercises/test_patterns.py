"""Wrong answers that no known mistake explains get a message that is true of them."""

import numpy as np
import pytest

from bnteach.exercises import check


def axes(x):
    return tuple(range(x.ndim - 1))


def normalized(x, epsilon):
    std = np.sqrt(x.var(axes(x)) + epsilon)
    return (x - x.mean(axes(x))) / std, std


def gradients(dy, x, gamma, epsilon):
    x_hat, std = normalized(x, epsilon)
    along = x_hat * (dy * x_hat).mean(axes(x))
    dx = gamma / std * (dy - dy.mean(axes(x)) - along)
    return dx, (dy * x_hat).sum(axes(x)), dy.sum(axes(x))


def folded(kernel, bias, gamma, beta, mean, variance, epsilon):
    a = gamma / np.sqrt(variance + epsilon)
    return kernel * a, (bias - mean) * a + beta


def epsilon_after_all(x, gamma, beta, epsilon):
    y = gamma * (x - x.mean(axes(x))) / x.std(axes(x)) + beta + epsilon
    return y  # moving and stretching x changes nothing in it


def unchanged(x, *rest):
    return x


def multiplies(x, gamma, beta, epsilon):
    return gamma * (x - x.mean(axes(x))) * np.sqrt(x.var(axes(x)) + epsilon) + beta


def scaled_dx(dy, x, gamma, epsilon):
    dx, dgamma, dbeta = gradients(dy, x, gamma, epsilon)
    return 3 * dx, dgamma, dbeta


def times_m(dy, x, gamma, epsilon):
    dx, dgamma, dbeta = gradients(dy, x, gamma, epsilon)
    return dx * (x.size // x.shape[-1]), dgamma, dbeta


def divides_by_the_variance(dy, x, gamma, epsilon):
    dx, dgamma, dbeta = gradients(dy, x, gamma, epsilon)
    return dx / normalized(x, epsilon)[1], dgamma, dbeta


def without_x_hat(dy, x, gamma, epsilon):
    x_hat, std = normalized(x, epsilon)
    _, dgamma, dbeta = gradients(dy, x, gamma, epsilon)
    dx = gamma / std * (dy - dy.mean(axes(x)) - (dy * x_hat).mean(axes(x)))
    return dx, dgamma, dbeta


def passes_x_hat_on(dy, x, gamma, epsilon):
    _, dgamma, dbeta = gradients(dy, x, gamma, epsilon)
    return gamma * normalized(x, epsilon)[0] ** 3, dgamma, dbeta


def turned_round(dy, x, gamma, epsilon):
    dx, dgamma, dbeta = gradients(dy, x, gamma, epsilon)
    return dgamma, dbeta, dx


def no_gamma_in_the_kernel(kernel, bias, gamma, beta, mean, variance, epsilon):
    _, new = folded(kernel, bias, gamma, beta, mean, variance, epsilon)
    return kernel / np.sqrt(variance + epsilon), new


def bias_added_twice(kernel, bias, *rest):
    new, offset = folded(kernel, bias, *rest)
    return new, offset + 2 * bias


@pytest.mark.parametrize(
    ("exercise", "answer", "kind", "said"),
    [
        ("batch-norm-forward", epsilon_after_all, "mean", "mean of y"),
        ("batch-norm-forward", unchanged, "not-normalized", "x comes back as it was"),
        ("batch-norm-forward", multiplies, "multiplied-by-root", "divided by"),
        ("batch-norm-backward", scaled_dx, "factor", "right but for a factor"),
        ("batch-norm-backward", times_m, "multiplied-by-m", "m times as large"),
        ("batch-norm-backward", divides_by_the_variance, "not-divided", "the variance"),
        ("batch-norm-backward", without_x_hat, "x-for-x-hat", "lacks x_hat"),
        ("batch-norm-backward", passes_x_hat_on, "dy-ignored", "difference to dx"),
        (
            "fold-dense",
            no_gamma_in_the_kernel,
            "gamma-ignored",
            "kernel; bias is",
        ),
        ("fold-dense", bias_added_twice, "other-function", "kernel right"),
        ("four-numbers", [1.34, 0.447, -0.447, -1.34], "sign", "turned round"),
        ("steps-to-forget", 45, "one-too-many", "one too many"),
    ],
)
def test_what_is_said_is_true(exercise, answer, kind, said):
    result = check(exercise, answer)
    assert (result.status, result.kind) == ("property", kind), result.message
    assert said in result.message


def test_right_outputs_in_another_order_are_told_so():
    result = check("batch-norm-backward", turned_round)
    assert (result.status, result.kind) == ("shape", "swapped-outputs")
    assert "expected (dx, dgamma, dbeta)" in result.message
    assert "Received: (dgamma, dbeta, dx)" in result.message


def test_what_is_nearly_right_is_not_off_by_a_factor():
    def answer(dy, x, gamma, epsilon):
        dx, dgamma, dbeta = gradients(dy, x, gamma, epsilon)
        return 1.02 * dx, dgamma, dbeta

    result = check("batch-norm-backward", answer)
    assert (result.status, result.kind) == ("value", "off"), result.message


def half_a_stub(x, gamma, beta, epsilon):
    mean = x.mean(axes(x))
    variance = ...
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


def dots_under_a_root(x, gamma, beta, epsilon):
    return np.sqrt(...)


def dots_that_are_called(x, gamma, beta, epsilon):
    variance = ...
    return variance.mean()


@pytest.mark.parametrize(
    "answer", [half_a_stub, dots_under_a_root, dots_that_are_called]
)
def test_dots_that_are_left_are_no_error(answer):
    result = check("batch-norm-forward", answer)
    assert (result.status, result.kind) == ("not attempted", ""), result.message
    assert f"dots are left in {answer.__name__}" in result.message


def test_an_error_that_speaks_of_an_ellipsis_is_an_error():
    def answer(x, gamma, beta, epsilon):
        return np.einsum("ij->k", x)

    def own(x, gamma, beta, epsilon):
        raise ValueError("no '...' ellipsis provided")

    assert check("batch-norm-forward", answer).status == "error"
    assert check("batch-norm-forward", own).status == "error"
