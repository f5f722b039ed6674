"""Bring a trained model into service: fold it, export it, check what came out.

Here lives what changes a model for inference, and the checks of an artifact. It is
written against Keras 3; converters are imported by the functions that need them.
Nothing here may know of an experiment or of data sets.
"""

from bnteach.deployment.fold import Folded, fold

__all__ = ["Folded", "fold"]
