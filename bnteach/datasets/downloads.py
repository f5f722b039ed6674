"""Bring data sets into a folder: `fetch` from the network, `export` from this machine.

Whatever happens on the way (no network, a silent server, a full disk, Ctrl-C, kill),
a file under its final name is complete and checked, and no file of the user is lost:
all work is done in a folder of its own, and the last step is one rename.
"""

import hashlib
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from bnteach.datasets.catalogue import (
    SPECS,
    DamagedFileError,
    DataFolderError,
    DatasetError,
    DownloadError,
    Spec,
    spec_of,
)
from bnteach.datasets.files import Loaded, check, parse, write_npz
from bnteach.datasets.receive import receive
from bnteach.datasets.store import (
    DATA_DIR_VARIABLE,
    cache_directory,
    data_directory,
    fetch_command,
    folder_of,
    locate,
    present,
    read_local,
    set_aside,
    work_folder,
)

Progress = Callable[[str, int, int | None], None]


def fetch(
    name: str,
    directory: str | os.PathLike | None = None,
    progress: Progress | None = None,
    *,
    address: str | None = None,
    timeout: float = 30.0,
) -> Path:
    """Make sure that ``NAME.npz`` is in a folder; download it if it is not.

    A good file is kept as it is. A damaged one is moved, with its name, into a new
    folder beside it (``NAME-set-aside-*``) once its replacement is complete.

    Args:
        name: a data set that is not embedded.
        directory: the folder; by default `BNTEACH_DATA_DIR`, else the user's cache.
        progress: called with file name, bytes so far, and all bytes (None: unknown).
        address: take the files from this folder on a server instead of the usual one.
        timeout: seconds without an answer from the server, or with next to none,
            until it is given up; see `receive.SLOWEST`.

    Returns:
        The path of ``NAME.npz``.

    Raises:
        UnknownDatasetError: no data set has this name.
        DownloadError: no answer, or other bytes than expected.
        DataFolderError: the folder cannot be written.
    """
    spec = spec_of(name)
    if spec.embedded:
        raise DatasetError(f"{name} is embedded: it is always there, nothing to fetch")
    target = (data_directory(directory) or cache_directory()) / f"{name}.npz"
    if present(target, spec):
        return target
    try:
        with work_folder(target.parent) as work:
            _download_files(spec, work, address or spec.address, timeout, progress)
            write_npz(work / target.name, _unpack(spec, work))
            if not present(target, spec):  # another process may have been faster
                set_aside(target)
                os.replace(work / target.name, target)
    except DownloadError as error:
        raise DownloadError(
            f"{name} could not be fetched: {error}. Nothing was changed. Try again: "
            f"{fetch_command(name, directory)}. Without a network: run bnteach data "
            f"export DIR on a machine that has it, bring DIR here and set "
            f"{DATA_DIR_VARIABLE} to it."
        ) from error
    return target


def export(
    directory: str | os.PathLike, names: Iterable[str] | None = None
) -> list[Path]:
    """Write ``NAME.npz`` for data sets that are on this machine, to carry elsewhere.

    A file that is there already with the same arrays is kept; one with other content
    is never replaced.

    Args:
        directory: the folder to write to, made if it is missing.
        names: data sets; by default all that are on this machine, embedded ones too.

    Returns:
        The paths of the files.

    Raises:
        DatasetNotFoundError: a named data set is not on this machine.
        DamagedFileError: a source is not what it should be.
        DataFolderError: a file is in the way, or the folder cannot be written.
    """
    if names is None:
        names = [s.name for s in SPECS.values() if s.embedded or locate(s)]
    folder, paths = folder_of(directory, "DIR"), []
    for name in names:
        paths.append(folder / f"{name}.npz")
        _export_one(paths[-1], spec_of(name), read_local(name)[0])
    return paths


def _export_one(target: Path, spec: Spec, loaded: Loaded) -> None:
    if target.exists():
        there = present(target, spec)
        if there and there.sha256 == loaded.sha256:
            return
        raise DataFolderError(
            f"expected no file, or the same {spec.name} arrays, at {target}. Received: "
            f"a file with other content; it was left as it is. Move it away, or name "
            f"another folder: bnteach data export DIR"
        )
    with work_folder(target.parent) as work:
        write_npz(work / target.name, loaded)
        os.replace(work / target.name, target)


def _download_files(
    spec: Spec, work: Path, address: str, timeout: float, progress: Progress | None
) -> None:
    for name, sha256 in spec.downloads.items():
        url = f"{address.rstrip('/')}/{name}"
        digest, done = hashlib.sha256(), 0
        with (work / name).open("wb") as file:
            for block, total in receive(url, timeout, _largest(spec)):
                file.write(block)
                digest.update(block)
                done += len(block)
                if progress:
                    progress(name, done, total)
        if total not in (None, done):
            raise DownloadError(f"expected {total} bytes of {url}. Received: {done}")
        if sha256 not in (None, digest.hexdigest()):
            raise DownloadError(
                f"expected {url} with SHA-256 {sha256}. Received: {digest.hexdigest()}"
            )


def _largest(spec: Spec) -> int:
    """Return how many bytes a file on the server may have, and a file in an archive.

    The arrays are not compressed here, with some hundred bytes of text an image.
    """
    return (spec.train + spec.test) * (int(np.prod(spec.image_shape)) + 500) + 1_000_000


def _unpack(spec: Spec, work: Path) -> Loaded:
    """Return the arrays of the files in the work folder, if they are the original."""
    try:
        for archive in work.glob("*.tar.gz"):
            _extract(archive, spec, work)
        path = work / spec.files[0] if spec.layout == "npz" else work
        loaded = check(parse(path, spec.layout, spec), spec)
    except DamagedFileError as error:
        raise DownloadError(f"the files are not {spec.title}: {error}") from error
    if spec.sha256 not in (None, loaded.sha256):
        raise DownloadError(
            f"expected {spec.title} arrays with SHA-256 {spec.sha256}. "
            f"Received: {loaded.sha256}"
        )
    return loaded._replace(note="")


def _extract(archive: Path, spec: Spec, work: Path) -> None:
    for name, content in _contents(archive, spec):
        (work / name).write_bytes(content)


def _contents(archive: Path, spec: Spec) -> Iterator[tuple[str, bytes]]:
    """Yield the files that are needed, and no other path, of an archive.

    Raises:
        DamagedFileError: it is no archive, or lacks a file, or is too large.
    """
    inner, limit = Path(spec.keras_folders[0]).name, _largest(spec)
    wanted = {f"{inner}/{name}": name for name in spec.files}
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                if tar.offset > limit:  # where this member ends
                    raise DamagedFileError(f"expected at most {limit} bytes in it")
                plain = member.isreg() and not member.issparse()
                if plain and member.name in wanted:
                    yield wanted.pop(member.name), tar.extractfile(member).read()
    except DamagedFileError:
        raise
    except Exception as error:  # a parser may raise anything on foreign bytes
        raise DamagedFileError(f"expected an archive, {error!r}") from error
    if wanted:
        raise DamagedFileError(f"expected in the archive: {', '.join(sorted(wanted))}")
