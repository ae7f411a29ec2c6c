"""Starts engines: the main model's first one runs already, and the next one is prepared while it waits."""

from __future__ import annotations

import asyncio
import itertools
import logging
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from zoo.environment.model import ServedModel
from zoo.errors import EngineError
from zoo.serve.engine import EngineProcess
from zoo.serve.prefetch import Prefetch, Warm
from zoo.serve.rundir import RunDir
from zoo.serve.spawn import Spawned, spawn
from zoo.serve.upstream import Upstream

_log = logging.getLogger(__name__)


def _nobody() -> None:
    """Tell nobody."""


class Starter:
    """Starts engines.

    A model that waits for another to go has its process started meanwhile: it does all that comes before
    the load, which is most of what a small model takes, and its files are read ahead.

    Args:
        first: The main model's engine, which is loading already.
        sockets: The folder of the engines' sockets.
        run: Has their logs.
        stop_limit: Seconds from SIGTERM to SIGKILL; None for ever.
        loop: The running event loop.
        loaded: Called with the name of a model and its engine's socket, before anybody gets the engine.
        read: Reads a model's files ahead.

    Attributes:
        started: Called when an engine answers.
    """

    def __init__(
        self,
        first: Spawned | None,
        *,
        sockets: Path,
        run: RunDir,
        stop_limit: float | None,
        loop: asyncio.AbstractEventLoop,
        loaded: Callable[[str, Path], Awaitable[None]] | None = None,
        read: Warm | None = None,
    ) -> None:
        self._sockets, self._run, self._stop_limit, self._loop = sockets, run, stop_limit, loop
        self._loaded, self._read = loaded, read or Prefetch()
        self._ready: list[Spawned] = [] if first is None else [first]
        self._numbers = itertools.count(1)
        self.started: Callable[[], None] = _nobody

    def prepare(self, model: ServedModel) -> Callable[[], None]:
        """Do all for a model that needs no memory; call what this gives where it is not to be loaded."""
        stop = self._read(model)
        try:
            spawned = self._spawn(model, waits=True)
        except EngineError:  # to be told to whoever has it started
            return stop
        self._ready.append(spawned)

        def undo() -> None:
            stop()
            if spawned in self._ready:
                self._ready.remove(spawned)
                self._discard(spawned)

        return undo

    async def start(self, model: ServedModel) -> Upstream:
        """Start the engine of a model and wait until it answers.

        Raises:
            EngineError: It does not.
        """
        spawned = next((each for each in self._ready if each.model is model), None)
        if spawned is None:
            spawned = self._spawn(model, waits=False)
        else:
            self._ready.remove(spawned)
        if spawned.go >= 0:
            spawned.let_load()
        process = EngineProcess(spawned, self._loop, self._stop_limit)
        await process.answers()
        try:
            if self._loaded is not None:
                await self._loaded(model.name, process.socket)
        except (EngineError, asyncio.CancelledError):
            await process.stop()
            raise
        _log.info("%s is loaded after %.3f s", model.name, time.monotonic() - spawned.began)
        self.started()
        return Upstream(process)

    def close(self) -> None:
        """End what was prepared and never wanted."""
        for spawned in self._ready:
            _end(spawned)
        self._ready.clear()

    def _spawn(self, model: ServedModel, *, waits: bool) -> Spawned:
        path = self._sockets / f"{next(self._numbers)}.sock"
        return spawn(model, path, self._run.engine_log(model.name), waits=waits)

    def _discard(self, spawned: Spawned) -> None:
        """End a process that nobody wants any more, in a thread: waiting for it takes a moment."""
        spawned.signal(signal.SIGKILL)
        self._loop.run_in_executor(None, _end, spawned)


def _end(spawned: Spawned) -> None:
    spawned.signal(signal.SIGKILL)
    spawned.process.wait()
    spawned.release()
