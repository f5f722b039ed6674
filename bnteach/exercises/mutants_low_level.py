"""Wrong answers to the exercises on low-level TensorFlow; see `mutants`."""

import math

import numpy as np

from bnteach.exercises.mutant_register import mutant


# Source notebook 002 has a sigmoid for each class; its readers expect a softmax.
@mutant("plateau-loss", "softmax")
def takes_the_loss_of_a_softmax():
    return math.log(100)


@mutant("plateau-loss", "yes-only")
def counts_the_yes_alone():
    return -0.01 * math.log(0.01)


# keras-team/keras#7265: the start is said to be forgotten at 1 %.
@mutant("lag-batches", "one-percent")
def waits_for_one_percent():
    return 459


# tensorflow/tensorflow#1122: the mean is there, and validation is still erratic.
@mutant("lag-batches", "mean-alone")
def waits_for_the_mean_alone():
    return 230


# keras-team/keras#1921, PyTorch's (N, C, H, W) with statistics of shape (C,).
@mutant("channels-first", "broadcast", "error")
def lets_shapes_broadcast(x, gamma, beta, epsilon):
    mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3))
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


# keras-team/keras#4316: the default axis on data with the channels second.
@mutant("channels-first", "channels-last")
def keeps_the_last_axis(x, gamma, beta, epsilon):
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    gamma, beta = gamma[:, None, None], beta[:, None, None]
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


# tensorflow/tensorflow#31027: statistics of every image.
@mutant("channels-first", "positions-only")
def takes_every_image_alone(x, gamma, beta, epsilon):
    mean, variance = (f(x, axis=(2, 3), keepdims=True) for f in (np.mean, np.var))
    gamma, beta = gamma[:, None, None], beta[:, None, None]
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


# HomericIntelligence/Mnemosyne#310: a stopped gradient is looked for in the output.
@mutant("three-broken-layers", "not-b-y")
def expects_a_stopped_gradient_to_change_the_output():
    return {"A": {"moving_mean", "moving_variance"}, "B": {"y", "dx"}, "C": {"y"}}


# Source notebook 004: moving averages in training, looked for in the averages.
@mutant("three-broken-layers", "not-c-moving_mean")
def expects_the_averages_to_be_wrong():
    return {
        "A": {"moving_mean", "moving_variance"},
        "B": "dx",
        "C": ["y", "dx", "dgamma", "moving_mean"],
    }


# keras-team/keras#18795, tensorflow/tensorflow#38644.
@mutant("steady-variance", "one-pass-variance")
def subtracts_the_square_of_the_mean(x):
    return (x * x).mean(0) - x.mean(0) ** 2


# aiUIUC/pyAIUtils#46: what is negative is set to 0, the digits stay lost.
@mutant("steady-variance", "one-pass-variance")
def clips_what_is_negative(x):
    return np.maximum((x * x).mean(0) - np.square(x.mean(0)), 0)


# keras-team/keras#19649: differences that are laid to rounding as such.
@mutant("error-slope", "linear")
def takes_it_for_plain_rounding():
    return 1.02
