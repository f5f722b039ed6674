"""Evaluate a model with the statistics of each batch, whatever Keras would use.

In Keras 3 no `training` argument that is given while a Functional model is built does
this: the outer call's value takes its place.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from bnteach.diagnostics.layer_paths import batch_norms
from bnteach.diagnostics.passes import batch_mode, unchanged
from bnteach.training.retracing import no_retracing_advice


def evaluate_with_batch_statistics(
    model: keras.Model, data: Any, batch_size: int | None = None
) -> dict[str, float]:
    """Evaluates a model with every batch normalized by its own statistics.

    Layers that hold a moving_mean and a moving_variance, at any depth and frozen or
    not, run as in training; all others, dropout among them, as in inference. What
    that changes, moving statistics and metrics included, is put back afterwards,
    also when the evaluation is interrupted. The result depends on the batch size and
    on which examples share a batch.

    Args:
        model: A compiled model.
        data: Arrays as a tuple (x, y) or (x, y, sample_weight), cut into batches in
            their order, the last one perhaps smaller; or an iterable of such
            batches, for example a `tf.data.Dataset`.
        batch_size: Examples in a batch. Required for arrays, None otherwise.

    Returns:
        The loss and the metrics by name, as `model.evaluate(return_dict=True)`.

    Raises:
        ValueError: If the model has no such layer or is not built, or `batch_size`
            does not go with `data`.
    """
    return BatchStatisticsEvaluation(model)(data, batch_size)


class BatchStatisticsEvaluation:
    """`evaluate_with_batch_statistics` for many evaluations of one model.

    It compiles once, where the function compiles anew at each call.

    Args:
        model: A compiled model with layers as the function describes them, and which
            is not compiled again or given other layers between two evaluations.

    Raises:
        ValueError: If the model has no such layer or is not built.
    """

    def __init__(self, model: keras.Model):
        self.layers = batch_norms(model).values()
        if not self.layers:
            names = [part.name for part in model.layers]
            raise ValueError(
                "expected a built model with layers that have moving_mean and "
                f"moving_variance. Received: layers {names}"
            )
        self.model = model
        self.compiled = None
        # JAX finds again what it compiled for an equal function, so this one is new.
        usual = model.test_step
        self.step = lambda *args: usual(*args)

    def __call__(self, data: Any, batch_size: int | None = None) -> dict[str, float]:
        """Returns the loss and the metrics by name; see the function."""
        given = _evaluate_arguments(data, batch_size)
        with contextlib.ExitStack() as stack:  # left in reverse: variables come last
            stack.enter_context(no_retracing_advice())
            stack.enter_context(unchanged(self.model))
            stack.callback(self.model.reset_metrics)  # those that the evaluation built
            stack.enter_context(self._own_test_function())
            stack.enter_context(batch_mode(self.layers))
            return self.model.evaluate(**given, verbose=0, return_dict=True)

    @contextlib.contextmanager
    def _own_test_function(self) -> Iterator[None]:
        """Has its own compiled function used: the model's calls the layers as usual."""
        usual = self.model.test_function
        self.model.test_function = self.compiled
        self.model.test_step = self.step
        try:
            yield
            self.compiled = self.model.test_function
        finally:
            del self.model.test_step
            self.model.test_function = usual


def _evaluate_arguments(data, batch_size) -> dict[str, Any]:
    arrays = isinstance(data, tuple)
    if arrays != (batch_size is not None):
        raise ValueError(
            "expected batch_size with arrays (x, y), and None with batches. "
            f"Received: data of type {type(data).__name__}, batch_size={batch_size}"
        )
    if arrays:
        names = ("x", "y", "sample_weight")
        return dict(zip(names, data, strict=False), batch_size=batch_size)
    if isinstance(data, list):  # which Keras would take for the inputs of one batch
        return {"x": (batch for batch in data), "steps": len(data)}
    return {"x": data}
