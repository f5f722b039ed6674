"""Wrong answers that people gave, each from the thread, notebook or course above it.

They keep the checks sharp: every one must get the message of its own kind. `owner/repo
#N` is a thread on GitHub; "source notebook N" is one of the five that the book grew out
of. Those to the backward pass, to its check, and the classes have their own modules.
"""

import numpy as np

from bnteach.exercises import (  # noqa: F401
    mutants_backward,
    mutants_class,
    mutants_covariate_shift,
    mutants_gradient_check,
    mutants_keras_usage,
    mutants_low_level,
    mutants_own_model,
)
from bnteach.exercises.mutant_register import MUTANTS, axes, mutant, normalized

__all__ = ["MUTANTS"]


# mbadry1/DeepLearning.ai-Summary#183; also the formula of source notebook 003.
@mutant("batch-norm-forward", "divided-by-variance")
def divides_by_variance(x, gamma, beta, epsilon):
    return gamma * (x - x.mean(axes(x))) / (x.var(axes(x)) + epsilon) + beta


# jax-ml/jax#442: a square where the root belongs.
@mutant("batch-norm-forward", "divided-by-variance")
def squares_instead_of_root(x, gamma, beta, epsilon):
    return gamma * (x - x.mean(axes(x))) / (x.var(axes(x)) + epsilon) ** 2 + beta


# pjreddie/darknet#17, Tencent/ncnn#311 (review).
@mutant("batch-norm-forward", "epsilon-outside")
def adds_epsilon_to_the_root(x, gamma, beta, epsilon):
    return gamma * (x - x.mean(axes(x))) / (x.std(axes(x)) + epsilon) + beta


# Tencent/ncnn#311: the layer had no epsilon; keras-team/keras#3475: NaN without one.
@mutant("batch-norm-forward", "epsilon-ignored")
def leaves_epsilon_out(x, gamma, beta, epsilon):
    return gamma * (x - x.mean(axes(x))) / x.std(axes(x)) + beta


# gzuidhof/nn-transfer#3: 1e-3 in one framework, 1e-5 in the other.
@mutant("batch-norm-forward", "epsilon-ignored")
def keeps_its_own_epsilon(x, gamma, beta, epsilon):
    x_hat, _ = normalized(x, 1e-5)
    return gamma * x_hat + beta


# callummcdougall/ARENA_3.0#415, keras-team/keras#10443.
@mutant("batch-norm-forward", "unbiased-variance")
def divides_by_m_minus_one(x, gamma, beta, epsilon):
    variance = x.var(axes(x), ddof=1)
    return gamma * (x - x.mean(axes(x))) / np.sqrt(variance + epsilon) + beta


# keras-team/keras#18795 and #20257: negative variances.
@mutant("batch-norm-forward", "one-pass-variance")
def subtracts_two_large_numbers(x, gamma, beta, epsilon):
    x = x.astype(np.float32)
    mean = x.mean(axes(x))
    variance = (x**2).mean(axes(x)) - mean**2
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


# aiUIUC/pyAIUtils#46: the negative variance is clipped, the digits stay lost.
@mutant("batch-norm-forward", "one-pass-variance")
def clips_the_negative_variance(x, gamma, beta, epsilon):
    mean = x.mean(axes(x))
    variance = np.maximum(np.square(x).mean(axes(x)) - np.square(mean), 0)
    return gamma * (x - mean) / np.sqrt(variance + x.dtype.type(epsilon)) + beta


# keras-team/keras#13463: `axis` is the one that is kept, not reduced.
@mutant("batch-norm-forward", "wrong-axis")
def reduces_the_channels(x, gamma, beta, epsilon):
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


# keras-team/keras#1921; with as many examples as channels broadcasting hides it.
@mutant("batch-norm-forward", "wrong-axis", "error")
def reduces_the_channels_unnoticed(x, gamma, beta, epsilon):
    mean, variance = x.mean(axis=-1), x.var(axis=-1)
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


# d2l-ai/d2l-en#1722: the positions of a convolution are part of the statistics.
@mutant("batch-norm-forward", "batch-axis-only")
def forgets_the_positions(x, gamma, beta, epsilon):
    return gamma * (x - x.mean(0)) / np.sqrt(x.var(0) + epsilon) + beta


