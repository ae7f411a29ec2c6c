"""What the commands that preserve share: targets that are ready, and progress that is shown."""

from __future__ import annotations

import argparse
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zoo.cli.bars import Pace, above, bars
from zoo.cli.output import Output
from zoo.cli.project import configuration
from zoo.cli.text import size
from zoo.preserve.events import (
    Checked,
    Checking,
    Event,
    Hashed,
    Hashing,
    Held,
    Kept,
    Progress,
    Retrying,
    Sending,
    Sent,
    Waiting,
)

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from zoo.preserve.target import Target
    from zoo.preserve.targets import Where


@contextmanager
def targets(
    wanted: Sequence[Where], args: argparse.Namespace, tell: Progress
) -> Iterator[tuple[Target, ...]]:
    """Make targets that are there and let us in, and close what they talk through in the end.

    Raises:
        EaiError: One is not, or does not.
    """
    from functools import cache  # noqa: PLC0415 - only where something is preserved

    from zoo.preserve.api import new_client  # noqa: PLC0415 - as above
    from zoo.preserve.retry import Patience  # noqa: PLC0415 - as above
    from zoo.preserve.sample import LEAVES, Sample  # noqa: PLC0415 - as above
    from zoo.preserve.targets import Means, make  # noqa: PLC0415 - as above

    client = cache(new_client)
    means = Means(
        config=configuration().preserve,
        env=os.environ,
        client=client,
        patience=Patience(retries=args.max_retries),
        sample=Sample(None if args.read_back == "all" else LEAVES),
    )
    try:
        made = make(wanted, means)
        for target in made:
            target.ready(tell)
        yield made
    finally:
        if client.cache_info().currsize:
            client().close()


@contextmanager
def shown(out: Output, clock: Callable[[], float] = time.monotonic) -> Iterator[Progress]:
    """Show events for as long as the context lasts: live on a terminal, in lines elsewhere."""
    lock = threading.Lock()
    with bars(out) as live:
        view = _View(out, live, clock)

        def tell(event: Event) -> None:
            with lock:
                view.tell(event)

        yield tell


def _said(event: Event) -> str | None:
    """The line for an event that people should read, whatever else is shown."""
    match event:
        case Held():
            return f"{event.name}: {event.target} has it already; nothing is sent"
        case Waiting():
            return f"{event.name}: {event.target} says that it is {event.status}; waiting"
        case Retrying():
            return f"{event.name}: {event.reason}; trying again in {event.delay:.0f} s"
        case Kept():
            return f"{event.name}: kept at {event.target}: {event.how}"
        case _:
            return None


class _View:
    """Shows one step after the other: hashing, sending, checking."""

    def __init__(self, out: Output, live: Bars | None, clock: Callable[[], float]) -> None:
        self._out, self._bars = out, live
        self._pace = Pace(clock, least=1.0)
        self._task = live.add_task("", total=None, visible=False) if live is not None else None
        self._step, self._total, self._done = "", 0, 0

    def tell(self, event: Event) -> None:
        """Show what an event changes."""
        match event:
            case Hashing():
                self._begin(f"hashing {event.name}", event.size)
            case Sending():
                self._begin(f"sending {event.name} to {event.target}", event.size, event.held)
            case Checking():
                self._begin(f"checking {event.name} at {event.target}", event.size)
            case Hashed() | Sent() | Checked():
                self._advance(event.size)
            case _:
                if (line := _said(event)) is not None:
                    self._say(line)

    def _say(self, line: str) -> None:
        if self._bars is not None:
            above(self._bars, line)
        else:
            self._out.say(line)

    def _begin(self, step: str, total: int, done: int = 0) -> None:
        self._step, self._total, self._done = step, total, done
        self._pace.begin(done, total)
        if self._bars is not None and self._task is not None:
            self._bars.reset(self._task, description=step, total=total, completed=done, visible=True)
            return
        held = f", {size(done)} of it is there" if done else ""
        self._out.say(f"{step} ({size(total)}{held})")

    def _advance(self, more: int) -> None:
        self._done += more
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, completed=self._done)
            return
        if self._pace.due(self._done, self._total):
            self._out.say(f"{self._step}: {size(self._done)} of {size(self._total)}")
