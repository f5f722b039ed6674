"""Wrong answers to the exercises on the reader's own model; see `mutants`."""

import numpy as np

from bnteach.exercises.mutant_register import mutant


# keras-team/keras#7265: momentum 0.9 is assumed, 0.99 is the default.
@mutant("weight-of-start", "other-momentum")
def assumes_a_momentum_of_09():
    return 0.9**60


# tensorflow/tensorflow#1122: "after three epochs it must have warmed up".
@mutant("weight-of-start", "epochs")
def counts_epochs():
    return 0.99**3


# openai/supervised-reptile#12: statistics of sorted batches, computed anew.
@mutant("what-recalibration-mends", "not-b")
def mends_sorted_batches():
    return {"A", "B", "C", "E"}


# keras-team/keras#13762: training=True is a part of the model.
@mutant("what-recalibration-mends", "not-d")
def mends_a_baked_in_flag():
    return "ACDE"


# The paper's Algorithm 2, read as "average the variances" (keras-team/keras#3949).
@mutant("pooled-statistics", "between-forgotten")
def averages_the_variances(means, variances, counts):
    share = (counts / counts.sum())[:, None]
    return (share * means).sum(0), (share * variances).sum(0)


# facebookresearch/fvcore#7: each batch weighs the same.
@mutant("pooled-statistics", "equal-weights")
def forgets_the_counts(means, variances, counts):
    return means.mean(0), variances.mean(0) + means.var(0)


# vlfeat/matconvnet#772 and chr5tphr/zennit#71, all at once.
@mutant("three-bugs", "bias-not-scaled")
def mends_two_of_three(kernel, bias, gamma, beta, mean, variance, epsilon):
    a = gamma / np.sqrt(variance + epsilon)
    return kernel * a[:, None], bias + beta - a * mean


# chr5tphr/zennit#71: the scale goes to the inputs of a transposed convolution.
@mutant("three-bugs", "kernel-inputs")
def scales_the_inputs(kernel, bias, gamma, beta, mean, variance, epsilon):
    a = gamma / np.sqrt(variance + epsilon)
    return kernel * a, (bias - mean) * a + beta


# onnxruntime#26584: zeros are padded before the normalization instead of after it.
@mutant("padding-value", "shift-itself")
def pads_what_zero_becomes(gamma, beta, mean, variance, epsilon):
    return beta - gamma * mean / np.sqrt(variance + epsilon)


@mutant("padding-value", "mean-only")
def pads_the_mean(gamma, beta, mean, variance, epsilon):
    return mean + 0.0 * gamma


# An old answer: the momentum is taken for a cold start.
@mutant("planted-models", "not-a")
def takes_it_for_a_cold_start():
    return {"A": "cold-start"}


# keras-team/keras#13762: the same batch is asked for again, and nothing shows.
@mutant("one-at-a-time", "same-call-twice")
def asks_twice(call, x):
    return not np.allclose(call(x), call(x))


@mutant("one-at-a-time", "order-only")
def turns_the_batch_round(call, x):
    return not np.allclose(call(x), call(x[::-1])[::-1], atol=1e-3)


@mutant("one-at-a-time", "rounding")
def compares_every_digit(call, x):
    alone = np.concatenate([call(x[i : i + 1]) for i in range(len(x))])
    return not np.array_equal(call(x), alone)


@mutant("one-at-a-time", "first-example-only")
def asks_for_the_first_alone(call, x):
    return not np.allclose(call(x)[:1], call(x[:1]), atol=1e-3)
