"""One picture at a time for each model, as sd-server makes them: whose turn it is, and how far it got."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from zoo.errors import EngineBusy
from zoo.serve.logfile import LogFile

QUEUE = 64
"""Requests that may wait for their turn at one model."""

_LINES = 1000
# How sd-server draws its bar for each step; the one for reading files counts bytes a second.
_STEP = re.compile(r"\| (?P<step>\d+)/(?P<steps>\d+) - [\d.]+(it/s|s/it)")


@dataclass(frozen=True, slots=True)
class Drawing:
    """Pictures that are being made.

    Attributes:
        n: How many.
        steps: How many each takes, as asked; sd-server may decide on fewer where a picture is edited.
        log: Where the engine writes.
        since: Where in it this begins.
    """

    n: int
    steps: int
    log: LogFile
    since: int

    def progress(self) -> dict[str, Any]:
        """How many steps are done, of how many, of all pictures together."""
        done, steps, last = 0, self.steps, 0
        for line in self.log.tail(_LINES, since=self.since):
            if (match := _STEP.search(line)) is not None:
                last, steps = int(match["step"]), int(match["steps"])
                done += last == steps
        current = 0 if last == steps else last
        return {"step": min(done, self.n) * steps + current, "steps": self.n * steps, "pictures": self.n}


@dataclass(slots=True)
class _Easel:
    """The turns at one model; `waiting` counts the requests whose turn has not come."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    work: asyncio.Future[Any] | None = None
    drawing: Drawing | None = None
    waiting: int = 0


class Turn:
    """The right to have a model draw.

    Args:
        easel: The model's.
    """

    def __init__(self, easel: _Easel) -> None:
        self._easel = easel
        self.kept = False

    def keep(self, work: asyncio.Future[Any], drawing: Drawing) -> None:
        """Keep the turn until the work is over: sd-server draws on for one who has left."""
        self.kept = True
        self._easel.work, self._easel.drawing = work, drawing
        work.add_done_callback(self._over)

    def _over(self, work: asyncio.Future[Any]) -> None:
        if not work.cancelled():
            work.exception()  # whoever waited has seen it; where nobody did, it is nobody's loss
        self._easel.work = self._easel.drawing = None
        self._easel.turn.release()


class Easels:
    """The turns at all models."""

    def __init__(self) -> None:
        self._easels: dict[str, _Easel] = {}

    def progress(self, model: str) -> dict[str, Any] | None:
        """What a model is drawing, and how many requests wait for it; None where it draws nothing."""
        easel = self._easels.get(model)
        if easel is None or easel.drawing is None:
            return None
        return {**easel.drawing.progress(), "waiting": easel.waiting}

    @asynccontextmanager
    async def turn(self, model: str) -> AsyncIterator[Turn]:
        """Wait for the turn at a model, in the order of asking.

        Raises:
            EngineBusy: Too many wait.
        """
        easel = self._easels.setdefault(model, _Easel())
        if easel.waiting >= QUEUE:
            raise EngineBusy(f"{QUEUE} requests wait for {model} already")
        easel.waiting += 1
        try:
            await easel.turn.acquire()
        finally:
            easel.waiting -= 1
        turn = Turn(easel)
        try:
            yield turn
        finally:
            if not turn.kept:
                easel.turn.release()
