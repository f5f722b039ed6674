"""The exercise "planted-models": five small Keras models, each with one fault.

`models` builds them; read it after you have answered. Importing this module loads no
framework.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bnteach.exercises import answers
from bnteach.exercises.exercise import Exercise
from bnteach.exercises.result import Result

RIGHT = {
    "A": "momentum-convention",
    "B": "wrong-axis",
    "C": "training-flag-baked-in",
    "D": "negative-variance",
    "E": "dropout-before-norm",
}
LOOK = {
    "A": "look at the settings of its normalization.",
    "B": "count the values of gamma.",
    "C": "look at how the layer is called: model.get_layer and the summary hide it, "
    "model.to_json() does not.",
    "D": "look at the moving statistics themselves.",
    "E": "look at what stands before its normalization.",
}


def models() -> dict[str, Any]:
    """Build the five models, "A" to "E"; each takes images of shape (8, 8, 1)."""
    import keras

    layers = keras.layers

    def build(letter, before=None, training=None, **options):
        inputs = keras.Input((8, 8, 1))
        x = layers.Conv2D(6, 3, use_bias=False, name="conv")(inputs)
        x = x if before is None else before(x)
        options = {"momentum": 0.9, "name": "bn", **options}
        x = layers.BatchNormalization(**options)(x, training=training)
        x = layers.Flatten()(layers.ReLU()(x))
        return keras.Model(inputs, layers.Dense(10)(x), name=f"model_{letter}")

    made = {
        "A": build("a", momentum=0.1),
        "B": build("b", axis=1),
        "C": build("c", training=True),
        "D": build("d"),
        "E": build("e", before=layers.Dropout(0.5)),
    }
    made["D"].get_layer("bn").moving_variance.assign(np.full(6, -0.01))
    return made


@dataclass(frozen=True)
class CodesAnswer:
    """For each of several letters, the code of its fault.

    Attributes:
        right: letter -> code.
        look: letter -> where to look, said of a wrong code.
    """

    right: Mapping[str, str]
    look: Mapping[str, str]

    def judge(self, answer: Any, rng: np.random.Generator) -> Result:
        """Return the first letter whose code is wrong; nothing is drawn."""
        if answers.is_placeholder(answer):
            return answers.not_attempted()
        expected = f"expected a dict with a code for each of {', '.join(self.right)}"
        if not isinstance(answer, Mapping):
            received = answers.described(answer)
            return Result("shape", "type", f"{expected}. Received: {received}.")
        given = {str(key).strip().upper(): answer[key] for key in answer}
        unknown = sorted(set(given) - set(self.right))
        if unknown:
            text = f"{expected}. Received: {', '.join(unknown)}."
            return Result("shape", "letters", text)
        named = {k: v for k, v in given.items() if not answers.is_placeholder(v)}
        for letter, code in self.right.items():
            if letter in named and str(named[letter]).strip().lower() != code:
                text = f"{letter} has another fault: {self.look[letter]}"
                return Result("property", f"not-{letter.lower()}", text)
        missing = [letter for letter in self.right if letter not in named]
        if missing:
            text = f"What you named is right. Still missing: {', '.join(missing)}."
            return Result("value", "incomplete", text)
        return Result("right", "", "Every fault has its name.")


EXERCISE = Exercise(
    name="planted-models",
    question="Five models, each with one fault: give the code of each.",
    chapter=8,
    minutes=12,
    difficulty="medium",
    stub="""from bnteach.exercises.planted_models import models  # "A" to "E"

codes = {"A": ..., "B": ..., "C": ..., "D": ..., "E": ...}  # your turn
check("planted-models", codes)
""",
    hints=(
        "None of the faults needs data to be found. Look at the layer called bn first, "
        "with get_config, get_weights and count_params; then at what stands around it.",
        "examine(model).codes names the code. Say first what you expect it to find.",
    ),
    answer=CodesAnswer(RIGHT, LOOK),
)
