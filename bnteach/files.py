"""Writing files so that a reader never finds half of one."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# A full disk, a full quota, and a file larger than this user may write.
NO_SPACE = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))


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
