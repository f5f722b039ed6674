"""The data sets of the book, embedded, local or downloaded, behind one function.

    data = datasets.load("mnist5k").standardized(per="pixel")
    data.x_train  # (4000, 28, 28) float32

Here live what each set must hold, where its files are, and how they are checked and
split. Nothing here may import a framework or know of networks.
"""

from bnteach.datasets.catalogue import (
    DamagedFileError,
    DataFolderError,
    DatasetError,
    DatasetNotFoundError,
    DownloadError,
    UnknownDatasetError,
)
from bnteach.datasets.downloads import export, fetch
from bnteach.datasets.load import NAMES, describe, load
from bnteach.datasets.splits import Dataset, Statistics

__all__ = [
    "NAMES",
    "DamagedFileError",
    "DataFolderError",
    "Dataset",
    "DatasetError",
    "DatasetNotFoundError",
    "DownloadError",
    "Statistics",
    "UnknownDatasetError",
    "describe",
    "export",
    "fetch",
    "load",
]
