"""Errors of the layer against float64: by shape, mean, path and way of execution.

`python tests/accuracy_grid.py` prints the whole table; the tests take parts of it.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from bnteach.layers import BatchNormalization

SHAPES = (
    (256, 4096, 1),
    (1024, 1024, 1),
    (1_000_000, 2),
    (64, 56, 56, 8),
    (64, 28, 28, 64),
    (4096, 1024),
    (256, 512),
    (5, 3),
)
RATIOS = (0, 1, 10, 1e2, 1e4, 1e5)  # mean / standard deviation
PATHS = {
    "reference": {"implementation": "reference"},
    "fused": {"implementation": "fused"},
    "auto": {},
    "masked": {},
    "synchronized": {"synchronized": True},
    "renorm": {"renorm": True},
}
MODES = ("eager", "function", "jit")
EPSILON = 1e-3


class Error(NamedTuple):
    """Error of y, relative to the largest |y|, and of the moving variance, relative."""

    y: float
    variance: float


class Path:
    """The layer on one path, for one shape, executed in one way."""

    def __init__(self, path: str, mode: str, shape: tuple[int, ...]):
        self.layer = BatchNormalization(momentum=0.0, **PATHS[path])
        self.layer.build(shape)
        mask = tf.ones(shape[:-1], "bool") if path == "masked" else None

        def call(x):
            return self.layer(x, training=True, mask=mask)

        if mode != "eager":
            call = tf.function(call, jit_compile=mode == "jit")
        self.call = call

    def __call__(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return y and the moving variance, which with momentum 0 is the batch's."""
        y = self.call(tf.constant(x)).numpy()
        return y, self.layer.moving_variance.numpy()

    def error(self, x: np.ndarray) -> Error:
        """Compare with the float64 answer for the same float32 input."""
        rows = x.reshape(-1, x.shape[-1]).astype("float64")
        mean = rows.mean(0)
        mean += (rows - mean).mean(0)
        variance = np.square(rows - mean).mean(0)
        wanted = (rows - mean) / np.sqrt(variance + EPSILON)
        if self.layer.renorm:
            # Running statistics that are a little off: neither r is 1 nor d is 0.
            near = (mean + 0.3).astype("float32")
            self.layer.renorm_mean.assign(near)
            self.layer.renorm_stddev.assign(np.full(len(near), 2.0))
            wanted = (wanted * np.sqrt(variance + EPSILON) + (mean - near)) / 2
        y, moving_variance = self(x)
        distance = np.abs(y.reshape(rows.shape) - wanted).max() / np.abs(wanted).max()
        return Error(distance, np.abs(moving_variance / variance - 1).max())


def normal(shape: tuple[int, ...], ratio: float) -> np.ndarray:
    """Draw float32 values with standard deviation 1 and a mean of ratio."""
    values = np.random.default_rng(0).standard_normal(shape)
    return (values + ratio).astype("float32")


def table(shapes=SHAPES, ratios=RATIOS, paths=tuple(PATHS), modes=MODES) -> Iterator:
    """Yield shape, path, mode, ratio and `Error`."""
    for shape, path, mode in itertools.product(shapes, paths, modes):
        layer = Path(path, mode, shape)
        for ratio in ratios:
            yield shape, path, mode, ratio, layer.error(normal(shape, ratio))


def main() -> int:
    """Print the table, a line for a shape, path and mode: error of y / of variance."""
    print(f"{'':40}" + "".join(f"{ratio:>16g}" for ratio in (*RATIOS, 1e6)))
    rows = table(ratios=(*RATIOS, 1e6))
    for key, group in itertools.groupby(rows, key=lambda row: row[:3]):
        shape, path, mode = key
        cells = [f"{e.y:8.0e}/{e.variance:.0e}" for *_, e in group]
        label = f"{shape!s:18}{path:13}{mode:9}"
        print(label + "".join(f"{cell:>16}" for cell in cells), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
