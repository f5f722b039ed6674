"""Time one training step of batch normalization here and in PyTorch and Flax.

Every framework runs in processes of its own, in turns, and every process gives its time
as a multiple of one np.copyto over the same bytes, measured in the same rounds.
`make bench-peers` makes the environment that has the other frameworks.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

SHAPES = ((64, 28, 28, 64), (4096, 1024), (256, 512))
EPSILON = 1e-3
ROUNDS, PROCESSES = 31, 3
PEERS = Path(".venv-peers") / Path(sys.executable).relative_to(Path(sys.prefix))


def tensorflow_step(layer_class: type, x, dy) -> Callable[[], object]:
    """Return a step of a Keras layer: output and all gradients."""
    import tensorflow as tf

    layer = layer_class(epsilon=EPSILON)
    layer.build(x.shape)
    weights = layer.gamma.value, layer.beta.value

    @tf.function
    def step(x, dy):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
        return y, tape.gradient(y, [x, *weights], output_gradients=dy)

    x, dy = tf.constant(x), tf.constant(dy)
    return lambda: step(x, dy)


def ours(x, dy) -> Callable[[], object]:
    """Return a step of this project's layer."""
    from bnteach.layers import BatchNormalization

    return tensorflow_step(BatchNormalization, x, dy)


def keras_layer(x, dy) -> Callable[[], object]:
    """Return a step of `keras.layers.BatchNormalization`."""
    import keras

    return tensorflow_step(keras.layers.BatchNormalization, x, dy)


def torch_step(threads: int, x, dy) -> Callable[[], object]:
    """Return a step of PyTorch's layer, on the same channels-last memory."""
    import torch

    torch.set_num_threads(threads)
    kind = torch.nn.BatchNorm2d if x.ndim == 4 else torch.nn.BatchNorm1d
    layer = kind(x.shape[-1], eps=EPSILON, momentum=0.01).train()
    x, dy = torch.from_numpy(x), torch.from_numpy(dy)
    if x.ndim == 4:
        x, dy = x.permute(0, 3, 1, 2), dy.permute(0, 3, 1, 2)
    x.requires_grad_()

    def step():
        y = layer(x)
        return y, torch.autograd.grad(y, [x, *layer.parameters()], dy)

    return step


def flax_step(x, dy) -> Callable[[], object]:
    """Return a step of Flax's layer, compiled with `jit`."""
    import flax.linen
    import jax

    layer = flax.linen.BatchNorm(use_running_average=False, epsilon=EPSILON)
    x, dy = jax.numpy.asarray(x), jax.numpy.asarray(dy)
    variables = layer.init(jax.random.key(0), x)

    @jax.jit
    def step(params, batch_stats, x, dy):
        def forward(params, x):
            state = {"params": params, "batch_stats": batch_stats}
            return layer.apply(state, x, mutable=["batch_stats"])

        y, pull_back, updates = jax.vjp(forward, params, x, has_aux=True)
        return y, pull_back(dy), updates

    given = variables["params"], variables["batch_stats"], x, dy
    return lambda: jax.block_until_ready(step(*given))


STEPS = {
    "ours": ours,
    "Keras": keras_layer,
    "PyTorch, 1 thread": lambda x, dy: torch_step(1, x, dy),
    "PyTorch, 2 threads": lambda x, dy: torch_step(2, x, dy),
    "Flax, jit": flax_step,
}


def copies(name: str, shape: tuple[int, ...]) -> float:
    """Return the median time of a step as a multiple of that of one copy."""
    x, dy = np.random.default_rng(0).standard_normal((2, *shape), np.float32)
    step, target = STEPS[name](x, dy), np.empty_like(x)
    for _ in range(3):
        step()  # compiles, and fills the allocator's pools
        np.copyto(target, x)
    steps, copying = [], []
    for _ in range(ROUNDS):
        steps.append(_seconds(step))
        copying.append(_seconds(lambda: np.copyto(target, x)))
    return statistics.median(steps) / statistics.median(copying)


def main() -> int:
    """Print the table: the median over the processes, and their range."""
    print("Training step, forward + backward, in copies of the tensor: median (range)")
    results = {name: [] for name in STEPS}
    for _ in range(PROCESSES):
        for name, found in results.items():
            found.append(_in_a_process(name))
    print(f"{'':20}" + "".join(f"{shape!s:>24}" for shape in SHAPES))
    for name, found in results.items():
        line = f"{name:20}"
        for values in zip(*found, strict=True):
            middle = statistics.median(values)
            cell = f"{middle:.1f} ({min(values):.1f}-{max(values):.1f})"
            line += f"{cell:>24}"
        print(line)
    return 0


def _in_a_process(name: str) -> list[float]:
    """Measure every shape in a process of its own."""
    here = name in ("ours", "Keras")
    python = sys.executable if here else str(PEERS.absolute())
    done = subprocess.run(
        [python, __file__, name], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def _seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps([copies(sys.argv[1], shape) for shape in SHAPES]))
    else:
        sys.exit(main())
