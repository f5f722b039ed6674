"""The exercise "blame-a-factor": four networks, three that lose their gradient.

`networks` builds them; read it after you have answered. Importing this module loads no
framework.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bnteach.exercises.exercise import Exercise
from bnteach.exercises.planted_models import CodesAnswer

INPUTS, UNITS, DEPTH = 20, 60, 6
RIGHT = {"A": "weights", "B": "none", "C": "normalization", "D": "slope"}
LOOK = {
    "A": "compare its slope and its weights with those of a ReLU network that keeps "
    "its gradient, 0.71 and 1.41.",
    "B": "multiply its factors: how much of the gradient is left after five layers?",
    "C": "what should 1/s be, to give back what the slope takes? Then look at the "
    "settings of the layer.",
    "D": "its slope is far below a quarter: what enters its sigmoids?",
}


def networks() -> dict[str, Any]:
    """Build the four networks, "A" to "D", compiled; each takes 20 numbers."""
    import keras

    from bnteach import models

    def build(letter, **options):
        model = models.mlp(
            (INPUTS,), (UNITS,) * DEPTH, seed=1, name=f"network_{letter}", **options
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("sgd", loss)
        return model

    def small(seed):
        return keras.initializers.RandomNormal(stddev=0.05, seed=seed)

    def careless(name):
        return keras.layers.BatchNormalization(epsilon=1.0, name=name)

    made = {
        "A": build("a", activation="relu", kernel_initializer=small),
        "B": build("b", normalization="batch"),
        "C": build("c", normalization=careless),
        "D": build("d"),
    }
    for number in range(1, DEPTH + 1):
        made["D"].get_layer(f"dense_{number}").bias.assign(np.full(UNITS, 6.0))
    return made


def batch() -> tuple[np.ndarray, np.ndarray]:
    """Return inputs (200, 20) and classes (200,) to measure with."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, INPUTS)), rng.integers(0, 10, 200)


EXERCISE = Exercise(
    name="blame-a-factor",
    question="Four networks, three lose their gradient: which factor is to blame?",
    chapter=1,
    minutes=12,
    difficulty="medium",
    stub="""from bnteach import diagnostics
from bnteach.exercises import sick_networks

networks = sick_networks.networks()  # "A" to "D"
sick = diagnostics.backward_factors(networks["A"], *sick_networks.batch())
print(sick["product"].round(1))  # look further than this

# "slope", "weights", "normalization" or "none"
blame = {"A": ..., "B": ..., "C": ..., "D": ...}  # your turn
check("blame-a-factor", blame)
""",
    hints=(
        "Print sick['slope'], sick['weights'] and sick['1/s'] of each network, and "
        "compare them with the table of this chapter.",
        "One of the factors of each sick network is far from what its activation and a "
        "usual initialization give. A normalization has to give back what the slope "
        "takes: about 5 for sigmoids.",
    ),
    answer=CodesAnswer(RIGHT, LOOK),
)
