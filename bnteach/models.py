"""The networks of the book, built so that two of them differ in one argument only.

Every builder takes `activation` and `normalization`; with the same `seed`, the
trainable kernels start from the same numbers whatever is normalized, so that a
comparison of two networks is a comparison of that one argument.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras

from bnteach.blocks import activate, as_vectors, check_placement, convolve
from bnteach.initializers import (
    KernelFactory,
    KernelInitializer,
    layer_seed,
    small_gaussian,
)
from bnteach.normalizations import Normalization, normalize

__all__ = [
    "batch_norm_layers",
    "conv_blocks",
    "deep_cnn",
    "digits_cnn",
    "leaky_relu",
    "mlp",
    "small_gaussian",
]

Activation = str | Callable[[str], keras.layers.Layer]


def mlp(
    input_shape: Sequence[int] = (784,),
    units: Sequence[int] = (100, 100, 100),
    num_classes: int = 10,
    activation: Activation = "sigmoid",
    normalization: Normalization = None,
    *,
    placement: str = "before",
    use_bias: bool = True,
    kernel_initializer: KernelInitializer = "glorot_uniform",
    normalize_input: bool = False,
    output_activation: str | None = None,
    seed: int = 0,
    name: str | None = None,
) -> keras.Model:
    """Build a multilayer perceptron: dense layers, each with an activation.

    The defaults are the network of Ioffe and Szegedy (2015), section 4.1, but for
    their small Gaussian kernels (`kernel_initializer=small_gaussian`).

    Args:
        input_shape: shape of one example; flattened if it has more than one axis.
        units: width of each hidden layer.
        num_classes: width of the last layer, which is never normalized.
        activation: a Keras activation name, or a function from a layer name to a
            layer.
        normalization: None, "batch", or a function from a layer name to a layer.
        placement: "before" or "after": where the normalization stands relative to
            the activation. The paper puts it before (section 3.2).
        use_bias: whether hidden dense layers have a bias. Before a batch
            normalization it is redundant: `beta` does its work.
        kernel_initializer: a Keras initializer name, or a function from a seed to an
            initializer.
        normalize_input: also put a normalization on the (flattened) input.
        output_activation: None for logits, or an activation name such as "softmax".
        seed: layer `i` draws its kernel from `seed` and `i` alone.
        name: name of the model.

    Returns:
        A Functional model from a batch of inputs to outputs (N, num_classes), with
        layers dense_1, batch_norm_1, activation_1, ..., logits.

    Raises:
        ValueError: unknown placement or normalization, no hidden layer, or an input
            normalization without a `normalization`.
    """
    if not units or min(units) < 1:
        raise ValueError(f"expected units, each at least 1. Received: units={units}")
    check_placement(placement)
    inputs = x = keras.Input(tuple(input_shape), name="input")
    if len(input_shape) > 1:
        x = keras.layers.Flatten(name="flatten")(x)  # (N, D)
    if normalize_input:
        if normalization is None:
            raise ValueError(
                "expected a normalization for normalize_input=True. "
                "Received: normalization=None"
            )
        x = normalize(x, normalization, "input")
    kernels = KernelFactory(kernel_initializer, seed)
    for number, width in enumerate(units, start=1):
        dense = keras.layers.Dense(
            width,
            use_bias=use_bias,
            kernel_initializer=kernels(number),
            name=f"dense_{number}",
        )
        x = dense(x)  # (N, width)
        x = activate(x, activation, normalization, placement, number)
    logits = keras.layers.Dense(
        num_classes,
        activation=output_activation,
        kernel_initializer=kernels(len(units) + 1),
        name="logits",
    )
    return keras.Model(inputs, logits(x), name=name)


def deep_cnn(
    input_shape: Sequence[int] = (28, 28, 1),
    num_conv: int = 19,
    num_classes: int = 10,
    activation: Activation = "relu",
    normalization: Normalization = None,
    *,
    use_bias: bool | None = None,
    kernel_initializer: KernelInitializer = "glorot_uniform",
    seed: int = 0,
    name: str | None = None,
) -> keras.Model:
    """Build a network too deep for its digits: many 3x3 convolutions, then 100 units.

    Convolution `i` has 4*i filters and halves the image when `i` is a multiple of 3.

    Args:
        input_shape: shape of one image, (H, W, channels).
        num_conv: how many convolutions.
        num_classes: width of the last layer.
        activation: see `mlp`.
        normalization: see `mlp`; stands before each activation.
        use_bias: whether normalized layers keep their bias. By default they have one
            exactly where nothing is normalized.
        kernel_initializer: see `mlp`.
        seed: see `mlp`.
        name: name of the model.

    Returns:
        A Functional model from (N, H, W, channels) to logits (N, num_classes), with
        layers conv_1, batch_norm_1, activation_1, ..., dense_1, ..., logits.

    Raises:
        ValueError: unknown normalization, or fewer than one convolution.
    """
    if num_conv < 1:
        raise ValueError(f"expected at least 1 convolution. Received: {num_conv=}")
    if use_bias is None:
        use_bias = normalization is None
    kernels = KernelFactory(kernel_initializer, seed)
    inputs = x = keras.Input(tuple(input_shape), name="input")
    for number in range(1, num_conv + 1):
        stride = 2 if number % 3 == 0 else 1
        x = convolve(x, 4 * number, kernels(number), use_bias, number, stride)
        x = activate(x, activation, normalization, "before", number)
    x = keras.layers.Flatten(name="flatten")(x)
    number = num_conv + 1
    dense = keras.layers.Dense(
        100, use_bias=use_bias, kernel_initializer=kernels(number), name="dense_1"
    )
    x = activate(dense(x), activation, normalization, "before", number)
    logits = keras.layers.Dense(
        num_classes, kernel_initializer=kernels(number + 1), name="logits"
    )
    return keras.Model(inputs, logits(x), name=name)


def conv_blocks(
    input_shape: Sequence[int] = (32, 32, 3),
    filters: Sequence[int] = (60, 60, 60, 60, 100),
    num_classes: int = 10,
    activation: Activation = "relu",
    normalization: Normalization = None,
    *,
    dropout: float = 0.15,
    pooling: str = "flatten",
    use_bias: bool = True,
    kernel_initializer: KernelInitializer = "glorot_uniform",
    output_activation: str | None = None,
    seed: int = 0,
    name: str | None = None,
) -> keras.Model:
    """Build blocks of two 3x3 convolutions; all but the last end in pooling.

    Args:
        input_shape: shape of one image, (H, W, channels).
        filters: filters of both convolutions of each block.
        num_classes: width of the last layer, which is never normalized.
        activation: see `mlp`.
        normalization: see `mlp`; stands before each activation.
        dropout: share of values dropped after each max-pooling.
        pooling: how images become vectors before the last layer: "flatten", or
            "global_average" for the mean of each channel.
        use_bias: whether convolutions have a bias, normalized or not.
        kernel_initializer: see `mlp`.
        output_activation: see `mlp`.
        seed: see `mlp`.
        name: name of the model.

    Returns:
        A Functional model from (N, H, W, channels) to outputs (N, num_classes), with
        layers conv_1, batch_norm_1, activation_1, ..., pool_1, dropout_1, ..., logits.

    Raises:
        ValueError: unknown normalization or pooling, no block, or an image too small
            for its poolings.
    """
    if not filters or min(filters) < 1:
        raise ValueError(
            f"expected at least 1 block, of at least 1 filter. Received: {filters=}"
        )
    smallest = 2 ** (len(filters) - 1)  # each pooling halves the image
    if min(input_shape[:2]) < smallest:
        raise ValueError(
            f"expected images of at least {smallest} x {smallest} for {len(filters)} "
            f"blocks. Received: input_shape={tuple(input_shape)}"
        )
    kernels = KernelFactory(kernel_initializer, seed)
    inputs = x = keras.Input(tuple(input_shape), name="input")
    number = 0
    for block, width in enumerate(filters, start=1):
        for _ in range(2):
            number += 1
            x = convolve(x, width, kernels(number), use_bias, number)
            x = activate(x, activation, normalization, "before", number)
        if block < len(filters):
            x = keras.layers.MaxPooling2D(name=f"pool_{block}")(x)
            x = keras.layers.Dropout(
                dropout, seed=layer_seed(seed, 1000 + block), name=f"dropout_{block}"
            )(x)
    logits = keras.layers.Dense(
        num_classes,
        activation=output_activation,
        kernel_initializer=kernels(number + 1),
        name="logits",
    )
    return keras.Model(inputs, logits(as_vectors(x, pooling)), name=name)


def digits_cnn(momentum: float = 0.99, seed: int = 0) -> keras.Model:
    """Build a small convolutional network for images of shape (8, 8, 1), compiled.

    Args:
        momentum: of its three batch normalizations, bn_1 to bn_3; Keras's default.
        seed: of Python, NumPy and Keras, set before it is built.

    Returns:
        A Sequential model with 10 logits, compiled with Adam and accuracy.
    """
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((8, 8, 1))], name="digits_cnn")
    for i, width in enumerate((8, 16, 16), start=1):
        name = f"conv_{i}"
        kernel = {"padding": "same", "use_bias": False, "name": name}
        model.add(keras.layers.Conv2D(width, 3, **kernel))
        model.add(keras.layers.BatchNormalization(momentum=momentum, name=f"bn_{i}"))
        model.add(keras.layers.ReLU(name=f"relu_{i}"))
    model.add(keras.layers.GlobalAveragePooling2D(name="pool"))
    model.add(keras.layers.Dense(10, name="logits"))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    return model


def leaky_relu(name: str) -> keras.layers.Layer:
    """Return a leaky ReLU of slope 0.3, which was the default of Keras 2."""
    return keras.layers.LeakyReLU(negative_slope=0.3, name=name)


def batch_norm_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Return every layer that keeps moving statistics, nested models included."""
    flat = model._flatten_layers(include_self=False, recursive=True)
    return [layer for layer in flat if hasattr(layer, "moving_variance")]
