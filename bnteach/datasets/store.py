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

from bnteach.datasets import embedded as embedded_data
from bnteach.datasets.catalogue import (
    DamagedFileError,
    DataFolderError,
    DatasetNotFoundError,
    Spec,
    spec_of,
)
from bnteach.datasets.files import Loaded, Place, check, read

DATA_DIR_VARIABLE = "BNTEACH_DATA_DIR"
CACHE_DIR_VARIABLE = "BNTEACH_CACHE_DIR"
ABANDONED_AFTER = 3600.0  # seconds; a live download writes all the time


def cache_directory() -> Path:
    """Return the folder for downloads: `BNTEACH_CACHE_DIR`, or the user's cache."""
    if chosen := os.environ.get(CACHE_DIR_VARIABLE):
        return Path(chosen).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("bnteach", appauthor=False)


def data_directory(directory: str | os.PathLike | None = None) -> Path | None:
    """Return the folder the user names by argument or `BNTEACH_DATA_DIR`, or None."""
    chosen = directory or os.environ.get(DATA_DIR_VARIABLE)
    return Path(chosen).expanduser() if chosen else None


def keras_home() -> Path:
    """Return the folder in which Keras keeps its downloads."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()


def fetch_command(name: str, directory: str | os.PathLike | None = None) -> str:
    """Return the command line that fetches a data set, to be shown to the user."""
    usual = not directory or Path(directory) == cache_directory()
    option = "" if usual else f' --directory "{directory}"'
    return f"python -m bnteach data fetch {name}{option}"


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
    if place.layout == "npz":
        return place.path.exists()
    return all((place.path / name).exists() for name in spec.files)


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
        f"{fetch_command(name)}. Or, on a machine that has it: python -m bnteach data "
        f"export DIR, bring DIR here and set {DATA_DIR_VARIABLE} to it."
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
        with tempfile.TemporaryDirectory(
            prefix=".bnteach-", suffix=".part", dir=folder
        ) as work:
            yield Path(work)
    except OSError as error:
        raise DataFolderError(
            f"expected a folder that can be written. Received: {folder} ({error}). "
            f"Name another one: python -m bnteach data fetch NAME --directory DIR, and "
            f"set {DATA_DIR_VARIABLE} to DIR."
        ) from error


def _sweep(folder: Path) -> None:
    """Remove what killed processes left here, never the work of a running one."""
    for left in folder.glob(".bnteach-*.part"):
        with contextlib.suppress(FileNotFoundError):  # another process sweeps too
            newest = max(path.stat().st_mtime for path in (left, *left.iterdir()))
            if time.time() - newest > ABANDONED_AFTER:
                shutil.rmtree(left, ignore_errors=True)
