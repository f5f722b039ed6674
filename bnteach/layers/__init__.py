"""The low-level TensorFlow path: functions to read, and a layer in place of Keras's.

Here live the three functions of the algorithm, the layer built on them, and its faster
and more careful ways to the same numbers. Nothing of models, data or training belongs
here: a layer knows tensors alone. Importing this folder loads TensorFlow.
"""

from bnteach.layers.batch_normalization import (
    BatchNormalization,
    batch_moments,
    batch_normalize,
    update_moving_average,
)
from bnteach.layers.peers import PeerCase, PeerResult, peer_tests

__all__ = [
    "BatchNormalization",
    "PeerCase",
    "PeerResult",
    "batch_moments",
    "batch_normalize",
    "peer_tests",
    "update_moving_average",
]