# DCASE-REPO/dcase2018_baseline#18, sharathadavanne/seld-dcase2021#8.
@mutant("batch-norm-forward", "channels-first")
def takes_the_second_axis_for_the_channels(x, gamma, beta, epsilon):
    others = tuple(axis for axis in range(x.ndim) if axis != 1)
    mean, variance = x.mean(others, keepdims=True), x.var(others, keepdims=True)
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


# Source notebook 003 subtracts one mean of all pixels and channels.
@mutant("batch-norm-forward", "one-for-all")
def has_one_mean_for_all_channels(x, gamma, beta, epsilon):
    return gamma * (x - x.mean()) / np.sqrt(x.var() + epsilon) + beta


# mystic123/tensorflow-yolo-v3#38: the order of gamma and beta.
@mutant("batch-norm-forward", "swapped-gamma-beta")
def swaps_gamma_and_beta(x, gamma, beta, epsilon):
    return beta * normalized(x, epsilon)[0] + gamma


# Source notebook 002: a comment says "gamma*x + beta".
@mutant("batch-norm-forward", "not-normalized")
def scales_x_itself(x, gamma, beta, epsilon):
    return gamma * x + beta


# chainer/chainer#4505: epsilon is added to the variance, then again under the root.
@mutant("batch-norm-forward", "epsilon-twice")
def adds_epsilon_twice(x, gamma, beta, epsilon):
    variance = x.var(axes(x)) + epsilon
    return gamma * (x - x.mean(axes(x))) / np.sqrt(variance + epsilon) + beta


# smichalowski/google_inception_v3_for_caffe#3: Caffe's layer ends here.
@mutant("batch-norm-forward", "gamma-beta-ignored")
def stops_after_the_division(x, gamma, beta, epsilon):
    return normalized(x, epsilon)[0]


# d2l-ai/d2l-en#2213, cs231n/cs231n.github.io#180.
@mutant("moving-average", "swapped-momentum")
def weighs_the_new_value(moving, batch, momentum):
    return (1 - momentum) * moving + momentum * batch


# tensorflow/tensorflow#11965: the update was never run.
@mutant("moving-average", "never-updated")
def never_moves(moving, batch, momentum):
    return moving.copy()


# torch/nn#695: the documentation calls it a running sum.
@mutant("moving-average", "not-averaged")
def keeps_a_running_sum(moving, batch, momentum):
    return moving * momentum + batch


# Source notebook 000: the comment says momentum 0, the code has 0.99.
@mutant("moving-average", "momentum-ignored")
def keeps_its_own_momentum(moving, batch, momentum=0.99):
    return moving * 0.99 + batch * 0.01


# torch/nn#567 quotes an update that multiplies and adds in place.
@mutant("moving-average", "changed-input")
def assigns_in_place(moving, batch, momentum):
    moving *= momentum
    moving += (1 - momentum) * batch
    return moving


# pytorch/pytorch#15298: Keras's sense expected in PyTorch.
@mutant("pytorch-momentum", "swapped-momentum")
def weighs_the_old_value(running, batch, momentum):
    return momentum * running + (1 - momentum) * batch


# keras-team/keras#13762, #3078: `training=True` stays on.
@mutant("batch-norm-inference", "batch-statistics")
def stays_in_training_mode(x, gamma, beta, moving_mean, moving_variance, epsilon):
    return gamma * normalized(x, epsilon)[0] + beta


# udacity/deep-learning#130, carpedm20/DCGAN-tensorflow#289: `training` always True.
@mutant("batch-norm-inference", "updated-in-inference")
def goes_on_updating(x, gamma, beta, moving_mean, moving_variance, epsilon):
    moving_mean += 0.01 * (x.mean(axes(x)) - moving_mean)
    moving_variance += 0.01 * (x.var(axes(x)) - moving_variance)
    return gamma * (x - moving_mean) / np.sqrt(moving_variance + epsilon) + beta


# Vladkryvoruchko/PSPNet-Keras-tensorflow#31: the order of the four weights.
@mutant("batch-norm-inference", "swapped-statistics")
def mixes_the_weights_up(x, gamma, beta, moving_mean, moving_variance, epsilon):
    return gamma * (x - moving_variance) / np.sqrt(moving_mean + epsilon) + beta


