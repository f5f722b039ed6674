"""The finished parts of a run, and the state of those under way, in a folder.

A part is one variant with one seed. Several processes may work on the same run at
once, in one folder: each part is claimed with a lock that its process holds, and that
the system gives back when the process dies, however it dies. The last process to leave
removes the folder.
"""

from __future__ import annotations

import contextlib
import os
import re
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import filelock

from bnteach.runs import results
from bnteach.runs.form import check_part


class Parts:
    """The parts of one experiment at one size.

    Args:
        folder: where they are kept, or None to keep nothing.
        identity: what must be equal for a kept part to belong to this run.
        arguments: variant -> what must be equal for its parts alone. Parts of other
            variants outlive a change there, and new variants.
    """

    def __init__(
        self,
        folder: str | os.PathLike | None,
        identity: Mapping[str, Any],
        arguments: Mapping[str, Mapping[str, Any]] | None = None,
    ):
        self.folder = None if folder is None else Path(folder)
        self.identity = results.plain(identity)
        self.arguments = results.plain(arguments or {})

    def identity_of(self, variant: str) -> dict[str, Any]:
        """Return what must be equal for a part of this variant to belong here."""
        return {**self.identity, "arguments": self.arguments.get(variant, {})}

    @contextlib.contextmanager
    def present(self) -> Iterator[None]:
        """Take part in the run; the last to leave a folder with nothing in it ends it.

        Inside, `forget` may be called, which waits for the others to leave as well.
        """
        if self.folder is None:
            yield
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = self._lock(f"process-{uuid.uuid4().hex}")
        lock.acquire()
        try:
            yield
        finally:
            _release(lock)
            with contextlib.suppress(OSError):
                self.folder.rmdir()  # if it is empty

    @contextlib.contextmanager
    def claim(self, variant: str, seed: int) -> Iterator[bool]:
        """Yield True if the part is now ours to run, False if another has it."""
        if self.folder is None:
            yield True
            return
        lock = self._lock(slug(variant, seed))
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            yield False
            return
        try:
            yield True
        finally:
            _release(lock)

    def checkpoint(self, variant: str, seed: int) -> Path | None:
        """Return the file for the state of a part under way."""
        return None if self.folder is None else self._path(variant, seed, "npz")

    def save(self, variant: str, part: Mapping[str, Any]) -> None:
        """Keep a finished part, in one step; its checkpoint is needed no more."""
        if self.folder is not None:
            path = self._path(variant, part["seed"], "json")
            kept = {"identity": self.identity_of(variant), "variant": variant}
            results.write_json(path, {**kept, "part": part})
            self.checkpoint(variant, part["seed"]).unlink(missing_ok=True)

    def load(self, variant: str, seed: int) -> dict[str, Any] | None:
        """Return a finished part, or None if there is none.

        Raises:
            results.ResultsError: it is damaged, or of a run with other settings.
        """
        if self.folder is None or not self._path(variant, seed, "json").exists():
            return None
        path = self._path(variant, seed, "json")
        kept = results.read_json(path)
        if kept.get("identity") != self.identity_of(variant):
            raise results.ResultsError(
                f"expected in {path} a part of a run with these settings and data. "
                "Received a part of an older or other run, with "
                f"{_differences(self.identity_of(variant), kept.get('identity'))}. Run "
                f"it as before, name another folder, or remove {self.folder} to start "
                "anew."
            )
        part = kept.get("part")
        try:
            check_part(part, whole=False)
            if part.get("seed") != seed:
                raise ValueError(
                    f"expected seed {seed}. Received: {part.get('seed')!r:.100}"
                )
        except ValueError as error:
            raise results.ResultsError(
                f"expected a part of a run in {path}. Received another content: "
                f"{error}. Remove the file to run this part anew."
            ) from error
        return part

    def forget(self, parts: Mapping[str, list[Mapping[str, Any]]]) -> None:
        """Remove these parts, which are written elsewhere, unless others need them."""
        if self.folder is None or self._others():
            return
        for variant, several in parts.items():
            for part in several:
                self._path(variant, part["seed"], "json").unlink(missing_ok=True)

    def _others(self) -> bool:
        """Tell whether another process takes part; sweep up after those that died."""
        alive = 0
        for path in self.folder.glob("process-*.lock"):
            lock = filelock.FileLock(path)
            try:
                lock.acquire(timeout=0)
            except filelock.Timeout:
                alive += 1
            else:
                _release(lock)
        return alive > 1  # we hold one

    def _lock(self, name: str) -> filelock.BaseFileLock:
        return filelock.FileLock(self.folder / f"{name}.lock")

    def _path(self, variant: str, seed: int, suffix: str) -> Path:
        return self.folder / f"{slug(variant, seed)}.{suffix}"


def slug(variant: str, seed: int) -> str:
    """Return the name of a part for files and progress bars."""
    return re.sub(r"[^a-z0-9.]+", "-", variant.lower()) + f"-seed-{seed}"


def _differences(expected: Any, received: Any) -> str:
    """Say in which settings two identities differ, the received one first."""
    if not isinstance(received, dict):
        return f"{received!r:.100} in place of its settings"
    found = []
    for key in sorted({*expected, *received}):
        here, there = expected.get(key), received.get(key)
        if here == there:
            continue
        if isinstance(here, dict) and isinstance(there, dict):
            found.append(_differences(here, there))
        else:
            found.append(f"{key} {_value(there)} (now: {_value(here)})")
    return ", ".join(found)


def _value(value: Any) -> str:
    return "none" if value is None else f"{value!r:.100}"


def _release(lock: filelock.BaseFileLock) -> None:
    lock.release()
    with contextlib.suppress(OSError):  # on Windows another process may have it open
        Path(lock.lock_file).unlink()
