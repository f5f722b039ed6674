"""Gradient checks that tell nothing, each from the thread named above it."""

import numpy as np

from bnteach.exercises.mutant_register import mutant


def _differences(loss, arguments, number, step=1e-5):
    gradient = np.zeros(arguments[number].shape)
    for at in np.ndindex(gradient.shape):
        up, down = ([value.copy() for value in arguments] for _ in range(2))
        up[number][at] += step
        down[number][at] -= step
        gradient[at] = (loss(*up) - loss(*down)) / (2 * step)
    return gradient


def _agree(forward, backward, weights, x, gamma, beta, epsilon, which=(0, 1, 2)):
    """Return the largest error of the gradients that are looked at."""

    def loss(x, gamma, beta):
        return (weights * forward(x, gamma, beta, epsilon)).sum()

    gradients = backward(weights, x, gamma, epsilon)
    errors = [
        np.abs(_differences(loss, (x, gamma, beta), number) - gradients[number]).max()
        for number in which
    ]
    return max(errors)


# HomericIntelligence/Mnemosyne#730, mlpack/mlpack#1923: passes for no reason.
@mutant("gradient-check", "sum-loss")
def sums_the_outputs(forward, backward, x, gamma, beta, epsilon):
    ones = np.ones(x.shape)
    return _agree(forward, backward, ones, x, gamma, beta, epsilon) < 1e-5


# torch/nn#744: fails for no reason; the relative error of two zeros is about 1.
@mutant("gradient-check", "sum-loss")
def divides_by_a_gradient_of_zero(forward, backward, x, gamma, beta, epsilon):
    ones = np.ones(x.shape)
    dx, _, _ = backward(ones, x, gamma, epsilon)
    numerical = _differences(
        lambda x: forward(x, gamma, beta, epsilon).sum(), (x,), 0, 1e-5
    )
    return np.linalg.norm(dx - numerical) / np.linalg.norm(dx + numerical) < 1e-5


# mlpack/mlpack#1923: the gradients of the parameters are checked, dx is not.
@mutant("gradient-check", "dx-unchecked")
def looks_at_the_parameters_alone(forward, backward, x, gamma, beta, epsilon):
    weights = np.random.default_rng(0).normal(size=x.shape)
    error = _agree(forward, backward, weights, x, gamma, beta, epsilon, which=(1, 2))
    return error < 1e-5


# torch/nn#744 looks at the input's gradient alone.
@mutant("gradient-check", "parameters-unchecked")
def looks_at_the_input_alone(forward, backward, x, gamma, beta, epsilon):
    weights = np.random.default_rng(0).normal(size=x.shape)
    error = _agree(forward, backward, weights, x, gamma, beta, epsilon, which=(0,))
    return error < 1e-5


# mlpack/mlpack#2549: an error of 0.1 was let pass.
@mutant("gradient-check", "tolerance")
def lets_a_tenth_pass(forward, backward, x, gamma, beta, epsilon):
    weights = np.random.default_rng(0).normal(size=x.shape)
    return _agree(forward, backward, weights, x, gamma, beta, epsilon) < 0.1
