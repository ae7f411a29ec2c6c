"""Building what a lock has as source code, for the commands that need it, and telling how that goes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zoo.cli.bars import Pace, above, bars
from zoo.cli.output import Output
from zoo.lock.model import Build
from zoo.store import Store
from zoo.toolchains import derive, events, tools

if TYPE_CHECKING:
    from rich.progress import Progress as Bars


def unbuilt(builds: Mapping[str, Build], store: Store) -> dict[str, Build]:
    """Those of the builds that are made of source code, and are not made yet, by the toolchain's name."""
    made = {name: build for name, build in builds.items() if build.recipe is not None}
    return {name: build for name, build in made.items() if store.tree(derive.key(build)) is None}


def build_missing(builds: Mapping[str, Build], store: Store, out: Output) -> None:
    """Make every build that is not there yet.

    Raises:
        EaiError: As by `zoo.toolchains.derive.made`.
    """
    for name, build in unbuilt(builds, store).items():
        out.say(f"building {name} from source: once on this machine, and it takes some minutes")
        with shown(out) as workshop:
            derive.made(build, store, workshop)


@contextmanager
def shown(out: Output, *, clock: Callable[[], float] = time.monotonic) -> Iterator[derive.Workshop]:
    """Show what is being built, for as long as the context lasts: live on a terminal, else in plain lines."""
    search = tools.places(os.environ)
    with bars(out, steps=True) as live:
        tell = _Lines(out, clock).tell if live is None else _Live(live).tell
        yield derive.Workshop(search=search, tell=tell)


def _said(event: events.Event) -> str | None:
    """The line for an event that people should read, whatever else is shown."""
    match event:
        case events.Waiting():
            return f"{event.name}: process {event.process} is building it; waiting"
        case events.Unpacking():
            return f"{event.name}: unpacking its source code"
        case events.Configuring():
            return f"{event.name}: configuring, to be compiled by {event.jobs} at a time"
        case events.Made():
            minutes, seconds = divmod(round(event.seconds), 60)
            return f"{event.name}: built in {f'{minutes} min ' if minutes else ''}{seconds} s"
        case events.Compiled():
            return None


class _Lines:
    """Plain lines: what begins, and how many steps are done."""

    def __init__(self, out: Output, clock: Callable[[], float]) -> None:
        self._out, self._pace = out, Pace(clock)

    def tell(self, event: events.Event) -> None:
        """Write what an event is worth."""
        if (line := _said(event)) is not None:
            self._pace.begin()
            self._out.say(line)
        elif isinstance(event, events.Compiled) and self._pace.due(event.done, event.total):
            self._out.say(f"{event.name}: {event.done} of {event.total} steps")


class _Live:
    """One bar that fills with the steps."""

    def __init__(self, live: Bars) -> None:
        self._bars = live
        self._task = live.add_task("building", total=None)

    def tell(self, event: events.Event) -> None:
        """Show what an event changes."""
        if isinstance(event, events.Compiled):
            self._bars.update(self._task, description=event.name, completed=event.done, total=event.total)
        elif (line := _said(event)) is not None:
            above(self._bars, line)
