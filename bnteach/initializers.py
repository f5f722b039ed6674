"""Where the kernels of a network start from: one seed for each layer of a model."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np

KernelInitializer = str | Callable[[int], keras.initializers.Initializer]


def small_gaussian(seed: int) -> keras.initializers.Initializer:
    """Return the kernels of the paper's experiment: normal with deviation 0.05.

    The paper (section 4.1) says "small random Gaussian values" and gives no number;
    0.05 is the choice of later courses that repeat the experiment.
    """
    return keras.initializers.RandomNormal(stddev=0.05, seed=seed)


class KernelFactory:
    """Makes the initializer of layer `number`, from the model's seed and that number.

    A seed a layer, and not one for all: with the same seed in every layer, two
    kernels of equal shape would start from equal numbers.
    """

    def __init__(self, initializer: KernelInitializer, seed: int):
        self.initializer = initializer
        self.seed = seed

    def __call__(self, number: int) -> keras.initializers.Initializer:
        """Return the initializer of the kernel of layer `number`."""
        seed = layer_seed(self.seed, number)
        if callable(self.initializer):
            return self.initializer(seed)
        config = {"class_name": self.initializer, "config": {"seed": seed}}
        return keras.initializers.get(config)


def layer_seed(seed: int, number: int) -> int:
    """Return the seed of layer `number` in a model of that seed."""
    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0] >> 1)
