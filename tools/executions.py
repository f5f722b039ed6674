"""Executions of notebooks that are kept between two builds of the site."""

import hashlib
import shutil
import sys

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from kernels import ENVIRONMENT
from sqlalchemy.exc import SQLAlchemyError

from bnteach.files import atomic_path


def fingerprint(root):
    """Return a hash of what a notebook shows depends on, beside its own cells."""
    digest = hashlib.sha256(f"{sys.version} {ENVIRONMENT}".encode())
    package = sorted((root / "bnteach").rglob("*.py"))
    package += sorted((root / "bnteach").rglob("*.mplstyle"))
    recorded = sorted((root / "bnteach" / "runs" / "recorded").glob("*.json"))
    for path in [root / "requirements.txt", *package, *recorded]:
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


class Executions:
    """The cache in which the site looks for the outputs of its notebooks.

    Args:
        root: the folder of the project.
        build: the folder of what is built, `_build`.
    """

    def __init__(self, root, build):
        self.root, self.folder = root, build / ".jupyter_cache"
        self.note = build / "executions-depend-on.sha256"

    def drop_stale(self):
        """Delete all if the package, the lock or a recorded run changed."""
        now = fingerprint(self.root)
        same = self.note.is_file() and self.note.read_text() == now
        if same and self._is_readable():
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        with atomic_path(self.note) as part:
            part.write_text(now)

    def _is_readable(self):
        if not self.folder.exists():
            return True
        try:
            get_cache(self.folder).list_cache_records()
        except SQLAlchemyError:
            return False
        return True

    def has(self, path):
        """Return whether there is a whole execution of the notebook as it is now."""
        cache = get_cache(self.folder)
        try:
            found = cache.match_cache_notebook(nbformat.read(path, as_version=4))
            cache.get_cache_bundle(found.pk)
        except (KeyError, OSError, ValueError, nbformat.reader.NotJSONError):
            return False  # never run, or cut short while it was written
        return True

    def keep(self, path, notebook, seconds):
        """Store the execution of the notebook at `path`."""
        cache = get_cache(self.folder)
        _, key = cache.create_hashed_notebook(notebook)
        # What an interrupted write left would be in the way.
        shutil.rmtree(cache.path / "executed" / key, ignore_errors=True)
        bundle = CacheBundleIn(notebook, str(path), data={"execution_seconds": seconds})
        cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
