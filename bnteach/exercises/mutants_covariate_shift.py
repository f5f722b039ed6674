"""Wrong answers to the exercises of chapter 1; see `mutants`."""

import numpy as np

from bnteach.exercises.mutant_register import mutant


# Source notebook 003: only the slope is spoken of, never the weights.
@mutant("factor-per-layer", "slope-forgotten")
def looks_at_the_kernel_alone():
    return [0.5, 1.0, 0.1]


# The sum of 100 terms taken for 100 times one of them.
@mutant("factor-per-layer", "root-forgotten")
def adds_up_without_the_root():
    return [0.25 * 100 * 0.05, 0.25 * 100 * 0.1, 1 / 25]


# Glorot's rule read as "inputs plus outputs", for the gain too.
@mutant("factor-per-layer", "both-sides")
def counts_inputs_and_outputs():
    gain = np.sqrt(200)
    return [0.25 * gain * 0.05, 0.25 * gain * 0.1, 4 / gain]


# labmlai/annotated_deep_learning_paper_implementations#23: from image to image.
@mutant("which-shift", "not-e")
def takes_two_images_for_a_shift():
    return {"B", "D", "E"}


# The word without its first part: source notebook 004 says covariance shift.
@mutant("which-shift", "not-a")
def takes_covariate_shift_for_it():
    return {"A", "B", "D"}


# tensorflow/tensorflow#1122: the noise of batches taken for a shift.
@mutant("which-shift", "not-c")
def takes_batch_noise_for_it():
    return ["B", "C", "D"]


@mutant("which-shift", "incomplete", "value")
def forgets_that_learning_is_a_shift():
    return {"B"}


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


# The function in place of its derivative.
@mutant("input-gradient", "sigmoid-for-slope")
def multiplies_by_the_sigmoid(dh, x, kernel):
    return (dh * _sigmoid(x)) @ kernel.T


# s (1 - s) expects s to be a sigmoid already; here it is taken once more.
@mutant("input-gradient", "slope-of-output")
def takes_the_sigmoid_twice(dh, x, kernel):
    s = _sigmoid(_sigmoid(x))
    return (dh * s * (1 - s)) @ kernel.T


@mutant("input-gradient", "slope-of-input")
def forgets_to_take_the_sigmoid(dh, x, kernel):
    return (dh * x * (1 - x)) @ kernel.T


# It runs without a word where a layer is square, and is wrong there too.
@mutant("input-gradient", "not-transposed", "error")
def forgets_to_transpose(dh, x, kernel):
    s = _sigmoid(x)
    return (dh * s * (1 - s)) @ kernel


@mutant("input-gradient", "averaged")
def divides_by_the_batch_once_more(dh, x, kernel):
    s = _sigmoid(x)
    return (dh * s * (1 - s)) @ kernel.T / len(dh)


@mutant("input-gradient", "slope-forgotten")
def passes_the_kernel_alone(dh, x, kernel):
    return dh @ kernel.T


# Source notebook 001 quotes the argument for whitening and standardizes.
@mutant("whiten", "standardized")
def standardizes(x):
    return (x - x.mean(0)) / x.std(0)


@mutant("whiten", "rotated")
def turns_the_data(x):
    centred = x - x.mean(0)
    _, directions = np.linalg.eigh(centred.T @ centred / len(x))
    return centred @ directions


# mbadry1/DeepLearning.ai-Summary#183, with eigenvalues.
@mutant("whiten", "divided-by-variance")
def divides_by_the_eigenvalues(x):
    centred = x - x.mean(0)
    values, directions = np.linalg.eigh(centred.T @ centred / len(x))
    return centred @ directions / values


# numpy.cov divides by m - 1 unless it is told otherwise (keras-team/keras#10443).
@mutant("whiten", "unbiased-variance")
def uses_the_default_of_cov(x):
    values, directions = np.linalg.eigh(np.cov(x.T))
    return (x - x.mean(0)) @ directions / np.sqrt(values)


@mutant("whiten", "not-centred")
def forgets_to_centre_what_it_turns(x):
    values, directions = np.linalg.eigh(np.cov(x.T, ddof=0))
    return x @ directions / np.sqrt(values)


@mutant("whiten", "summed")
def forgets_to_divide_by_m(x):
    centred = x - x.mean(0)
    values, directions = np.linalg.eigh(centred.T @ centred)
    return centred @ directions / np.sqrt(values)


@mutant("whiten", "covariance-kept")
def multiplies_by_the_root(x):
    centred = x - x.mean(0)
    values, directions = np.linalg.eigh(centred.T @ centred / len(x))
    return centred @ directions * np.sqrt(values)


# Numbers that are white and have nothing to do with the data.
@mutant("whiten", "not-of-x")
def returns_white_noise(x):
    noise = np.random.default_rng(0).normal(size=x.shape)
    noise = noise - noise.mean(0)
    return np.linalg.qr(noise)[0] * np.sqrt(len(x))


# Source notebook 003: every vanishing gradient is a saturated one.
@mutant("blame-a-factor", "not-a")
def blames_the_slope_of_everything():
    return {"A": "slope", "B": "none", "C": "slope", "D": "slope"}


# "It has batch normalization, so its gradient cannot vanish."
@mutant("blame-a-factor", "not-c")
def trusts_the_layer():
    return {"A": "weights", "B": "none", "C": "none", "D": "slope"}


def _gaps(kind):
    from bnteach.exercises.shift import gaps
    from bnteach.runs import results

    return gaps(results.read("digit_learning_rates", results.RECORDED))[kind]


# Udacity's Batch_Normalization_Lesson: one seed for each network.
@mutant("gap-by-rate", "one-seed")
def looks_at_one_seed():
    return _gaps("one-seed")


@mutant("gap-by-rate", "other-sign")
def subtracts_the_wrong_way():
    return _gaps("other-sign")


@mutant("gap-by-rate", "best-record")
def takes_the_best_record():
    return _gaps("best-record")


@mutant("gap-by-rate", "percent")
def counts_in_points():
    return _gaps("percent")
