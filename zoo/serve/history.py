"""What became of models lately: which were loaded, unloaded, failed to start or crashed, and when."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeVar

from zoo.environment.model import ServedModel
from zoo.errors import EngineError
from zoo.serve.slot import Seen

KEPT = 50

T = TypeVar("T")
Start = Callable[[ServedModel], Awaitable[T]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """Something that became of a model.

    Attributes:
        at: Seconds since 1970.
        seconds: How long it took; None where that is not known.
        why: How it failed.
    """

    at: float
    model: str
    what: Literal["loaded", "unloaded", "failed", "crashed"]
    seconds: float | None = None
    why: str | None = None


class History:
    """The last swaps.

    Args:
        clock: Seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._counts: dict[str, tuple[int, int]] = {}
        self._news: list[Swap] = []
        self.swaps: deque[Swap] = deque(maxlen=KEPT)

    def timed(self, start: Start[T], *, began: float | None = None) -> Start[T]:
        """The same way to start an engine, noting how long it takes and how it fails.

        Args:
            start: Returns when the engine answers.
            began: When the first engine was started already, in seconds since 1970; None if it was not.
        """
        early = [] if began is None else [began]

        async def started(model: ServedModel) -> T:
            began = early.pop() if early else self._clock()
            try:
                engine = await start(model)
            except EngineError as error:
                self._note(Swap(at=self._clock(), model=model.name, what="failed", why=error.message))
                raise
            now = self._clock()
            self._note(Swap(at=now, model=model.name, what="loaded", seconds=now - began))
            return engine

        return started

    def look(self, seen: Iterable[Seen]) -> list[Swap]:
        """What is new since the last look, from what the scheduler counts."""
        now = self._clock()
        for each in seen:
            unloads, crashes = self._counts.get(each.name, (0, 0))
            self._counts[each.name] = (each.unloads, each.crashes)
            if each.crashes > crashes:
                self._note(Swap(at=now, model=each.name, what="crashed", why=each.problem))
            if each.unloads > unloads:
                self._note(Swap(at=now, model=each.name, what="unloaded"))
        news, self._news = self._news, []
        return news

    def _note(self, swap: Swap) -> None:
        self.swaps.append(swap)
        self._news.append(swap)
        del self._news[:-KEPT]
