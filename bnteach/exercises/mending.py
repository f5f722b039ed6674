"""The exercise "mended-network": four faults in a network that runs and trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bnteach.exercises import answers
from bnteach.exercises.exercise import Case, Exercise
from bnteach.exercises.result import Result

# Code of a finding -> what to tell, without saying what to write.
SAID = {
    "shared-layer": "Both convolutions share one normalization: one set of moving "
    "statistics cannot fit two inputs.",
    "momentum-convention": "The momentum is PyTorch's: in Keras it is the weight of "
    "the old value.",
    "training-flag-baked-in": "training=True is still fixed while the model is built: "
    "model(x) and an export would obey it.",
    "redundant-bias": "The convolutions still have a bias, which the normalization "
    "takes away again.",
    "wrong-axis": "The normalization does not keep the axis of the channels.",
    "norm-after-norm": "A normalization follows another.",
    "norm-at-output": "The outputs are normalized now: they were not before.",
    "momentum-out-of-range": "A momentum lies between 0 and 1.",
    "training-flag-ignored": "training=False at building does nothing in fit: leave "
    "the flag out.",
}
LAYERS = {"Conv2D": 2, "BatchNormalization": 2, "Dense": 1}


@dataclass(frozen=True)
class MendedAnswer:
    """A function without arguments that builds a model, or that model."""

    def judge(self, answer: Any, rng: np.random.Generator) -> Result:
        """Examine what was built; nothing is drawn and nothing is trained."""
        if answers.is_placeholder(answer):
            return answers.not_attempted()
        if not hasattr(answer, "layers"):
            answer = _built(answer)
        return answer if isinstance(answer, Result) else _examined(answer)


def _built(answer) -> Any:
    function = answers.callable_of(answer, ())
    if isinstance(function, Result):
        return function
    outcome = answers.call(function, Case({}))
    unfinished = outcome.error is not None or not answers.works(function)
    if unfinished and (failure := outcome.failure()):
        return failure
    if not hasattr(outcome.returned, "layers"):
        received = answers.described(outcome.returned)
        text = f"expected a Keras model. Received: {received}."
        return Result("shape", "nothing-returned", text)
    return outcome.returned


def _examined(model) -> Result:
    from bnteach.diagnostics import examine

    shapes = tuple(model.input_shape), tuple(model.output_shape)
    if shapes != ((None, 8, 8, 1), (None, 10)):
        text = f"expected inputs (8, 8, 1) and 10 outputs. Received: {shapes}."
        return Result("shape", "shape", text)
    codes = examine(model).codes
    for code in [*SAID, *codes]:
        if code in codes and code != "no-batch-normalization":
            return Result("property", code, SAID.get(code, f"examine finds {code}."))
    kinds = [type(layer).__name__ for layer in model.layers]
    for kind, count in LAYERS.items():
        if kinds.count(kind) != count:
            text = f"expected {count} layers {kind}. Received: {kinds.count(kind)}."
            return Result("property", "other-network", text)
    text = "examine finds nothing: two normalizations of their own, no bias before "
    return Result("right", "", text + "them, a momentum of Keras, no fixed mode.")


EXERCISE = Exercise(
    name="mended-network",
    question="Four faults in a network that runs and trains: mend them.",
    chapter=4,
    minutes=10,
    difficulty="medium",
    stub="""def my_network(): ...  # your turn: the same layers, without the faults


check("mended-network", my_network)
""",
    hints=(
        "Look at each argument of the normalization, then at how often and how it is "
        "called.",
        "bnteach.diagnostics.examine names the faults of the broken network. What "
        "does each code mean?",
        "One fault is no error, only a waste: which weights get a gradient of 0?",
    ),
    answer=MendedAnswer(),
)
