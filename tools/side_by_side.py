"""Run several notebooks side by side, each in a kernel with its share of the cores."""

import asyncio
import sys
import threading
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path

import kernels
from plan import longest_first, note_seconds, read_seconds, shares
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

SECONDS = Path(__file__).resolve().parents[1] / "_build" / "notebook-seconds.json"


def run_all(paths, keep):
    """Run notebooks side by side, the longest first.

    Args:
        paths: the notebooks.
        keep: what `SideBySide` calls with each that ran to its end.

    Raises:
        SystemExit: a notebook failed, or Ctrl-C; what `keep` kept stays.
    """

    def keep_and_note(path, notebook, seconds):
        said = keep(path, notebook, seconds)
        note_seconds(SECONDS, path.name, seconds)
        return said

    work = SideBySide(longest_first(paths, read_seconds(SECONDS)), keep_and_note)
    try:
        work.run()
    except KeyboardInterrupt:
        print(
            *work.failures,
            f"Stopped after {work.done} of {len(paths)} notebooks. What was finished "
            "is kept; the same command goes on from there.",
            sep="\n\n",
        )
        sys.exit(130)
    if work.failures:
        sys.exit("\n" + "\n\n".join(work.failures))


@dataclass
class SideBySide:
    """One round of notebooks.

    Attributes:
        paths: the notebooks, in the order in which they start.
        keep: called as ``keep(path, notebook, seconds)`` when a notebook has run to its
            end; what it kept stays, whatever happens to the others. It returns what
            the line on the screen says of it.
        failures: a message for each notebook that failed.
        done: how many ran to their end.
    """

    paths: list
    keep: callable
    failures: list = field(default_factory=list)
    done: int = 0
    console: Console = field(default_factory=lambda: Console(highlight=False))

    def __post_init__(self):
        self.jobs, self.threads = shares(len(self.paths))
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self.progress = Progress(
            *columns,
            TimeElapsedColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )

    def run(self):
        """Run all.

        Raises:
            KeyboardInterrupt: Ctrl-C, after every kernel was stopped.
        """
        if not self.paths:
            return
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        self.console.print(
            f"{len(self.paths)} to run, {self.jobs} at a time, {threads} each"
        )
        # Not in the main thread: there each client would put its own handler in the
        # place of Ctrl-C, which then stops one kernel of several.
        self.loop = asyncio.new_event_loop()
        if sys.platform == "win32":  # sockets of kernels need the other kind of loop
            self.loop = asyncio.SelectorEventLoop()
        self.work = self.loop.create_task(self._all())
        thread = threading.Thread(target=self._turn, daemon=True)
        with self.progress:
            thread.start()
            try:
                while thread.is_alive():
                    thread.join(0.5)  # without a limit Windows would not see Ctrl-C
            except KeyboardInterrupt:
                self.loop.call_soon_threadsafe(self.work.cancel)
                thread.join()
                raise

    def _turn(self):
        try:
            self.loop.run_until_complete(self.work)
        except asyncio.CancelledError:
            pass
        finally:
            self.loop.close()

    async def _all(self):
        waiting = iter(self.paths)
        async with asyncio.TaskGroup() as group:
            for _ in range(self.jobs):
                group.create_task(self._one_after_the_other(waiting))

    async def _one_after_the_other(self, waiting):
        for path in waiting:
            try:
                said = await self._one(path)
            except kernels.NotebookFailed as error:
                said = "failed"
                self.failures.append(str(error))
            except Exception:  # the others go on
                said = "failed"
                self.failures.append(f"{path.name}\n\n{traceback.format_exc()}")
            self.console.print(f"{path.name}: {said}", soft_wrap=True)

    async def _one(self, path):
        task = self.progress.add_task(path.name, total=None)

        def on_cell(number, total):
            self.progress.update(task, completed=number - 1, total=total)

        start = time.perf_counter()
        try:
            notebook = await kernels.run(path, self.threads, on_cell)
            said = self.keep(path, notebook, time.perf_counter() - start)
            self.done += 1
            return said
        finally:
            self.progress.remove_task(task)
