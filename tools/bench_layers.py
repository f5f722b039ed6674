"""Time of our layer as a multiple of `keras.layers.BatchNormalization`'s.

The ratio of two layers differs from process to process more than from round to round:
how memory comes to lie decides. So each row is the median over several processes.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

from bnteach import models
from bnteach.layers.batch_normalization import BatchNormalization
from bnteach.training.compiled_loop import CompiledLoop

Row = tuple[str, tuple[int, ...], float, float, bool]

# label, shape, whether to train, target
LAYERS = (
    ("training, forward + backward", (64, 28, 28, 64), True, 0.37),
    ("training, forward + backward", (4096, 1024), True, 0.35),
    ("training, forward + backward", (256, 512), True, 0.80),
    ("inference", (64, 28, 28, 64), False, 0.70),
)
# label, builder, shape of a batch, steps a round, target
NETWORKS = (
    ("training step, 19 convolutions", models.deep_cnn, (64, 28, 28, 1), 10, 1.05),
    ("training step, 5 CIFAR blocks", models.conv_blocks, (80, 32, 32, 3), 2, 1.05),
)


def rows(processes: int = 5, network_rounds: int = 9) -> Iterator[Row]:
    """Yield label, shape, ratio to Keras's layer, target and whether it was met."""
    found = [_layer_ratios_in_a_process() for _ in range(processes)]
    for (label, shape, _, target), ratios in zip(
        LAYERS, zip(*found, strict=True), strict=True
    ):
        ratio = statistics.median(ratios)
        yield label, shape, ratio, target, ratio <= target
    for label, build, shape, steps, target in NETWORKS:
        ratio = _median_ratio(
            _network_steps(build, _ours, shape, steps),
            _network_steps(build, "batch", shape, steps),
            network_rounds,
        )
        yield label, shape, ratio, target, ratio <= target


def main() -> bool:
    """Print the table; return whether every target was met."""
    print("Layer: time as a multiple of keras.layers.BatchNormalization's (medians)")
    print(f"{'what':<34}{'shape':<20}{'ratio':>8}{'target':>8}")
    good = True
    for label, shape, ratio, target, met in rows():
        good &= met
        mark = "" if met else "  missed"
        print(f"{label:<34}{shape!s:<20}{ratio:7.2f}x{target:7.2f}x{mark}", flush=True)
    return good


def layer_ratios(rounds: int = 41) -> list[float]:
    """Return the ratio to Keras's layer for each of LAYERS, in this process."""
    return [
        _median_ratio(
            _layer_step(BatchNormalization(), shape, train),
            _layer_step(keras.layers.BatchNormalization(), shape, train),
            rounds,
        )
        for _, shape, train, _ in LAYERS
    ]


def _layer_ratios_in_a_process() -> list[float]:
    done = subprocess.run(
        [sys.executable, __file__, "--layers"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def _ours(name: str) -> keras.layers.Layer:
    return BatchNormalization(name=name)


def _layer_step(
    layer: keras.layers.Layer, shape: tuple[int, ...], train: bool
) -> Callable[[], object]:
    """Return one call of the layer, and all its gradients if it trains, compiled."""
    layer.build(shape)
    x, dy = (tf.random.stateless_normal(shape, [seed, 0]) for seed in (1, 2))
    gamma, beta = layer.gamma.value, layer.beta.value

    @tf.function
    def step(x, dy):
        if not train:
            return layer(x, training=False)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
        # The output too: a network needs it, and TensorFlow would leave out of Keras's
        # layer the operations that only the output needs.
        return y, tape.gradient(y, [x, gamma, beta], output_gradients=dy)

    return lambda: step(x, dy)


def _network_steps(
    build: Callable, normalization, shape: tuple[int, ...], steps: int
) -> Callable[[], object]:
    """Return a few training steps of a network, in the same loop for both layers."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape).astype("float32")
    y = rng.integers(0, 10, len(x))
    model = build(shape[1:], normalization=normalization)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss)
    loop = CompiledLoop(model, x, y)
    indices = np.tile(np.arange(len(x)), (steps, 1))  # (steps, batch size)
    return lambda: loop.run(indices)


def _median_ratio(ours: Callable, keras_layer: Callable, rounds: int) -> float:
    """Time both in turns and return the median of the rounds' ratios."""
    for run in (ours, keras_layer) * 2:
        run()  # compiles, and fills the allocator's pools
    repeats = max(1, round(0.005 / _seconds(keras_layer, 1)))
    return statistics.median(
        _seconds(ours, repeats) / _seconds(keras_layer, repeats) for _ in range(rounds)
    )


def _seconds(run: Callable, repeats: int) -> float:
    started = time.perf_counter()
    for _ in range(repeats):
        run()
    return time.perf_counter() - started


if __name__ == "__main__":
    if "--layers" in sys.argv:
        print(json.dumps(layer_ratios()))
    else:
        main()
