"""Shows what is being fetched: live on a terminal, in plain lines anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.cli.bars import Pace, above, bars
from zoo.cli.output import Output
from zoo.cli.text import size
from zoo.fetch.events import (
    Advanced,
    Event,
    Failed,
    Finished,
    Progress,
    Retrying,
    Started,
    Waiting,
    WrongBytes,
)

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

_LONGEST_NAME = 40


@contextmanager
def shown(
    out: Output, *, total: int | None, clock: Callable[[], float] = time.monotonic
) -> Iterator[Progress]:
    """Show the events of one fetch, for as long as the context lasts.

    Args:
        out: Where they are shown; nothing but warnings where it is quiet.
        total: How many bytes the missing artifacts have; None if that isn't known.
        clock: Gives seconds.
    """
    with bars(out) as live:
        yield _Lines(out, total, clock).tell if live is None else _Live(live, total).tell


def _said(event: Event) -> str | None:
    """The line for an event that people should read, whatever else is shown."""
    if isinstance(event, Retrying):
        return f"{event.name}: {event.reason}; trying again in {event.delay:.1f} s"
    if isinstance(event, Waiting):
        return f"{event.name}: process {event.process} is fetching it; waiting"
    if isinstance(event, Failed):
        return f"{event.name}: {event.reason}"
    return None


def _warned(event: WrongBytes) -> str:
    return f"{event.name}: {event.source} gave wrong bytes, and is not asked again: {event.reason}"


@dataclass(slots=True)
class _File:
    """How far one file is."""

    name: str
    size: int | None
    done: int


def _fetched(event: Finished, file: _File) -> str:
    return f"fetched {file.name} ({size(event.size)})"


class Tally:
    """How far each file and all together are."""

    def __init__(self) -> None:
        self.files: dict[str, _File] = {}
        self.came = 0

    @property
    def size(self) -> int | None:
        """How many bytes all files have that have begun; None while one does not say."""
        sizes = [file.size for file in self.files.values()]
        known = [length for length in sizes if length is not None]
        return sum(known) if known and len(known) == len(sizes) else None

    @property
    def done(self) -> int:
        """How many bytes are there, of all files."""
        return sum(file.done for file in self.files.values())

    def add(self, event: Started | Advanced | Finished) -> _File:
        """Take an event in; the state of its file after it."""
        key = event.digest or event.name
        # The digest of a file that nobody stated one for is only known when it is there.
        if isinstance(event, Finished) and key not in self.files and event.name in self.files:
            key = event.name
        file = self.files.setdefault(key, _File(event.name, None, 0))
        if isinstance(event, Started):
            file.size, file.done = event.size, event.held
        elif isinstance(event, Advanced):
            file.done += event.size
            self.came += event.size
        else:
            file.size = file.done = event.size
        return file


class _Lines:
    """Plain lines: when a file begins, how far the whole is, and when a file is there."""

    def __init__(self, out: Output, total: int | None, clock: Callable[[], float]) -> None:
        self._out, self._total, self._clock = out, total, clock
        self._tally, self._pace = Tally(), Pace(clock)
        self._begun = clock()

    def tell(self, event: Event) -> None:
        """Write what an event is worth."""
        if isinstance(event, WrongBytes):
            self._out.warn(_warned(event))
        elif isinstance(event, Started | Advanced | Finished):
            self._count(event)
        elif (line := _said(event)) is not None:
            self._out.say(line)

    def _count(self, event: Started | Advanced | Finished) -> None:
        file = self._tally.add(event)
        if isinstance(event, Started):
            held = f", {size(event.held)} of it here" if event.held else ""
            length = "" if event.size is None else f" ({size(event.size)}{held})"
            self._out.say(f"fetching {file.name}{length} from {event.source}")
        elif isinstance(event, Finished):
            self._out.say(_fetched(event, file))
        else:
            self._sometimes()

    def _sometimes(self) -> None:
        done = self._tally.done
        if not self._pace.due(done, self._total):
            return
        share = f" of {size(self._total)} ({done * 100 // self._total} %)" if self._total else ""
        speed = self._tally.came / max(self._clock() - self._begun, 0.001)
        self._out.say(f"{size(done)}{share}, {size(speed)}/s")


class _Live:
    """Bars: one for all, and one for each file that is under way."""

    def __init__(self, live: Bars, total: int | None) -> None:
        self._bars, self._total = live, total
        self._tally = Tally()
        self._all = live.add_task("total", total=total)
        self._tasks: dict[str, TaskID] = {}

    def tell(self, event: Event) -> None:
        """Show what an event changes."""
        if isinstance(event, WrongBytes):
            above(self._bars, f"warning: {_warned(event)}", style="yellow")
        elif isinstance(event, Started | Advanced | Finished):
            self._move(event)
        elif (line := _said(event)) is not None:
            above(self._bars, line)

    def _move(self, event: Started | Advanced | Finished) -> None:
        file = self._tally.add(event)
        total = self._tally.size if self._total is None else self._total
        self._bars.update(self._all, completed=self._tally.done, total=total)
        if isinstance(event, Finished):
            if (task := self._tasks.pop(file.name, None)) is not None:
                self._bars.remove_task(task)
            above(self._bars, _fetched(event, file))
            return
        if file.name not in self._tasks:
            self._tasks[file.name] = self._bars.add_task(
                file.name[-_LONGEST_NAME:], total=file.size, completed=file.done
            )
        self._bars.update(self._tasks[file.name], completed=file.done, total=file.size)
