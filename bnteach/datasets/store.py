"""Where the data sets are on this machine, in the order in which they are used.

Also how files are put there: under a temporary name, with a rename as the last step.
"""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import filelock

from bnteach.datasets import embedded as embedded_data
from bnteach.datasets.catalogue import (
    DamagedFileError,
    DataFolderError,
    DatasetNotFoundError,
    Spec,
    spec_of,
)
from bnteach.datasets.files import Loaded, Place, check, read
from bnteach.files import expand

DATA_DIR_VARIABLE = "BNTEACH_DATA_DIR"
CACHE_DIR_VARIABLE = "BNTEACH_CACHE_DIR"
KERAS_HOME_VARIABLE = "KERAS_HOME"
ABANDONED_AFTER = 3600.0  # seconds by the clock, which may jump: see `_is_abandoned`
LOCK = "in-use.lock"


def folder_of(path: str | os.PathLike, origin: str) -> Path:
    """Return a folder that the user named, with the home folder in place of ``~``.

    Args:
        path: what the user gave.
        origin: the variable or argument it came from.

    Raises:
        DataFolderError: the home folder is not known.
    """
    try:
        return expand(path, origin)
    except ValueError as error:
        raise DataFolderError(str(error)) from error


def cache_directory() -> Path:
    """Return the folder for downloads: `BNTEACH_CACHE_DIR`, or the user's cache."""
    if chosen := os.environ.get(CACHE_DIR_VARIABLE):
        return folder_of(chosen, CACHE_DIR_VARIABLE)
    from platformdirs import user_cache_path

    return user_cache_path("bnteach", appauthor=False)


def data_directory(directory: str | os.PathLike | None = None) -> Path | None:
    """Return the folder the user names by argument or `BNTEACH_DATA_DIR`, or None."""
    if directory:
        return folder_of(directory, "directory")
    chosen = os.environ.get(DATA_DIR_VARIABLE)
    return folder_of(chosen, DATA_DIR_VARIABLE) if chosen else None


def keras_home() -> Path:
    """Return the folder in which Keras keeps its downloads."""
    if chosen := os.environ.get(KERAS_HOME_VARIABLE):
        return folder_of(chosen, KERAS_HOME_VARIABLE)
    # As Keras has it: without a home folder this is a folder of the name "~".
    return Path(os.path.expanduser("~")) / ".keras"


def fetch_command(name: str, directory: str | os.PathLike | None = None) -> str:
    """Return the command line that fetches a data set, to be shown to the user."""
    usual = not directory or Path(directory) == cache_directory()
    option = "" if usual else f' --directory "{directory}"'
    return f"bnteach data fetch {name}{option}"


def _places(spec: Spec, directory: str | os.PathLike | None) -> list[Place]:
    """Return every place where the data set may lie, the first one counts."""
    command = fetch_command(spec.name, directory)
    npz = f"{spec.name}.npz"
    places = []
    if folder := data_directory(directory):
        where = "directory" if directory else DATA_DIR_VARIABLE
        places.append(Place(where, folder / npz, "npz", command))
    places.append(Place("bnteach cache", cache_directory() / npz, "npz", command))
    for below in spec.keras_folders:
        path = keras_home() / below
        path = path / spec.files[0] if spec.layout == "npz" else path
        places.append(Place("Keras cache", path, spec.layout, command))
    return places


def _is_there(place: Place, spec: Spec) -> bool:
    try:
        if place.layout == "npz":
            return place.path.exists()
        return all((place.path / name).exists() for name in spec.files)
    except PermissionError as error:
        raise DataFolderError(f"{place.path} may not be looked at: {error}") from error


def locate(spec: Spec, directory: str | os.PathLike | None = None) -> Place | None:
    """Return the first place where the data set lies; its content is not looked at.

    Args:
        spec: the data set; not an embedded one.
        directory: a folder with ``NAME.npz``, instead of `BNTEACH_DATA_DIR`.
    """
    places = _places(spec, directory)
    return next((place for place in places if _is_there(place, spec)), None)


def read_local(
    name: str, directory: str | os.PathLike | None = None
) -> tuple[Loaded, str]:
    """Return the checked arrays of a data set on this machine, and their source.

    Raises:
        UnknownDatasetError: no data set has this name.
        DataFolderError: the folder named by the user is missing or not readable.
        DatasetNotFoundError: the data set is in none of the places.
        DamagedFileError: the first file found is not what it should be.
    """
    spec = spec_of(name)
    if spec.embedded:
        arrays = getattr(embedded_data, name)()
        loaded = check(arrays._asdict(), spec)
        # mnist_m is made here: there is no original to compare it with
        return (loaded if spec.sha256 else loaded._replace(note="")), "embedded"
    folder = data_directory(directory)
    if folder and not folder.is_dir():
        origin = "directory" if directory else DATA_DIR_VARIABLE
        raise DataFolderError(f"expected a folder in {origin}. Received: {folder}")
    if place := locate(spec, directory):
        return read(place, spec), str(place.path)
    looked = ", ".join(str(place.path) for place in _places(spec, directory))
    raise DatasetNotFoundError(
        f"{name} is not on this machine (looked for {looked}). Fetch it: "
        f"{fetch_command(name)}. Or, on a machine that has it: bnteach data export "
        f"DIR, bring DIR here and set {DATA_DIR_VARIABLE} to it."
    )


def present(target: Path, spec: Spec) -> Loaded | None:
    """Return the content of a good file, None if it is missing or damaged."""
    try:
        return read(Place("", target, "npz", ""), spec) if target.exists() else None
    except DamagedFileError:
        return None


def set_aside(target: Path) -> None:
    """Move a damaged file into a new folder beside it, so that nothing is lost."""
    if target.exists():
        prefix = f"{target.stem}-set-aside-"
        aside = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
        try:
            os.replace(target, aside / target.name)
        except FileNotFoundError:  # another process was faster
            aside.rmdir()


@contextlib.contextmanager
def work_folder(folder: Path) -> Iterator[Path]:
    """Yield a new folder inside `folder`, removed at the end."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        with (
            tempfile.TemporaryDirectory(
                prefix=".bnteach-", suffix=".part", dir=folder
            ) as work,
            # The system gives the lock back when this process dies, however it dies.
            filelock.FileLock(Path(work) / LOCK),
        ):
            yield Path(work)
    except OSError as error:
        raise DataFolderError(
            f"expected a folder that can be written. Received: {folder} ({error}). "
            f"Name another one: bnteach data fetch NAME --directory DIR, and set "
            f"{DATA_DIR_VARIABLE} to DIR."
        ) from error


def _sweep(folder: Path) -> None:
    """Remove what killed processes left here, never the work of a running one."""
    for left in folder.glob(".bnteach-*.part"):
        with contextlib.suppress(OSError):  # another process sweeps too
            if _is_abandoned(left):
                shutil.rmtree(left, ignore_errors=True)


def _is_abandoned(left: Path) -> bool:
    """Tell whether a work folder is old, and no process has its lock.

    Neither is enough: a clock may jump, and a new folder is locked a moment later.
    """
    newest = max(path.stat().st_mtime for path in (left, *left.iterdir()))
    if time.time() - newest <= ABANDONED_AFTER:
        return False
    try:
        with filelock.FileLock(left / LOCK, timeout=0):
            return True
    except filelock.Timeout:
        return False
