"""Time `bnteach.batch_norm` against the forms that it replaces.

Each time is a multiple of one np.copyto over the same bytes, measured in the same
rounds: that carries over from machine to machine, milliseconds do not.
"""

import math
import time
from collections.abc import Iterator

import numpy as np

from bnteach import batch_norm

SHAPES = [(4096, 1024), (64, 28, 28, 64), (60, 100)]


def textbook(x, gamma, beta, epsilon=1e-3):
    """Normalize with np.mean and np.var, as most texts write it."""
    axes = tuple(range(x.ndim - 1))
    mean, variance = np.mean(x, axis=axes), np.var(x, axis=axes)
    return gamma * ((x - mean) / np.sqrt(variance + epsilon)) + beta


def medians(functions, repeats):
    """Median seconds of each function; called in turns, so all see the same load.

    Each is called twice and timed the second time: otherwise it would pay for the
    memory that the one before it gave back to the system.
    """
    seconds = np.empty((repeats, len(functions)))
    for row in seconds:
        for i, function in enumerate(functions):
            function()
            start = time.perf_counter()
            function()
            row[i] = time.perf_counter() - start
    return np.median(seconds, axis=0)


def calls(shape) -> dict:
    """Return what is timed at this shape: name -> function of no arguments."""
    rng = np.random.default_rng(0)
    x, dy = rng.standard_normal((2, *shape), np.float32)
    gamma, beta = rng.uniform(0.5, 2, (2, shape[-1])).astype(np.float32)
    _, cache = batch_norm.batch_norm_train(x, gamma, beta)
    given = x, gamma, beta
    copied = np.empty_like(x)
    return {
        "copy": lambda: np.copyto(copied, x),
        "textbook": lambda: textbook(*given),
        "train": lambda: batch_norm.batch_norm_train(*given),
        "inference": lambda: batch_norm.batch_norm_inference(
            *given, cache.mean, cache.variance
        ),
        "backward_graph": lambda: batch_norm.batch_norm_backward_graph(dy, cache),
        "backward": lambda: batch_norm.batch_norm_backward(dy, cache),
    }


def rows(repeats=25) -> Iterator[tuple]:
    """Yield (label, shape, multiple of np.copyto, ratio, target, ok).

    The ratio is to the textbook form for the forward pass and inference, and to the
    graph form for the backward pass. A target of None means: for information.
    """
    for shape in SHAPES:
        functions = calls(shape)
        small = math.prod(shape) < 100_000  # microseconds: repeat more often
        limit = 1.0 if small else 0.5
        times = medians(list(functions.values()), repeats * (40 if small else 1))
        took = dict(zip(functions, times / times[0], strict=True))
        for name, reference, target in [
            ("textbook", "textbook", None),
            ("train", "textbook", limit),
            ("inference", "textbook", None),
            ("backward_graph", "backward_graph", None),
            ("backward", "backward_graph", limit),
        ]:
            ratio = took[name] / took[reference]
            ok = target is None or bool(ratio <= target)
            yield name, shape, took[name], ratio, target, ok


def main(repeats=25) -> bool:
    """Print the table; return whether every target is met."""
    print("Batch normalization in NumPy, float32. 1 copy = one np.copyto of x.")
    print("Ratio: train, inference to the textbook form; backward to backward_graph.")
    print(f"{'':18}{'shape':18}{'copies':>8}{'ratio':>8}{'target':>8}")
    all_ok = True
    for name, shape, multiple, ratio, target, ok in rows(repeats):
        line = f"{name:18}{shape!s:18}{multiple:8.1f}{ratio:8.2f}"
        if target is not None:
            line += f"{target:8.1f}  {'ok' if ok else 'missed'}"
        print(line)
        all_ok = all_ok and ok
    return all_ok


if __name__ == "__main__":
    raise SystemExit(not main())
