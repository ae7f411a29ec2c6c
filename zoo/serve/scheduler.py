"""Decides which engines run: loads, unloads, and gives each request a hold on the engine it needs.

Rules, in the order of their weight:
1. An engine that a request holds is never stopped; a stream is never cut.
2. A request holds its engine before anything else can know that the engine is ready.
3. Requests that wait for room are served in the order in which they came. One that waits for the
   memory of another model closes that model to newcomers, so a steady stream to it starves nobody.
   The wait for room is bounded; the wait for an engine that is being started is not.
4. The models that go are the idle ones least recently used, and no more than needed.
5. A model is started once, however many requests wait for it.

Everything happens on one event loop: between two awaits nothing changes, so there are no locks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Generic

from zoo.environment.model import ServedModel
from zoo.errors import EngineBusy, EngineError
from zoo.serve.machine import require_room
from zoo.serve.room import plan
from zoo.serve.slot import Clock, E, Hold, Loaded, Seen, Slot, Waiter

QUEUE = 256
FAILURES, FAILURES_WITHIN = 3, 60.0

_log = logging.getLogger(__name__)


class Scheduler(Generic[E]):
    """Keeps the engines of one environment.

    Args:
        models: Every model that may be asked for.
        start: Starts the engine of a model and returns when it answers.
        budget: Bytes that the loaded models may take together.
        clock: Time; the running event loop.
        idle: Seconds after its last request at which an on-demand model is unloaded; None for never.
        patience: Seconds that a request waits for room; None for ever.
    """

    def __init__(
        self,
        models: Iterable[ServedModel],
        start: Callable[[ServedModel], Awaitable[E]],
        *,
        budget: int,
        clock: Clock,
        idle: float | None,
        patience: float | None,
    ) -> None:
        self.budget = budget
        self._slots: dict[str, Slot[E]] = {model.name: Slot(model) for model in models}
        self._starter, self._clock, self._idle, self._patience = start, clock, idle, patience
        self._queue: list[Waiter[E]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._dead: set[Loaded[E]] = set()
        self._closing = False
        self._quiet: asyncio.Event = asyncio.Event()

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[E]:
        """Have the engine of a model, loading it if need be, for as long as the block runs.

        Raises:
            EngineTooLarge: It would need more than the budget.
            EngineBusy: There was no room for it in time, or too many wait.
            EngineError: It did not start, or keeps failing.
        """
        slot = self._slots[name]
        loaded = await self._acquire(slot)
        try:
            yield loaded.engine
        finally:
            self._release(slot, loaded)

    def take(self, name: str) -> Hold[E] | None:
        """Have the engine of a model at once where it is ready; whoever gets it gives it back."""
        slot = self._slots[name]
        if slot.state != "ready" or slot.loaded is None or slot.draining or self._closing:
            return None
        slot.used = self._clock.time()
        return Hold(slot, self._grant(slot, slot.loaded))

    def give_back(self, hold: Hold[E]) -> None:
        """Let go of an engine."""
        self._release(hold.slot, hold.loaded)

    def seen(self) -> tuple[Seen, ...]:
        """What every model does now."""
        return tuple(
            Seen(
                name=name,
                state=slot.state,
                holds=slot.holds,
                waiting=sum(waiter.slot is slot for waiter in self._queue),
                memory=slot.memory,
                loads=slot.loads,
                unloads=slot.unloads,
                crashes=slot.crashes,
                problem=slot.problem,
            )
            for name, slot in self._slots.items()
        )

    async def drain(self, within: float | None) -> None:
        """Take no more requests, and wait for those under way, at most this many seconds."""
        self._closing = True
        for waiter in self._queue:
            self._refuse(waiter, EngineBusy("eai is being shut down"))
        self._queue.clear()
        if any(slot.holds for slot in self._slots.values()):
            late = None if within is None else self._clock.call_later(within, self._quiet.set)
            await self._quiet.wait()
            if late is not None:
                late.cancel()

    async def stop(self) -> None:
        """End every engine, whatever it is doing."""
        self._closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        loaded = self._dead | {slot.loaded for slot in self._slots.values() if slot.loaded is not None}
        await asyncio.gather(*(each.engine.stop() for each in loaded))

    # Requests

    async def _acquire(self, slot: Slot[E]) -> Loaded[E]:
        self._admit(slot)
        slot.used = self._clock.time()
        if slot.state == "ready" and slot.loaded is not None and not slot.draining:
            return self._grant(slot, slot.loaded)
        waiter: Waiter[E] = Waiter(slot, asyncio.get_running_loop().create_future())
        if self._patience is not None and slot.state != "loading":
            waiter.patience = self._clock.call_later(self._patience, lambda: self._give_up(waiter))
        self._queue.append(waiter)
        self._settle()
        try:
            return await waiter.future
        except asyncio.CancelledError:
            self._leave(waiter)
            raise

    def _admit(self, slot: Slot[E]) -> None:
        """Refuse at once what cannot come to a good end."""
        if self._closing:
            raise EngineBusy("eai is being shut down")
        require_room(slot.model, self.budget)
        now = self._clock.time()
        while slot.failures and now - slot.failures[0] > FAILURES_WITHIN:
            slot.failures.popleft()
        if len(slot.failures) >= FAILURES and slot.state == "unloaded":
            raise EngineError(
                f"the engine of {slot.model.name} failed {len(slot.failures)} times within "
                f"{FAILURES_WITHIN:.0f} seconds and is left alone for a while; the last time: {slot.problem}",
                hint=f"`eai logs {slot.model.name}` shows what it said",
            )
        if len(self._queue) >= QUEUE:
            raise EngineBusy(f"{QUEUE} requests wait already")

    def _grant(self, slot: Slot[E], loaded: Loaded[E]) -> Loaded[E]:
        loaded.holds += 1
        slot.keep()
        return loaded

    def _release(self, slot: Slot[E], loaded: Loaded[E]) -> None:
        loaded.holds -= 1
        if slot.loaded is loaded:
            slot.used = self._clock.time()
            if loaded.holds == 0:
                self._rest(slot, loaded)
                self._settle()
        elif loaded.holds == 0:
            self._spawn(self._bury(loaded))
        if self._closing and not any(slot.holds for slot in self._slots.values()):
            self._quiet.set()

    def _leave(self, waiter: Waiter[E]) -> None:
        """The client of a request that waits has gone, maybe just after it was given its engine."""
        if waiter in self._queue:
            self._queue.remove(waiter)
            waiter.hurry()
            self._settle()
        elif not waiter.future.cancelled() and waiter.future.exception() is None:
            self._release(waiter.slot, waiter.future.result())

    def _give_up(self, waiter: Waiter[E]) -> None:
        self._queue.remove(waiter)
        busy = [slot.model.name for slot in self._slots.values() if slot.holds]
        self._refuse(
            waiter,
            EngineBusy(
                f"{waiter.slot.model.name} needs room that {' and '.join(busy) or 'another model'} "
                f"did not leave within {self._patience:g} seconds",
                hint="ask again; `drain-timeout` of [server] says how long a request waits for room",
            ),
        )
        self._settle()

    def _refuse(self, waiter: Waiter[E], error: EngineError) -> None:
        waiter.hurry()
        if not waiter.future.done():
            waiter.future.set_exception(error)

    # Engines

    def _settle(self) -> None:
        """Bring what runs in line with what is waited for; called after every change."""
        if self._closing:
            return
        wanted = dict.fromkeys(w.slot for w in self._queue if w.slot.state in {"unloaded", "stopping"})
        made = plan(tuple(self._slots.values()), wanted, self.budget)
        for slot in self._slots.values():
            slot.draining = slot in made.drain
        for slot in made.stop:
            self._stop(slot)
        for slot in made.start:
            self._start(slot)
        for waiter in self._queue.copy():
            slot = waiter.slot
            if slot.state == "ready" and slot.loaded is not None and not slot.draining:
                self._hand_over(waiter, slot.loaded)

    def _hand_over(self, waiter: Waiter[E], loaded: Loaded[E]) -> None:
        self._queue.remove(waiter)
        waiter.hurry()
        if not waiter.future.done():
            waiter.future.set_result(self._grant(waiter.slot, loaded))

    def _start(self, slot: Slot[E]) -> None:
        slot.state = "loading"
        for waiter in self._queue:
            if waiter.slot is slot:
                waiter.hurry()
        self._spawn(self._load(slot))

    async def _load(self, slot: Slot[E]) -> None:
        try:
            engine = await self._starter(slot.model)
        except EngineError as error:
            self._failed(slot, error)
            return
        slot.loaded, slot.state, slot.problem = Loaded(engine), "ready", None
        slot.loads += 1
        slot.used = self._clock.time()
        # All who waited until now are served by this load, also those behind a request for another model.
        for waiter in [waiter for waiter in self._queue if waiter.slot is slot]:
            self._hand_over(waiter, slot.loaded)
        self._rest(slot, slot.loaded)
        self._spawn(self._watch(slot, slot.loaded))
        self._settle()

    def _failed(self, slot: Slot[E], error: EngineError) -> None:
        _log.error("%s", error.message)
        slot.state, slot.problem = "unloaded", error.message
        slot.failures.append(self._clock.time())
        mine = [waiter for waiter in self._queue if waiter.slot is slot]
        self._queue = [waiter for waiter in self._queue if waiter.slot is not slot]
        for waiter in mine:
            self._refuse(waiter, error)
        self._settle()

    async def _watch(self, slot: Slot[E], loaded: Loaded[E]) -> None:
        """Notice that an engine died; the next request starts it again."""
        how = await loaded.engine.died()
        if slot.loaded is not loaded or slot.state == "stopping":
            return
        slot.keep()
        slot.loaded, slot.state = None, "unloaded"
        slot.crashes += 1
        slot.problem = f"the engine of {slot.model.name} died: {how}"
        slot.failures.append(self._clock.time())
        _log.error("%s", slot.problem)
        self._dead.add(loaded)
        self._settle()
        if loaded.holds == 0:
            await self._bury(loaded)

    async def _bury(self, loaded: Loaded[E]) -> None:
        """Clear up after an engine that died, once those who held it have read its last words."""
        await loaded.engine.stop()
        self._dead.discard(loaded)

    def _rest(self, slot: Slot[E], loaded: Loaded[E]) -> None:
        """Nobody may be using it now: unload an on-demand model after a while."""
        slot.keep()
        if loaded.holds == 0 and self._idle is not None and not slot.model.main:
            slot.idle = self._clock.call_later(self._idle, lambda: self._unload_idle(slot))

    def _unload_idle(self, slot: Slot[E]) -> None:
        slot.idle = None
        if slot.state == "ready" and slot.holds == 0:
            self._stop(slot)

    def _stop(self, slot: Slot[E]) -> None:
        slot.keep()
        slot.state = "stopping"
        self._spawn(self._unload(slot))

    async def _unload(self, slot: Slot[E]) -> None:
        if slot.loaded is not None:
            await slot.loaded.engine.stop()
        slot.loaded, slot.state = None, "unloaded"
        slot.unloads += 1
        _log.info("%s is unloaded", slot.model.name)
        self._settle()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
