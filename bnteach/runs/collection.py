"""The parts of one run as they come in: found, failed, or not needed any more."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from tqdm import tqdm

from bnteach.runs.parts import Parts, slug

Key = tuple[str, int]  # variant and seed
Part = dict[str, Any]


class RunError(Exception):
    """Some parts of a run failed.

    Attributes:
        failed: (variant, seed) -> what was raised.
        found: (variant, seed) -> the parts that were finished.
    """

    def __init__(self, failed: dict[Key, Exception], found: dict[Key, Part]):
        self.failed, self.found = failed, found
        lines = [
            f"{variant}, seed {seed}: {type(error).__name__}: {error}"
            for (variant, seed), error in failed.items()
        ]
        super().__init__(
            f"{len(failed)} of {len(failed) + len(found)} parts failed.\n  "
            + "\n  ".join(lines)
        )


class Collection:
    """Brings the parts of a run together.

    Args:
        keys: what is wanted, in this order.
        keeper: where finished parts are kept.
        run_part: runs a part and keeps it.
        give_up: part -> why its variant needs no further seed, or "".
    """

    def __init__(
        self,
        keys: Sequence[Key],
        keeper: Parts,
        run_part: Callable[[Key], Part],
        give_up: Callable[[Part], str],
    ):
        self.keys, self.keeper, self.run_part = keys, keeper, run_part
        self.judge = give_up
        self.found: dict[Key, Part] = {}
        self.failed: dict[Key, Exception] = {}
        self.given_up: dict[str, str] = {}

    def collect(self, bar: tqdm, keep_going: bool = True) -> None:
        """Get all parts: kept ones, those run here, those others run meanwhile.

        Args:
            bar: shows how many parts are there.
            keep_going: go on where a part fails, and report it at the end.

        Raises:
            RunError: parts failed; all others are finished.
        """
        told = False
        while waiting := self._waiting():
            before = len(self.found) + len(self.failed)
            for key in waiting:
                if self._wanted(key):
                    self._try(key, keep_going)
                bar.total = len(self.found) + len(self._waiting())
                bar.n = len(self.found)
                bar.refresh()
            if len(self.found) + len(self.failed) == before and self._waiting():
                if not told:
                    bar.write("waiting for parts that another process is running")
                told = True
                time.sleep(1)
        if self.failed:
            raise RunError(self.failed, self.found) from next(
                iter(self.failed.values())
            )

    def parts(self) -> dict[str, list[Part]]:
        """Return variant -> its parts by seed."""
        found: dict[str, list[Part]] = {variant: [] for variant, _ in self.keys}
        for key in self.keys:
            if key in self.found:
                found[key[0]].append(self.found[key])
        return found

    def _waiting(self) -> list[Key]:
        done = self.found.keys() | self.failed.keys()
        return [
            (variant, seed)
            for variant, seed in self.keys
            if (variant, seed) not in done and not (seed and variant in self.given_up)
        ]

    def _wanted(self, key: Key) -> bool:
        """Tell whether a part is due: the first seed decides about the others."""
        variant, seed = key
        if not seed:
            return True
        decided = (variant, 0) in self.found or (variant, 0) in self.failed
        return decided and variant not in self.given_up

    def _try(self, key: Key, keep_going: bool) -> None:
        part = self.keeper.load(*key)
        if part is None:
            with self.keeper.claim(*key) as ours:
                if not ours:
                    return
                # It may have been finished between the look and the claim.
                part = self.keeper.load(*key) or self._run(key, keep_going)
        if part is None:
            return
        self.found[key] = part
        if key[1] == 0 and (reason := self.judge(part)):
            self.given_up[key[0]] = reason

    def _run(self, key: Key, keep_going: bool) -> Part | None:
        try:
            return self.run_part(key)
        except Exception as error:
            if not keep_going:
                raise
            traceback.print_exc(file=sys.stderr)
            print(f"{slug(*key)} failed; going on with the others", file=sys.stderr)
            self.failed[key] = error
            return None
