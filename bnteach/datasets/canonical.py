"""One order for the images of a data set that is handed around in several orders.

CIFAR reaches its readers in more than one order: that of the original batches, or by
class and file name. In the canonical order (the label, then the SHA-256 of the image's
bytes, within each split) all complete copies are the same arrays, have the same hash,
and lead to the same runs.
"""

import hashlib

import numpy as np

from bnteach.datasets.catalogue import DamagedFileError, Spec

CLASSES_KEY = "classes"  # names of the labels, in copies that have them


def canonical_order(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the indices that put a split into its canonical order.

    Args:
        images: uint8 ``(N, ...)``.
        labels: integers ``(N,)``.

    Returns:
        Indices ``(N,)``: by label, and among equal labels by the SHA-256 of the
        image's bytes in C order. Images with equal bytes keep their order.
    """
    digests = b"".join(hashlib.sha256(image).digest() for image in images)
    # As four big numbers: a field of bytes would lose the zeros at its end.
    words = np.frombuffer(digests, ">u8").reshape(-1, 4)  # (N, 4)
    return np.lexsort((*words.T[::-1], labels))


def our_labels(labels: np.ndarray, classes: np.ndarray, spec: Spec) -> np.ndarray:
    """Return labels ``(N,)`` in the order of our class names.

    Args:
        labels: places in `classes`, integers ``(N,)``.
        classes: the class names of a file, in the order of its labels.
        spec: has our class names.

    Raises:
        DamagedFileError: the names are not those of the data set.
    """
    names = [_plain(name) for name in np.ravel(classes)]
    ours = [_plain(name) for name in spec.class_names]
    if sorted(names) != sorted(ours):
        unknown = sorted(set(names) - set(ours))
        raise DamagedFileError(
            f"expected {CLASSES_KEY} to be the {len(ours)} class names of "
            f"{spec.title}. Received: {len(names)} names"
            + (f", among them {unknown[:3]}" if unknown else "")
        )
    return np.array([ours.index(name) for name in names])[labels]


def _plain(name: str | bytes) -> str:
    text = name.decode() if isinstance(name, bytes) else str(name)
    return text.lower().replace(" ", "_").replace("-", "_")
