"""Wrong answers to the backward pass, each from the thread named above it."""

import numpy as np

from bnteach.exercises.mutant_register import axes, mutant, normalized


# anthonymlortiz/lcn#2: the statistics are taken under `no_grad`.
@mutant("batch-norm-backward", "statistics-detached")
def detaches_the_statistics(dy, x, gamma, epsilon):
    x_hat, std = normalized(x, epsilon)
    return gamma * dy / std, (dy * x_hat).sum(axes(x)), dy.sum(axes(x))


# deeplearning4j/deeplearning4j#8379 adds what comes through the mean: it was left out.
@mutant("batch-norm-backward", "mean-detached")
def leaves_the_mean_out(dy, x, gamma, epsilon):
    x_hat, std = normalized(x, epsilon)
    dgamma, dbeta = (dy * x_hat).sum(axes(x)), dy.sum(axes(x))
    m = x.size / x.shape[-1]
    return gamma / std * (dy - x_hat * dgamma / m), dgamma, dbeta


# abhiskk/ladder#2: the variance is computed from detached values.
@mutant("batch-norm-backward", "variance-detached")
def detaches_the_variance(dy, x, gamma, epsilon):
    x_hat, std = normalized(x, epsilon)
    dx = gamma / std * (dy - dy.mean(axes(x)))
    return dx, (dy * x_hat).sum(axes(x)), dy.sum(axes(x))


# mlpack/mlpack#1327, the new lines: what comes through the mean is not divided by m.
@mutant("batch-norm-backward", "sums-not-averaged")
def sums_where_it_should_average(dy, x, gamma, epsilon):
    x_hat, std = normalized(x, epsilon)
    dgamma, dbeta = (dy * x_hat).sum(axes(x)), dy.sum(axes(x))
    m = x.size // x.shape[-1]
    return gamma / std * (dy - dbeta - x_hat * dgamma / m), dgamma, dbeta


# mlpack/mlpack#1327, the lines before: the gradient is only scaled, and divided by m.
@mutant("batch-norm-backward", "statistics-detached")
def scales_the_gradient_by_one_over_m(dy, x, gamma, epsilon):
    x_hat, std = normalized(x, epsilon)
    m = x.size // x.shape[-1]
    return gamma * dy / std / m, (dy * x_hat).sum(axes(x)), dy.sum(axes(x))


# denizyuret/Knet.jl#288: dx goes on without the scale.
@mutant("batch-norm-backward", "gamma-ignored")
def forgets_gamma_in_dx(dy, x, gamma, epsilon):
    x_hat, std = normalized(x, epsilon)
    dgamma, dbeta = (dy * x_hat).sum(axes(x)), dy.sum(axes(x))
    m = x.size // x.shape[-1]
    return (dy - dbeta / m - x_hat * dgamma / m) / std, dgamma, dbeta


def _right_gradients(dy, x, gamma, epsilon):
    x_hat, std = normalized(x, epsilon)
    mean_dy, mean_along = dy.mean(axes(x)), (dy * x_hat).mean(axes(x))
    dx = gamma / std * (dy - mean_dy - x_hat * mean_along)
    return dx, (dy * x_hat).sum(axes(x)), dy.sum(axes(x))


# cthorey/CS231#9.
@mutant("batch-norm-backward", "averaged-dbeta")
def averages_dbeta(dy, x, gamma, epsilon):
    dx, dgamma, dbeta = _right_gradients(dy, x, gamma, epsilon)
    return dx, dgamma, dbeta / (x.size // x.shape[-1])


# wjbKimberly/cs231n_spring_2017_assignment#7.
@mutant("batch-norm-backward", "averaged-dgamma")
def averages_dgamma(dy, x, gamma, epsilon):
    dx, dgamma, dbeta = _right_gradients(dy, x, gamma, epsilon)
    return dx, dgamma / (x.size // x.shape[-1]), dbeta


# mlpack/mlpack#1923 and torch/nn#744: with the loss sum(y) a dx of 0 passes the check.
@mutant("batch-norm-backward", "dx-is-zero")
def believes_the_sum_of_the_outputs(dy, x, gamma, epsilon):
    _, dgamma, dbeta = _right_gradients(dy, x, gamma, epsilon)
    return np.zeros_like(x), dgamma, dbeta


# mlpack/mlpack#2474 extends a layer for two axes to convolutions.
@mutant("batch-norm-backward", "batch-axis-only", "shape")
def sums_over_the_batch_alone(dy, x, gamma, epsilon):
    mean, std = x.mean(0), np.sqrt(x.var(0) + epsilon)
    x_hat = (x - mean) / std
    dgamma, dbeta = (dy * x_hat).sum(0), dy.sum(0)
    dx = gamma / std * (dy - dbeta / len(x) - x_hat * dgamma / len(x))
    return dx, dgamma, dbeta


# pytorch/pytorch#1410 asks where the correction belongs: not in here.
@mutant("batch-norm-backward", "unbiased-variance")
def corrects_the_variance(dy, x, gamma, epsilon):
    m = x.size // x.shape[-1]
    std = np.sqrt(x.var(axes(x), ddof=1) + epsilon)
    x_hat = (x - x.mean(axes(x))) / std
    dgamma, dbeta = (dy * x_hat).sum(axes(x)), dy.sum(axes(x))
    return gamma / std * (dy - dbeta / m - x_hat * dgamma / (m - 1)), dgamma, dbeta
