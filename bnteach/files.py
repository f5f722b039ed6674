"""Files: written so that a reader never finds half of one, read with care.

A file may come from anywhere. What it claims is looked at before it is believed: a
pipe is not waited for, and no array is read that is larger than it should be.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

# A full disk, a full quota, and a file larger than this user may write.
NO_SPACE = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def expand(path: str | os.PathLike, origin: str) -> Path:
    """Return a path with ``~`` and ``~user`` replaced by the home folder.

    Args:
        path: as the user gave it.
        origin: the variable or argument that it came from, for the message.

    Raises:
        ValueError: there is no such user, or the home folder is not known.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ValueError(
            f"expected {origin} to be a path. Received: {str(path)!r}, and the home "
            "folder of that user is not known"
        ) from error


def check_regular(path: str | os.PathLike) -> None:
    """Raise if reading from a path might never end: it is a pipe, device or the like.

    Raises:
        OSError: it is no regular file, or is not there.
    """
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "something else")
        problem = f"expected a file. Received: {kind}"
        raise OSError(errno.EINVAL, problem, str(path))


@contextmanager
def open_npz(path: str | os.PathLike) -> Iterator[np.lib.npyio.NpzFile]:
    """Open an ``.npz`` file without reading an array.

    Look at an array with `npz_header` before it is read with `read_npz_array`.

    Raises:
        OSError: it may not be read, or is no regular file.
        ValueError: it is no ``.npz`` file.
        zipfile.BadZipFile: it is a damaged one.
    """
    check_regular(path)
    if not zipfile.is_zipfile(path):
        raise ValueError(f"expected an .npz file. Received: other content in {path}")
    with np.load(path, allow_pickle=False) as archive:
        yield archive


def npz_header(archive: np.lib.npyio.NpzFile, key: str) -> tuple[tuple, np.dtype]:
    """Return shape and dtype that an array in an ``.npz`` file claims to have.

    Raises:
        ValueError: it is none that NumPy writes for numbers or text.
    """
    member = archive.zip.getinfo(f"{key}.npy")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(
            f"expected {key} as NumPy compresses it. Received: another way"
        )
    with archive.zip.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        # Later versions are for headers of more than 64 kB, and may claim 4 GB.
        if version != (1, 0):
            raise ValueError(f"expected {key} in format 1.0. Received: {version}")
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    return shape, dtype


def read_npz_array(archive: np.lib.npyio.NpzFile, key: str) -> np.ndarray:
    """Return an array whose header was found to be right."""
    # With its suffix: a member without it may have the same key.
    return archive[f"{key}.npy"]


@contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary path that becomes `path` when the block ends well.

    The temporary file lies in the same folder, so that the last step is one rename.
    When the block raises, `path` is left as it was.

    Args:
        path: where the file shall be; its folder is made if it is missing.

    Yields:
        The path to write to.

    Raises:
        OSError: the block or the folder raised it; where there is no space left, the
            message says so and names `path`.
    """
    try:
        with _temporary(path) as temporary:
            yield temporary
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        raise OSError(
            error.errno,
            "no space left to write this file. Free some and do the same again: what "
            "was written before is kept",
            str(path),
        ) from error


@contextmanager
def _temporary(path: str | os.PathLike) -> Iterator[Path]:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files that only their owner may read.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
