"""The exercises on freezing: "freeze-normalizations" and "which-recipes-freeze".

Importing this module loads no framework; `recipes` and the judge build Keras models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bnteach.exercises import answers
from bnteach.exercises.exercise import Case, Exercise
from bnteach.exercises.result import Result
from bnteach.exercises.value_answer import LettersAnswer

SAID = {
    "not-frozen": "Both batch normalizations go on as before. What freezes a layer is "
    "its attribute trainable, and a compile after it was set.",
    "not-compiled": "trainable is False, and fit does not know of it: it keeps what "
    "was compiled. Compile the model again before you return it.",
    "nested-forgotten": "The normalization inside the nested model goes on. "
    "model.layers lists that model as one layer: look inside it too.",
    "outer-forgotten": "The normalization of the outer model goes on.",
    "all-frozen": "Layers that are no batch normalization are frozen too: their "
    "kernels no longer move.",
    "statistics-only": "The moving statistics stay, gamma and beta are still trained.",
    "parameters-only": "Gamma and beta stay, the moving statistics still move: after a "
    "frozen gamma and beta the layer still runs in training mode.",
    "batch-statistics": "Nothing of the layers moves, but they still normalize by the "
    "batch: fit's loss is not that of inference.",
}
X = np.random.default_rng(4).normal(3, 2, (32, 5)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


def nested_model():
    """Build and compile a model with one normalization inside a nested model."""
    import keras

    def dense(units, name, seed):
        # The same kernels each time: by chance, both modes can have nearly one loss.
        kernels = keras.initializers.GlorotUniform(seed)
        return keras.layers.Dense(units, kernel_initializer=kernels, name=name)

    inputs = keras.Input((4,))
    x = dense(4, "dense_inner", 0)(inputs)
    x = keras.layers.BatchNormalization(momentum=0.5, name="bn_inner")(x)
    inner = keras.Model(inputs, keras.layers.ReLU()(x), name="inner")
    inputs = keras.Input((5,))
    x = dense(4, "dense_outer", 1)(inputs)
    x = keras.layers.BatchNormalization(momentum=0.5, name="bn_outer")(x)
    outputs = dense(1, "last", 2)(inner(x))
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.SGD(0.01), "mse")
    model.fit(X, Y, batch_size=32, verbose=0)  # what was compiled is traced now
    return model


@dataclass(frozen=True)
class FreezeAnswer:
    """A function that freezes the batch normalizations of a compiled model."""

    def judge(self, answer: Any, rng: np.random.Generator) -> Result:
        """Hand the reader's function a model, fit what comes back, see what moved."""
        if answers.is_placeholder(answer):
            return answers.not_attempted()
        function = answers.callable_of(answer, ("model",))
        if isinstance(function, Result):
            return function
        if not answers.works(function):
            return answers.not_attempted()
        model = nested_model()
        outcome = answers.call(function, Case({"model": model}))
        if outcome.dots_left or isinstance(outcome.error, NotImplementedError):
            return outcome.not_attempted()
        if outcome.error is not None:
            return _raised(outcome.error, outcome.where)
        if not hasattr(outcome.returned, "fit"):
            received = answers.described(outcome.returned)
            text = f"expected the model, ready for fit. Received: {received}."
            return Result("shape", "nothing-returned", text)
        return self._fitted(outcome.returned)

    def _fitted(self, model) -> Result:
        before = {w.path: w.numpy() for w in model.weights}
        inference = float(np.mean((model.predict(X, verbose=0) - Y) ** 2))
        try:
            loss = model.fit(X, Y, batch_size=32, verbose=0).history["loss"][0]
        except Exception as error:
            return _raised(error, "in fit, after your function")
        moved = {
            "/".join(w.path.split("/")[-2:]): not np.array_equal(
                w.numpy(), before[w.path]
            )
            for w in model.weights
        }
        kind = _kind(model, moved, abs(loss - inference) > 1e-4 * inference)
        if kind:
            return Result("property", kind, SAID[kind])
        text = "gamma, beta and the moving statistics of both layers stay, in fit too; "
        return Result("right", "", text + "every kernel still moves.")


def _raised(error, where) -> Result:
    name = type(error).__name__
    return Result("error", name, f"It raised {name}: {error}, {where}.")


