"""Wrong answers to the exercises on Keras; see `mutants`."""

import numpy as np

from bnteach.exercises.mutant_register import mutant


# keras-team/keras#13762: training=True at building, and predict is thought to obey.
@mutant("which-use-batch-statistics", "not-a")
def thinks_predict_obeys():
    return {"A", "B", "C", "F"}


# tensorflow/tensorflow#32864: a plain call is taken for training mode.
@mutant("which-use-batch-statistics", "not-e")
def takes_a_plain_call_for_training():
    return "BCEF"


# keras-team/keras#9965: a frozen layer is thought to use the batch.
@mutant("which-use-batch-statistics", "not-d")
def thinks_frozen_layers_use_the_batch():
    return "BCDF"


# carpentries-lab/deep-learning-intro#296: what are non-trainable parameters?
@mutant("count-weights", "all-trained")
def counts_moving_statistics_as_trained():
    return [285, 285]


# experiencor/keras-yolo2#167: gamma and beta alone are counted.
@mutant("count-weights", "two-a-channel")
def counts_two_a_channel():
    return [257, 257]


# A bias that nothing needs, source notebook 000.
@mutant("count-weights", "hidden-biases")
def keeps_the_biases():
    return [299, 271]


# pytorch/pytorch#15298 and d2l-ai/d2l-en#2213: which weight is called momentum.
@mutant("momentum-for-steps", "pytorch")
def gives_pytorchs(steps, share):
    return 1 - share ** (1 / steps)


# keras-team/keras#7265: "1 / (1 - momentum) is the number of steps it needs".
@mutant("momentum-for-steps", "one-over-steps")
def takes_the_length_of_the_memory(steps, share):
    return 1 - 1 / steps


@mutant("momentum-for-steps", "linear")
def subtracts_equal_parts(steps, share):
    return 1 - (1 - share) / steps


def _renorm(x, epsilon):
    std = np.sqrt(x.var(0) + epsilon)
    return (x - x.mean(0)) / std, std


# Ioffe 2017, Algorithm 1, read in a hurry.
@mutant("renormalize", "d-by-batch")
def measures_d_in_the_batch(x, gamma, beta, mean, stddev, epsilon, rmax, dmax):
    x_hat, std = _renorm(x, epsilon)
    r = np.clip(std / stddev, 1 / rmax, rmax)
    d = np.clip((x.mean(0) - mean) / std, -dmax, dmax)
    return gamma * (x_hat * r + d) + beta


@mutant("renormalize", "order")
def adds_d_first(x, gamma, beta, mean, stddev, epsilon, rmax, dmax):
    x_hat, std = _renorm(x, epsilon)
    r = np.clip(std / stddev, 1 / rmax, rmax)
    d = np.clip((x.mean(0) - mean) / stddev, -dmax, dmax)
    return gamma * (x_hat + d) * r + beta


@mutant("renormalize", "inverted")
def turns_r_round(x, gamma, beta, mean, stddev, epsilon, rmax, dmax):
    x_hat, std = _renorm(x, epsilon)
    r = np.clip(stddev / std, 1 / rmax, rmax)
    d = np.clip((x.mean(0) - mean) / stddev, -dmax, dmax)
    return gamma * (x_hat * r + d) + beta


# "It leans on the moving statistics": the limits are what is left out.
@mutant("renormalize", "moving")
def uses_the_moving_statistics(x, gamma, beta, mean, stddev, epsilon, rmax, dmax):
    return gamma * (x - mean) / stddev + beta


def _norms(model, deep=True):
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            yield layer
        elif deep and hasattr(layer, "layers"):
            yield from _norms(layer)


def _compiled(model):
    model.compile(optimizer="sgd", loss="mse")
    return model


# keras-team/keras#6570: trainable is set, and the model is not compiled again.
@mutant("freeze-normalizations", "not-compiled")
def forgets_to_compile(model):
    for layer in _norms(model):
        layer.trainable = False
    return model


# keras-team/keras#4762: a nested base is one layer of the model.
@mutant("freeze-normalizations", "nested-forgotten")
def looks_at_the_first_level(model):
    for layer in _norms(model, deep=False):
        layer.trainable = False
    return _compiled(model)


# keras-team/keras#9214: everything is frozen to be safe.
@mutant("freeze-normalizations", "all-frozen")
def freezes_the_layers_too(model):
    for layer in model.layers[:-1]:
        layer.trainable = False
    return _compiled(model)


# keras-team/keras#7085: an attribute that Keras never reads.
@mutant("freeze-normalizations", "not-frozen")
def sets_an_attribute_of_its_own(model):
    for layer in _norms(model):
        layer.training = False
    return _compiled(model)


# A momentum of 1 holds the statistics; gamma and beta learn on.
@mutant("freeze-normalizations", "statistics-only")
def holds_the_momentum(model):
    for layer in _norms(model):
        layer.momentum = 1.0
    return _compiled(model)


# tensorflow/models#9538: gamma and beta are frozen by themselves.
@mutant("freeze-normalizations", "parameters-only")
def freezes_gamma_and_beta(model):
    for layer in _norms(model):
        layer.gamma.trainable = layer.beta.trainable = False
    return _compiled(model)


@mutant("freeze-normalizations", "batch-statistics")
def freezes_all_but_the_mode(model):
    for layer in _norms(model):
        layer.momentum = 1.0
        layer.gamma.trainable = layer.beta.trainable = False
    return _compiled(model)


# keras-team/keras#20285: the recipe of the guides.
@mutant("which-recipes-freeze", "not-a")
def trusts_the_guide():
    return {"A", "B", "D", "E"}


# tensorflow/models#9538: which of the four does a freeze hold?
@mutant("which-recipes-freeze", "not-c")
def takes_a_frozen_gamma_for_a_frozen_layer():
    return "BCDE"


def _network(momentum=0.9, bias=False, shared=False, **flag):
    import keras

    norms = [keras.layers.BatchNormalization(momentum=momentum) for _ in range(2)]
    inputs = x = keras.Input((8, 8, 1))
    for norm in norms[:1] * 2 if shared else norms:
        x = keras.layers.Conv2D(6, 3, padding="same", use_bias=bias)(x)
        x = keras.layers.ReLU()(norm(x, **flag))
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(10)(x))


# Source notebook 000 notes it: one layer object cannot stand in two places.
@mutant("mended-network", "shared-layer")
def shares_a_layer():
    return lambda: _network(shared=True)


# gzuidhof/nn-transfer#3: PyTorch's momentum in Keras.
@mutant("mended-network", "momentum-convention")
def keeps_pytorchs_momentum():
    return lambda: _network(momentum=0.1)


# keras-team/keras#13762.
@mutant("mended-network", "training-flag-baked-in")
def keeps_the_flag():
    return lambda: _network(training=True)


# allenai/allennlp#4990: a bias before the layer.
@mutant("mended-network", "redundant-bias")
def keeps_the_bias():
    return lambda: _network(bias=True)


# Taking the trouble out by taking the layer out.
@mutant("mended-network", "other-network")
def drops_the_normalizations():
    import keras

    inputs = x = keras.Input((8, 8, 1))
    for _ in range(2):
        x = keras.layers.Conv2D(6, 3, padding="same")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return lambda: keras.Model(inputs, keras.layers.Dense(10)(x))
