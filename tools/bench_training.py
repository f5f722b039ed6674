"""Steps per second of `training.train` against plain `model.fit`, by network."""

from __future__ import annotations

import statistics
import time
import types

import keras
import numpy as np

from bnteach import models
from bnteach.training.compiled_loop import CompiledLoop
from bnteach.training.loop import Order

# name, builder, image shape, batch, steps a round, target
CASES = (
    ("784-100x3-10, plain", models.mlp, {}, (784,), 60, 300, 4.0),
    (
        "784-100x3-10, batch norm",
        models.mlp,
        {"normalization": "batch"},
        (784,),
        60,
        300,
        4.0,
    ),
    (
        "784-300-100-10, batch norm",
        models.mlp,
        {"normalization": "batch", "units": (300, 100), "activation": "relu"},
        (784,),
        32,
        300,
        4.0,
    ),
    (
        "19 convolutions, plain",
        models.deep_cnn,
        {},
        (28, 28, 1),
        64,
        20,
        1.15,
    ),
    (
        "19 convolutions, batch norm",
        models.deep_cnn,
        {"normalization": "batch"},
        (28, 28, 1),
        64,
        20,
        1.15,
    ),
)


def rows(rounds: int = 7):
    """Yield label, milliseconds a step by fit and by the loop, ratio, target."""
    for label, build, options, shape, batch, steps, target in CASES:
        data = _random_data(shape, size=batch * steps)
        indices = Order(len(data.x), batch, 0).batches(0, steps)
        plain, fast = (_compiled(build(shape, **options)) for _ in range(2))
        loop = CompiledLoop(fast, data.x, data.y)
        ways = {
            "fit": lambda model=plain, data=data, batch=batch: model.fit(
                data.x, data.y, batch_size=batch, verbose=0
            ),
            "loop": lambda loop=loop, indices=indices: loop.run(indices),
        }
        times = _interleaved(ways, rounds)
        fit, own = (1000 * times[way] / steps for way in ("fit", "loop"))
        yield label, fit, own, fit / own, target


def main() -> bool:
    """Print the table; return whether every target was met."""
    print("Training: steps per second against plain model.fit (medians, interleaved)")
    print(f"{'network':<30}{'fit ms':>9}{'loop ms':>9}{'faster':>9}{'target':>9}")
    good = True
    for label, fit, own, ratio, target in rows():
        met = ratio >= target
        good &= met
        mark = "" if met else "  missed"
        print(f"{label:<30}{fit:9.2f}{own:9.2f}{ratio:8.2f}x{target:8.2f}x{mark}")
    return good


def _interleaved(ways, rounds: int) -> dict[str, float]:
    times = {name: [] for name in ways}
    for name in ways:
        ways[name]()  # compiles
    for _ in range(rounds):
        for name, run in ways.items():
            started = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in times.items()}


def _random_data(shape, size: int):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(size, *shape)).astype("float32")
    return types.SimpleNamespace(x=x, y=rng.integers(0, 10, size))


def _compiled(model):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="sgd", loss=loss, metrics=["accuracy"])
    return model


if __name__ == "__main__":
    main()
