"""Small trained networks for the tests of `examine`, on real 8x8 digits."""

import functools

import keras
import numpy as np
import sklearn.datasets

L = keras.layers


@functools.cache
def digits():
    """Return x (1500, 8, 8, 1) from 0 to 1 and y (1500,), in a random order."""
    found = sklearn.datasets.load_digits()
    order = np.random.default_rng(0).permutation(len(found.target))[:1500]
    x = (found.images[order] / 16).astype("float32")[..., None]
    return x, found.target[order].astype("int64")


def norm(**options):
    return L.BatchNormalization(**{"momentum": 0.9, **options})


def mlp(norm=norm, units=(48, 32), **dense):
    layers = [keras.Input((8, 8, 1)), L.Flatten()]
    for width in units:
        layers += [L.Dense(width, use_bias=False, **dense), norm(), L.ReLU()]
    return keras.Sequential([*layers, L.Dense(10)], name="mlp")


def cnn(norm=norm, filters=(8, 16)):
    layers = [keras.Input((8, 8, 1))]
    for width in filters:
        conv = L.Conv2D(width, 3, padding="same", use_bias=False)
        layers += [conv, norm(), L.ReLU(), L.MaxPooling2D()]
    return keras.Sequential([*layers, L.Flatten(), L.Dense(10)], name="cnn")


ARCHITECTURES = {"mlp": mlp, "cnn": cnn}


def compiled(model, rate=0.01):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    return model


def fit(model, data=None, batch_size=32, epochs=3):
    x, y = data or digits()
    model.fit(x, y, batch_size=batch_size, epochs=epochs, verbose=0)
    return model


@functools.cache
def _weights(name):
    keras.utils.set_random_seed(0)
    model = fit(compiled(ARCHITECTURES[name]()))
    return model.get_weights(), [np.array(v.numpy()) for v in model.optimizer.variables]


def trained(name):
    """Return a trained and compiled network, a new one each time."""
    model = compiled(ARCHITECTURES[name]())
    weights, state = _weights(name)
    model.set_weights(weights)
    model.optimizer.build(model.trainable_variables)
    for variable, value in zip(model.optimizer.variables, state, strict=True):
        variable.assign(value)
    return model


def norms(model):
    return [one for one in model.layers if hasattr(one, "moving_variance")]


def functional(build):
    inputs = keras.Input((8, 8, 1))
    return keras.Model(inputs, build(inputs))
