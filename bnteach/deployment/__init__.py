"""Bring a trained model into service: fold it, export it, check what came out.

Here lives what changes a model for inference, and the checks of an artifact. It is
written against Keras 3; converters are imported by the functions that need them.
Nothing here may know of an experiment or of data sets.
"""

from bnteach.deployment.artifacts import check_artifact
from bnteach.deployment.export import export
from bnteach.deployment.fold import Folded, fold
from bnteach.deployment.formats import MissingPackageError

__all__ = ["Folded", "MissingPackageError", "check_artifact", "export", "fold"]
