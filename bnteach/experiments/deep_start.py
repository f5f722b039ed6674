"""Chapter 3: is it the start that keeps a deep network on its plateau?

The network of `deep_network`, with no layer for normalization. Its kernels are drawn as
Glorot and He draw them, or start where batch normalization would put the network: each
channel with mean 0 and standard deviation 1 over a batch of digits, at the first step
and only there (Kraehenbuehl et al. 2016 start networks in this way).
"""

from bnteach.experiments import deep_network
from bnteach.experiments.base import Experiment, Settings

STANDARDIZED = "Glorot, standardized once on 256 digits"


def standardized(seed):
    """Return a plain network that starts where the one with the layer starts.

    Args:
        seed: of the kernels.

    Returns:
        A Keras model of kernels and biases alone, not compiled.
    """
    import keras

    from bnteach import datasets, deployment, models

    # With momentum 0 the moving statistics are those of this batch, and folding makes
    # the layers a part of the kernels and biases.
    model = models.deep_cnn(
        normalization=lambda name: keras.layers.BatchNormalization(
            momentum=0.0, name=name
        ),
        seed=seed,
    )
    digits = datasets.load("mnist5k").scaled().x_train[:256, ..., None]
    model(digits, training=True)
    return deployment.fold(model).model


def _build(arguments, seed):
    from bnteach import models

    kernels = arguments.get("kernels", "glorot_uniform")
    if kernels == STANDARDIZED:
        model = standardized(seed)
    else:
        normalization = arguments.get("normalization")
        model = models.deep_cnn(
            normalization=normalization, kernel_initializer=kernels, seed=seed
        )
    return deep_network.compile_yes_or_no(model)


EXPERIMENT = Experiment(
    name="deep_start",
    title="19 convolutions on digits: is it the start that keeps them on the plateau?",
    variants={
        "plain": {},
        "plain, He": {"kernels": "he_normal"},
        "plain, standardized start": {"kernels": STANDARDIZED},
        "batch norm": {"normalization": "batch"},
    },
    profiles={
        "quick": Settings("mnist5k", 300, 64, 25, 3, 20.0, 500),
        "full": Settings("mnist", 800, 64, 50, 3, 40.0, 5000),
    },
    prepare=deep_network.prepare,
    build=_build,
    measure=deep_network.test_metrics,
    note=deep_network.NOTE,
)