def _kind(model, moved, by_batch) -> str:
    """Return what is wrong, "" if nothing is."""
    from bnteach.diagnostics.layer_paths import batch_norms

    if not all(moved[f"{name}/kernel"] for name in ("dense_inner", "dense_outer")):
        return "all-frozen"
    layers = batch_norms(model)
    statistics, learned = (
        {
            layer.name: any(moved[f"{layer.name}/{v}"] for v in names)
            for layer in layers.values()
        }
        for names in (("moving_mean", "moving_variance"), ("gamma", "beta"))
    )
    both = {name for name in statistics if statistics[name] and learned[name]}
    if both == set(statistics):
        frozen = not any(layer.trainable for layer in layers.values())
        return "not-compiled" if frozen else "not-frozen"
    if both:
        return "nested-forgotten" if "bn_inner" in both else "outer-forgotten"
    if any(statistics.values()):
        return "parameters-only"
    if any(learned.values()):
        return "statistics-only"
    return "batch-statistics" if by_batch else ""


FREEZE = Exercise(
    name="freeze-normalizations",
    question="Freeze every batch normalization of a compiled model, and nothing else.",
    chapter=4,
    minutes=10,
    difficulty="medium",
    stub="""def my_freeze(model): ...  # your turn: return the model, ready for fit


check("freeze-normalizations", my_freeze)
""",
    hints=(
        "Set trainable of each batch normalization. A layer of a model can be a model "
        "itself, with layers of its own.",
        "bnteach.models.batch_norm_layers finds them at any depth; with Keras alone a "
        "function that calls itself does.",
        "fit keeps what was compiled: end with model.compile, with the optimizer and "
        "the loss of the model.",
    ),
    answer=FreezeAnswer(),
)


def recipes() -> dict[str, tuple[Any, Any]]:
    """Build six compiled models, "A" to "F", each with its normalization beside it.

    All were built to be fine-tuned with the moving statistics held. Inputs have the
    shape (5,), targets (1,).
    """
    import keras

    layers = keras.layers

    def base(letter):
        inputs = keras.Input((5,))
        bn = layers.BatchNormalization(name="bn", momentum=0.5)
        x = layers.ReLU()(bn(layers.Dense(4, name="dense")(inputs)))
        return keras.Model(inputs, x, name=f"base_{letter}"), bn

    def joined(inside, **flag):
        inputs = keras.Input((5,))
        return keras.Model(inputs, layers.Dense(1)(inside(inputs, **flag)))

    class Held(keras.Model):
        def __init__(self, inside):
            super().__init__()
            self.inside, self.head = inside, layers.Dense(1)

        def call(self, x):
            return self.head(self.inside(x, training=False))

    made = {}
    for letter in "ABCDEF":
        inside, bn = base(letter.lower())
        flag = {"training": False} if letter == "A" else {}
        model = Held(inside) if letter == "D" else joined(inside, **flag)
        if letter == "B":
            bn.trainable = False
        elif letter == "E":
            inside.trainable = False
        elif letter == "F":
            inside.get_layer("dense").trainable = False
        elif letter == "C":
            bn.gamma.trainable = bn.beta.trainable = False
        model.compile(optimizer="sgd", loss="mse")
        made[letter] = model, bn
    return made


RECIPES = Exercise(
    name="which-recipes-freeze",
    question="Six recipes for fine-tuning: in which do the moving statistics stay?",
    chapter=4,
    minutes=10,
    difficulty="medium",
    stub="""from bnteach.exercises.freezing import recipes  # "A" to "F"

x = np.random.default_rng(0).normal(2, 3, (64, 5)).astype("float32")
for letter, (model, bn) in recipes().items():
    ...  # fit the model on x, and look at bn.moving_mean before and after

my_recipes = {...}  # your turn: letters such as "A"
check("which-recipes-freeze", my_recipes)
""",
    hints=(
        "Copy bn.moving_mean.numpy() before fit, and compare after it. Any targets of "
        "shape (64, 1) will do.",
        "Three of the six hold them. Compare each of the others with the flowchart.",
    ),
    answer=LettersAnswer(
        frozenset("BDE"),
        {
            "A": "training=False was fixed at building, and fit overrides it.",
            "C": "gamma and beta are frozen alone: the layer still runs in training "
            "mode.",
            "F": "the dense layer is frozen, its normalization is not.",
        },
    ),
)
