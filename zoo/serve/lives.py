"""The lives of engines: each is started once, watched while it runs, and ended when nobody needs it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Generic, Protocol

from zoo.environment.model import ServedModel
from zoo.errors import EngineError
from zoo.serve.slot import Clock, E, Loaded, Slot

_log = logging.getLogger(__name__)


class Keeper(Protocol[E]):
    """Who is told what becomes of the engines, at once and without anything between."""

    def loaded(self, slot: Slot[E], loaded: Loaded[E]) -> None:
        """It answers."""

    def gone(self, slot: Slot[E], error: EngineError | None) -> None:
        """It is unloaded, as was wanted or because of an error."""


class Lives(Generic[E]):
    """Starts, watches and ends engines.

    Args:
        start: Starts the engine of a model and returns when it answers.
        clock: Time.
        keeper: Who is told.
    """

    def __init__(self, start: Callable[[ServedModel], Awaitable[E]], clock: Clock, keeper: Keeper[E]) -> None:
        self._starter, self._clock, self._keeper = start, clock, keeper
        self._tasks: set[asyncio.Task[None]] = set()
        self._dead: set[Loaded[E]] = set()

    def start(self, slot: Slot[E]) -> None:
        """Load a model; its memory counts from now on."""
        slot.state = "loading"
        self.spawn(self._load(slot))

    def stop(self, slot: Slot[E]) -> None:
        """Unload a model that nobody uses; its memory counts until its process is gone."""
        slot.keep()
        slot.state = "stopping"
        self.spawn(self._unload(slot))

    def let_go(self, loaded: Loaded[E]) -> None:
        """Nobody holds this engine any more, which died before: clear up after it."""
        self.spawn(self._bury(loaded))

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Let something go on in the background until all ends."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def end(self, slots: tuple[Slot[E], ...]) -> None:
        """End everything, whatever it is doing."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        loaded = self._dead | {slot.loaded for slot in slots if slot.loaded is not None}
        await asyncio.gather(*(each.engine.stop() for each in loaded))

    async def _load(self, slot: Slot[E]) -> None:
        began = self._clock.time()
        try:
            engine = await self._starter(slot.model)
        except EngineError as error:
            self._failed(slot, error)
            return
        now = self._clock.time()
        slot.loaded, slot.state, slot.health.problem = Loaded(engine, now), "ready", None
        slot.loads += 1
        slot.load_took, slot.used = now - began, now
        self.spawn(self._watch(slot, slot.loaded))
        self._keeper.loaded(slot, slot.loaded)

    async def _watch(self, slot: Slot[E], loaded: Loaded[E]) -> None:
        """Notice that an engine died."""
        how = await loaded.engine.died()
        if slot.loaded is not loaded or slot.state == "stopping":
            return
        slot.keep()
        slot.loaded = None
        slot.crashes += 1
        self._dead.add(loaded)
        error = EngineError(f"the engine of {slot.model.name} died: {how}")
        self._failed(slot, error, ran=self._clock.time() - loaded.since)
        if loaded.holds == 0:
            await self._bury(loaded)

    def _failed(self, slot: Slot[E], error: EngineError, *, ran: float = 0.0) -> None:
        _log.error("%s", error.message)
        slot.state, slot.real = "unloaded", None
        slot.health.failed(self._clock.time(), error.message, ran=ran)
        self._keeper.gone(slot, error)

    async def _unload(self, slot: Slot[E]) -> None:
        if slot.loaded is not None:
            await slot.loaded.engine.stop()
        slot.loaded, slot.state, slot.real = None, "unloaded", None
        slot.unloads += 1
        _log.info("%s is unloaded", slot.model.name)
        self._keeper.gone(slot, None)

    async def _bury(self, loaded: Loaded[E]) -> None:
        """Clear up after an engine that died, once those who held it have read its last words."""
        await loaded.engine.stop()
        self._dead.discard(loaded)
