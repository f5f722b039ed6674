"""What the batch normalization layer is told and what it keeps.

Constructor, checks, weights and configuration, in the terms of
`keras.layers.BatchNormalization`. What the layer computes is in
`batch_normalization.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras

from bnteach.checks import check_axis, check_momentum, check_number
from bnteach.layers.renorm import check_clipping

ESTIMATORS = ("biased", "unbiased")
IMPLEMENTATIONS = ("auto", "reference", "fused")
FLOATING = ("float16", "bfloat16", "float32", "float64")


class BatchNormalizationBase(keras.layers.Layer):
    """Arguments, weights and configuration of `BatchNormalization`."""

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer="zeros",
        gamma_initializer="ones",
        moving_mean_initializer="zeros",
        moving_variance_initializer="ones",
        beta_regularizer=None,
        gamma_regularizer=None,
        beta_constraint=None,
        gamma_constraint=None,
        renorm: bool = False,
        renorm_clipping: dict[str, float] | None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        *,
        moving_variance_estimator: str = "biased",
        implementation: str = "auto",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if keras.backend.backend() != "tensorflow":
            raise ValueError(
                "expected Keras to run on TensorFlow for this layer. "
                f"Received: keras.backend.backend()={keras.backend.backend()!r}"
            )
        _check_floating(self.compute_dtype)
        self.axis = check_axis(axis)
        self.momentum = check_momentum(momentum)
        self.epsilon = check_number("epsilon", epsilon, 0)
        self.center = center
        self.scale = scale
        self.beta_initializer = keras.initializers.get(beta_initializer)
        self.gamma_initializer = keras.initializers.get(gamma_initializer)
        self.moving_mean_initializer = keras.initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = keras.initializers.get(
            moving_variance_initializer
        )
        self.beta_regularizer = keras.regularizers.get(beta_regularizer)
        self.gamma_regularizer = keras.regularizers.get(gamma_regularizer)
        self.beta_constraint = keras.constraints.get(beta_constraint)
        self.gamma_constraint = keras.constraints.get(gamma_constraint)
        self.renorm = renorm
        self.renorm_clipping = check_clipping(renorm_clipping) if renorm else None
        self.renorm_momentum = check_momentum(renorm_momentum, "renorm_momentum")
        self.synchronized = synchronized
        self.moving_variance_estimator = _check_one_of(
            "moving_variance_estimator", moving_variance_estimator, ESTIMATORS
        )
        self.implementation = _check_one_of(
            "implementation", implementation, IMPLEMENTATIONS
        )
        self.supports_masking = True
        self.gamma = None
        self.beta = None
        self.moving_mean = None
        self.moving_variance = None

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Make the weights, each with shape (C,), in the order Keras makes them."""
        self.compute_output_shape(input_shape)
        channels = input_shape[self.axis]
        if channels is None:
            raise ValueError(
                f"expected a known size along axis {self.axis}. "
                f"Received: input_shape={tuple(input_shape)}"
            )
        if self.scale:
            self.gamma = self._add_parameter("gamma", channels)
        if self.center:
            self.beta = self._add_parameter("beta", channels)
        mean, variance = self.moving_mean_initializer, self.moving_variance_initializer
        self.moving_mean = self._add_statistic("moving_mean", channels, mean)
        self.moving_variance = self._add_statistic(
            "moving_variance", channels, variance
        )
        if self.renorm:
            stddev = _square_root(variance)
            self.moving_stddev = self._add_statistic("moving_stddev", channels, stddev)
            self.renorm_mean = self._add_statistic(
                "renorm_mean", channels, _clone(mean)
            )
            self.renorm_stddev = self._add_statistic("renorm_stddev", channels, stddev)
        self.input_spec = keras.layers.InputSpec(
            ndim=len(input_shape), axes={self.axis: channels}
        )

    def _add_parameter(self, name: str, channels: int) -> keras.Variable:
        return self.add_weight(
            shape=(channels,),
            name=name,
            initializer=getattr(self, f"{name}_initializer"),
            regularizer=getattr(self, f"{name}_regularizer"),
            constraint=getattr(self, f"{name}_constraint"),
            autocast=False,
        )

    def _add_statistic(
        self, name: str, channels: int, initializer: Callable
    ) -> keras.Variable:
        return self.add_weight(
            shape=(channels,),
            name=name,
            initializer=initializer,
            # A variance above 65504 would be infinite in a float16 variable.
            dtype=keras.backend.result_type(self.variable_dtype, "float32"),
            trainable=False,
            autocast=False,
        )

    def compute_output_shape(
        self, input_shape: Sequence[int | None]
    ) -> Sequence[int | None]:
        """Return the shape of the output, which is that of the input."""
        check_rank_and_axis("inputs", input_shape, self.axis)
        return input_shape

    def get_config(self) -> dict:
        """Return the constructor's arguments, ready to be saved."""
        config = super().get_config()
        for name in ("beta", "gamma", "moving_mean", "moving_variance"):
            initializer = getattr(self, f"{name}_initializer")
            config[f"{name}_initializer"] = keras.initializers.serialize(initializer)
        for name in ("beta", "gamma"):
            regularizer = getattr(self, f"{name}_regularizer")
            config[f"{name}_regularizer"] = keras.regularizers.serialize(regularizer)
            constraint = getattr(self, f"{name}_constraint")
            config[f"{name}_constraint"] = keras.constraints.serialize(constraint)
        plain = (
            "axis momentum epsilon center scale renorm renorm_clipping "
            "renorm_momentum synchronized moving_variance_estimator implementation"
        )
        return {**config, **{name: getattr(self, name) for name in plain.split()}}


