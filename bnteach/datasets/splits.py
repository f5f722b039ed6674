"""A data set in three splits, and what is done to its images before training.

Whatever is measured on images (means, standard deviations) is measured on the training
split alone; each method returns a new `Dataset` and leaves the old one as it was.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

_SPLITS = ("train", "validation", "test")
_CHUNK = 1000  # images per step, so that no float64 copy of a whole set is made


class Statistics(NamedTuple):
    """Mean and standard deviation (divisor: count) of a training split, float64.

    Shapes: that of an image for "pixel", ``(C,)`` or ``()`` for "channel", ``()`` for
    "image set". Where a feature is constant, `std` is 0.
    """

    mean: np.ndarray
    std: np.ndarray
    per: str


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Images and labels in three splits, all in the order of one seeded shuffle.

    Attributes:
        x_train, x_validation, x_test: uint8 ``(N, 28, 28)`` or ``(N, 32, 32, 3)`` as
            stored, float32 after one of the methods. Without a validation split
            ``N`` is 0 there.
        y_train, y_validation, y_test: int64 labels ``(N,)``.
        class_names: the name of each label.
        source: "embedded", or the path that was read.
        sha256: of the arrays as published, before they were split or changed.
        note: empty for original arrays, else what a caption has to add, for example
            "CIFAR-10 (JPEG copy)".
        statistics: what `standardized` used, else None.
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_validation: np.ndarray
    y_validation: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    class_names: tuple[str, ...]
    source: str
    sha256: str
    note: str = ""
    statistics: Statistics | None = None

    @property
    def num_classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one image."""
        return self.x_train.shape[1:]

    def __repr__(self) -> str:
        counts = f"{len(self.x_train)} / {len(self.x_validation)} / {len(self.x_test)}"
        note = f", {self.note}" if self.note else ""
        return (
            f"<Dataset {self.name}: {counts} train / validation / test images "
            f"{self.input_shape} {self.x_train.dtype}, {self.num_classes} classes, "
            f"{self.source}{note}>"
        )

    def scaled(self) -> "Dataset":
        """Return the images divided by 255: float32 in [0, 1].

        Raises:
            ValueError: the images are not uint8 any more.
        """
        self._expect_uint8("scaled")
        return self._with_images(lambda x: x / np.float32(255))

    def binarized(self, threshold: int = 127) -> "Dataset":
        """Return float32 images that are 1 above the threshold and 0 elsewhere.

        Raises:
            ValueError: the images are not uint8 any more.
        """
        self._expect_uint8("binarized")
        return self._with_images(lambda x: (x > threshold).astype(np.float32))

    def standardized(self, per: str = "pixel") -> "Dataset":
        """Return images minus the mean, over the standard deviation, as float32.

        Both come from the training split alone and are kept in `statistics`. A feature
        that is constant there becomes 0 in every split, for want of a scale.

        Args:
            per: "pixel" (each feature on its own), "channel" (each colour over all
                pixels) or "image set" (one mean and one standard deviation in all).

        Raises:
            ValueError: another `per`, or channels of flattened images.
        """
        statistics = _statistics(self.x_train, per)
        data = self._with_images(lambda x: _standardize(x, statistics))
        return replace(data, statistics=statistics)

    def flattened(self) -> "Dataset":
        """Return the images as vectors ``(N, D)``."""
        size = int(np.prod(self.input_shape))
        return self._with_images(lambda x: x.reshape(len(x), size))

    def subset(
        self,
        train: int | None = None,
        validation: int | None = None,
        test: int | None = None,
    ) -> "Dataset":
        """Return the first images of each split; None keeps the whole split.

        The splits are shuffled, so these are random images, the same for one seed.

        Raises:
            ValueError: more images than the split has, or fewer than 0.
        """
        changes = {}
        for split, count in zip(_SPLITS, (train, validation, test), strict=True):
            size = len(getattr(self, f"y_{split}"))
            if count is not None and not 0 <= count <= size:
                raise ValueError(
                    f"expected {split} from 0 to {size} images. Received: {count}"
                )
            for key in (f"x_{split}", f"y_{split}"):
                changes[key] = getattr(self, key)[:count]
        return replace(self, **changes)

    def _with_images(self, function: Callable[[np.ndarray], np.ndarray]) -> "Dataset":
        images = {f"x_{s}": function(getattr(self, f"x_{s}")) for s in _SPLITS}
        return replace(self, **images)

    def _expect_uint8(self, method: str) -> None:
        if self.x_train.dtype != np.uint8:
            raise ValueError(
                f"{method}() expected images as stored, uint8. "
                f"Received: x_train.dtype={self.x_train.dtype}"
            )


def _chunks(x: np.ndarray) -> Iterator[np.ndarray]:
    return (x[start : start + _CHUNK] for start in range(0, len(x), _CHUNK))


def _statistics(x: np.ndarray, per: str) -> Statistics:
    """Return mean and standard deviation of (N, ...) in float64, in two passes.

    Sums of uint8 or float32 values are exact in float64 for up to 2**29 equal ones, so
    the standard deviation of a constant feature is exactly 0.
    """
    axes = {"pixel": (0,), "channel": (0, 1, 2), "image set": tuple(range(x.ndim))}
    if per not in axes or (per == "channel" and x.ndim < 3):
        raise ValueError(
            f"expected per='pixel', 'channel' (of images (N, H, W) or (N, H, W, C)) or "
            f"'image set'. Received: per={per!r}, x_train.shape={x.shape}"
        )
    axis = axes[per]
    mean = x.mean(axis=axis, dtype=np.float64)
    squares = sum(np.square(chunk - mean).sum(axis=axis) for chunk in _chunks(x))
    variance = squares * mean.size / x.size
    return Statistics(mean, np.sqrt(variance), per)


def _standardize(x: np.ndarray, statistics: Statistics) -> np.ndarray:
    mean, std, _ = statistics
    scale = np.divide(1.0, std, out=np.zeros_like(std), where=std > 0)
    out = np.empty(x.shape, np.float32)
    for chunk, target in zip(_chunks(x), _chunks(out), strict=True):
        target[...] = (chunk - mean) * scale
    return out
