"""What the site was last built from, and whether it is still there as it was built."""

import hashlib
import json
import sys
from pathlib import Path

from bnteach.files import atomic_path

# What a page can depend on. Files that Python or an editor leaves there do not count.
SOURCES = ("_config.yml", "_toc.yml", "requirements.txt", "book", "bnteach", "tools")
NO_SOURCES = ("__pycache__", ".ipynb_checkpoints", ".ruff_cache")


class LastBuild:
    """A note, kept beside the site, of a build that ended without a warning.

    Args:
        root: the folder of the project.
        site: the folder of the built site.
        note: the file that keeps the note.
    """

    def __init__(self, root: Path, site: Path, note: Path):
        self.site, self.note = site, note
        tops = [root / name for name in SOURCES]
        files = [path for top in tops for path in [top, *top.rglob("*")]]
        # Taken now: who edits a page during the build gets a new build next time.
        self.sources = f"{sys.version} {_digest(root, files)}"

    def holds(self) -> bool:
        """Return whether the site is there as it was built from the same sources."""
        try:
            noted = json.loads(self.note.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # no note, or one cut short
            return False
        return noted == self._whole()

    def keep(self):
        """Note that the site that is there was built from the sources."""
        with atomic_path(self.note) as part:
            part.write_text(json.dumps(self._whole()), encoding="utf-8")

    def forget(self):
        """Take the note back: the site is about to change."""
        self.note.unlink(missing_ok=True)

    def _whole(self) -> dict[str, str]:
        site = _digest(self.site, self.site.rglob("*"))
        return {"sources": self.sources, "site": site}


def _digest(folder, paths) -> str:
    """Return one hash of the names and the bytes of files below `folder`."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        if path.is_file() and not set(path.parts) & set(NO_SOURCES):
            name = path.relative_to(folder).as_posix()
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{name}\0{content}\0".encode())
    return digest.hexdigest()