# chainer/chainer#2214: epsilon was missing where the statistics are fixed.
@mutant("batch-norm-inference", "epsilon-ignored")
def has_no_epsilon(x, gamma, beta, moving_mean, moving_variance, epsilon):
    return gamma * (x - moving_mean) / np.sqrt(moving_variance) + beta


# torch/nn#567: variance, standard deviation and its inverse are mixed up.
@mutant("batch-norm-inference", "divided-by-variance")
def takes_the_variance_for_its_root(
    x, gamma, beta, moving_mean, moving_variance, epsilon
):
    return gamma * (x - moving_mean) / (moving_variance + epsilon) + beta


# vlfeat/matconvnet#772, Xilinx/brevitas#411.
@mutant("fold-dense", "bias-not-scaled")
def adds_the_bias_unscaled(kernel, bias, gamma, beta, mean, variance, epsilon):
    factor = gamma / np.sqrt(variance + epsilon)
    return kernel * factor, bias + beta - mean * factor


# shoutOutYangJie/MobileOne#14.
@mutant("fold-dense", "bias-dropped")
def drops_the_bias(kernel, bias, gamma, beta, mean, variance, epsilon):
    factor = gamma / np.sqrt(variance + epsilon)
    return kernel * factor, beta - mean * factor


# XiaoMi/mace#262; in tenstorrent/tt-metal#5317 for layers without a bias.
@mutant("fold-dense", "bias-kept")
def leaves_the_bias_as_it_was(kernel, bias, gamma, beta, mean, variance, epsilon):
    return kernel * gamma / np.sqrt(variance + epsilon), bias


# chr5tphr/zennit#71: the scale went to the inputs of a transposed convolution.
@mutant("fold-dense", "kernel-rows", "error")
def scales_the_rows(kernel, bias, gamma, beta, mean, variance, epsilon):
    factor = gamma / np.sqrt(variance + epsilon)
    return kernel * factor[:, None], (bias - mean) * factor + beta


# NHZlX/Merge_bn_Caffe#8: epsilon is a constant in the code.
@mutant("fold-dense", "epsilon-ignored")
def folds_with_its_own_epsilon(kernel, bias, gamma, beta, mean, variance, epsilon):
    factor = gamma / np.sqrt(variance + 1e-5)
    return kernel * factor, (bias - mean) * factor + beta


# keras-team/keras#10443: the moving variance is expected to be `x.var()`.
@mutant("unbiased-variance", "not-corrected")
def corrects_nothing(batch_variance, count):
    return np.asarray(batch_variance) * 1.0


# d2l-ai/d2l-en#1722: statistics for every position of an image.
@mutant("convolution-moments", "batch-axis-only", "shape")
def has_statistics_for_every_position(x):
    return x.mean(axis=0), x.var(axis=0)


# DCASE-REPO/dcase2018_baseline#18: axis 1 kept, where the channels are the last.
@mutant("convolution-moments", "channels-first", "shape")
def keeps_the_second_axis(x):
    return x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))


# keras-team/keras#1921: the axis of the channels is reduced.
@mutant("convolution-moments", "wrong-axis", "shape")
def reduces_the_axis_of_the_channels(x):
    return x.mean(axis=-1), x.var(axis=-1)


# cs231n/cs231n.github.io#180: a momentum of 0.9 taken for the weight of the new value.
@mutant("steps-to-forget", "swapped-momentum")
def takes_momentum_for_the_new_weight():
    return 2


# keras-team/keras#7265: with the default of 0.99 there are that many to wait for.
@mutant("steps-to-forget", "other-momentum")
def takes_the_default_momentum():
    return 459


# mbadry1/DeepLearning.ai-Summary#183, on paper.
@mutant("four-numbers", "divided-by-variance")
def divides_by_five():
    return [-3 / 5, -1 / 5, 1 / 5, 3 / 5]


# callummcdougall/ARENA_3.0#415, on paper.
@mutant("four-numbers", "unbiased-variance")
def divides_the_squares_by_three():
    return np.array([-3, -1, 1, 3]) / np.sqrt(20 / 3)


# keras-team/keras#19649: two versions differ in their last digits.
@mutant("planted-faults", "not-a")
def takes_other_digits_for_a_fault():
    return {"A", "B", "C", "E", "F"}
