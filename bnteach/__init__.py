"""Batch normalization, shown and measured: the package behind the book.

Importing `bnteach` loads no framework, sets no seed and downloads nothing. Import
the module that you need, for example ``from bnteach import batch_norm``.
"""

__version__ = "0.2.0"
