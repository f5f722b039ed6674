"""All exercises, in the order of the book. To add one, add its module here."""

from __future__ import annotations

import difflib

from bnteach.exercises import (
    artifact_check,
    backward,
    broken_layers,
    by_hand,
    channels_first,
    depth,
    fold,
    fold_transposed,
    forward,
    freezing,
    gradient_check,
    inference,
    keras_usage,
    layer_class,
    mending,
    moving_average,
    own_model,
    planted,
    planted_models,
    rounding,
    shift,
    sick_networks,
    variance,
    whitening,
)
from bnteach.exercises.exercise import Exercise

EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise
    for exercise in (
        depth.FACTOR_PER_LAYER,
        shift.WHICH_SHIFT,
        depth.INPUT_GRADIENT,
        whitening.EXERCISE,
        sick_networks.EXERCISE,
        shift.GAP_BY_RATE,
        by_hand.FOUR_NUMBERS,
        forward.EXERCISE,
        backward.EXERCISE,
        gradient_check.EXERCISE,
        moving_average.EXERCISE,
        by_hand.STEPS_TO_FORGET,
        variance.UNBIASED_VARIANCE,
        inference.EXERCISE,
        fold.EXERCISE,
        planted.EXERCISE,
        rounding.PLATEAU,
        rounding.LAG,
        variance.CONVOLUTION_MOMENTS,
        layer_class.EXERCISE,
        channels_first.EXERCISE,
        broken_layers.EXERCISE,
        rounding.STEADY,
        rounding.SLOPE,
        keras_usage.CALLS,
        keras_usage.COUNT,
        moving_average.PYTORCH_EXERCISE,
        keras_usage.MOMENTUM,
        freezing.FREEZE,
        mending.EXERCISE,
        freezing.RECIPES,
        keras_usage.RENORMALIZE,
        own_model.WEIGHT_OF_START,
        own_model.MENDED,
        own_model.POOLED,
        fold_transposed.EXERCISE,
        own_model.PADDING,
        planted_models.EXERCISE,
        artifact_check.EXERCISE,
    )
}


def get(name: str) -> Exercise:
    """Return an exercise.

    Raises:
        ValueError: there is none of this name; the message names one that is close.
    """
    if name not in EXERCISES:
        close = difflib.get_close_matches(str(name), EXERCISES, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"expected the name of an exercise: {', '.join(EXERCISES)}. "
            f"Received: {name!r}.{hint}"
        )
    return EXERCISES[name]