def check_rank_and_axis(name: str, shape: Sequence[int | None], axis: int) -> None:
    """Raise ValueError unless shape has a batch and a channel axis, and axis is in."""
    rank = len(shape)
    if rank < 2:
        raise ValueError(
            f"expected {name} with at least 2 axes: the batch and the channels. "
            f"Received: {name}.shape={tuple(shape)}"
        )
    if not -rank <= axis < rank:
        raise ValueError(
            f"expected axis from {-rank} to {rank - 1} for {name} with {rank} axes. "
            f"Received: axis={axis}, {name}.shape={tuple(shape)}"
        )


def check_mask(mask, shape: Sequence[int | None]):
    """Return the mask as booleans, or raise ValueError if it does not fit."""
    mask = keras.ops.cast(mask, "bool")
    sizes, wanted = tuple(mask.shape), tuple(shape)[:-1]
    if len(sizes) != len(wanted) or any(
        None not in (size, want) and size not in (1, want)
        for size, want in zip(sizes, wanted, strict=True)
    ):
        raise ValueError(
            f"expected mask to have shape {wanted}, that of the inputs without "
            f"the last axis, or 1 in places. Received: mask.shape={sizes}, "
            f"inputs.shape={tuple(shape)}"
        )
    return mask


def _check_floating(dtype: str) -> None:
    if dtype not in FLOATING:
        raise ValueError(
            f"expected a dtype of {', '.join(FLOATING)}, or a mixed policy of them. "
            f"Received: dtype={dtype!r}"
        )


def _check_one_of(name: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise ValueError(
            f"expected {name} to be one of {', '.join(known)}. "
            f"Received: {name}={value!r}"
        )
    return value


def _clone(initializer: Callable) -> Callable:
    """Copy an initializer, so that its random numbers are drawn anew."""
    return initializer.clone() if hasattr(initializer, "clone") else initializer


def _square_root(initializer: Callable) -> Callable:
    """Return an initializer that takes the square root of what another one gives."""

    def initialize(shape, dtype=None):
        return keras.ops.sqrt(_clone(initializer)(shape, dtype=dtype))

    return initialize
