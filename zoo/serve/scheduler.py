"""Decides which engines run: loads, unloads, and gives each request a hold on the engine it needs.

Rules, in the order of their weight:
1. An engine that a request holds is never stopped; a stream is never cut.
2. A request holds its engine before anything else can know that the engine is ready.
3. Requests that wait for room are served in the order in which they came. One that waits for the
   memory of another model closes that model to newcomers, so a steady stream to it starves nobody.
   The wait for room is bounded; the wait for an engine that is being started is not.
4. The models that go are the idle ones least recently used, and no more than needed.
5. A model is started once, however many requests wait for it.
6. A model whose engine failed is started again after a while that doubles; whoever asks before that
   is told how long it is.

Everything happens on one event loop: between two awaits nothing changes, so there are no locks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Generic

from zoo.environment.model import ServedModel
from zoo.errors import EngineBusy, EngineError
from zoo.serve.lives import Lives
from zoo.serve.machine import Budget, require_room
from zoo.serve.memory import Memory, total
from zoo.serve.prefetch import Ahead, Warm
from zoo.serve.room import plan, room
from zoo.serve.slot import Clock, E, Hold, Loaded, Seen, Slot
from zoo.serve.waiting import Queue

_log = logging.getLogger(__name__)


def _cancel(waits: asyncio.Future[None]) -> None:
    waits.cancel()


class Scheduler(Generic[E]):
    """Keeps the engines of one environment.

    Args:
        models: Every model that may be asked for.
        start: Starts the engine of a model and returns when it answers.
        budget: What the loaded models may take together.
        clock: Time; the running event loop.
        idle: Seconds after its last request at which an on-demand model is unloaded; None for never.
        patience: Seconds that a request waits for room; None for ever.
        warm: Called with the model that is to be loaded next, while it waits for room; gives what is
            called where that comes to nothing. Absent, nothing is done ahead.
    """

    def __init__(
        self,
        models: Iterable[ServedModel],
        start: Callable[[ServedModel], Awaitable[E]],
        *,
        budget: Budget,
        clock: Clock,
        idle: float | None,
        patience: float | None,
        warm: Warm | None = None,
    ) -> None:
        self.budget = budget
        self._slots: dict[str, Slot[E]] = {model.name: Slot(model, budget.need(model)) for model in models}
        self._clock, self._idle, self._ahead = clock, idle, Ahead(warm)
        self._queue: Queue[E] = Queue(self._slots, clock, patience, self._settle)
        self._lives: Lives[E] = Lives(start, clock, self)
        self._closing = self._at_ease = False
        self._quiet: asyncio.Event = asyncio.Event()

    # Requests

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[E]:
        """Have the engine of a model, loading it if need be, for as long as the block runs.

        Raises:
            EngineTooLarge: It would need more than the budget.
            EngineBusy: There was no room for it in time, or too many wait.
            EngineDown: It failed just now, and is not started again yet.
            EngineError: It did not start, or died while this waited for it.
        """
        hold = self.take(name) or await self._wait(self._slots[name])
        try:
            yield hold.engine
        finally:
            self.give_back(hold)

    def take(self, name: str) -> Hold[E] | None:
        """Have the engine of a model at once where it is ready; whoever gets it gives it back."""
        slot = self._slots[name]
        loaded = slot.ready()
        if loaded is None or self._closing:
            return None
        slot.used = now = self._clock.time()
        return slot.grant(loaded, now)

    def give_back(self, hold: Hold[E]) -> None:
        """Let go of an engine."""
        slot, loaded = hold.slot, hold.loaded
        loaded.holds -= 1
        if slot.loaded is loaded:
            slot.used = self._clock.time()
            slot.note(slot.used - hold.since)
            if loaded.holds == 0:
                self._rest(slot, loaded)
                if not self._at_ease:
                    self._settle()
        elif loaded.holds == 0:
            self._lives.let_go(loaded)
        if self._closing and not any(each.holds for each in self._slots.values()):
            self._quiet.set()

    async def _wait(self, slot: Slot[E]) -> Hold[E]:
        self._admit(slot)
        slot.used = self._clock.time()
        waiter = self._queue.join(slot)
        self._settle()
        try:
            return await waiter.future
        except asyncio.CancelledError:
            if (hold := self._queue.leave(waiter)) is not None:
                self.give_back(hold)
            raise

    def _admit(self, slot: Slot[E]) -> None:
        """Refuse at once what cannot come to a good end."""
        if self._closing:
            raise EngineBusy("eai is being shut down")
        require_room(slot.model, self.budget)
        if slot.state == "unloaded":
            slot.health.require(slot.model.name, self._clock.time())

    # Who is loaded, by request of a person

    async def load(self, name: str) -> None:
        """Load a model and wait until it answers, also one that was given up.

        Raises:
            EngineError: As `hold`.
        """
        self._slots[name].health.forgive()
        async with self.hold(name):
            pass

    def begin(self, name: str) -> None:
        """Load a model in the background.

        Raises:
            EngineTooLarge: It would need more than the budget.
            EngineBusy: All is being shut down.
        """
        slot = self._slots[name]
        slot.health.forgive()
        self._admit(slot)
        self._lives.spawn(self._load_quietly(name))

    async def _load_quietly(self, name: str) -> None:
        try:
            await self.load(name)
        except EngineError as error:
            _log.warning("%s is not loaded: %s", name, error.message)

    def preload(self, names: Iterable[str]) -> tuple[str, ...]:
        """Load these models in turn as far as memory allows with nobody else going; those it started."""
        started: list[str] = []
        for slot in (self._slots[name] for name in names):
            if slot.state == "unloaded" and not self._closing and self._fits_beside(slot):
                self._lives.start(slot)
                started.append(slot.model.name)
        return tuple(started)

    async def unload(self, name: str, within: float | None) -> bool:
        """Unload a model when the requests under way are over; new ones wait until it is loaded again.

        Args:
            name: Which one.
            within: Seconds that they may take; None for as long as they take.

        Returns:
            Whether it is unloaded; false where requests took longer, and it stays.
        """
        slot = self._slots[name]
        slot.stay_away()
        if slot.state == "unloaded":
            return True
        gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        slot.leaving.append(gone)
        late = None if within is None else self._clock.call_later(within, lambda: _cancel(gone))
        self._settle()
        try:
            await asyncio.wait([gone])
        finally:
            if late is not None:
                late.cancel()
            if gone in slot.leaving:
                slot.leaving.remove(gone)
                self._settle()
        return not gone.cancelled()

    # All of them

    def seen(self) -> tuple[Seen, ...]:
        """What every model does now."""
        now = self._clock.time()
        return tuple(Seen.of(slot, self._queue.count(slot), now) for slot in self._slots.values())

    def stirred(self, since: float) -> tuple[tuple[str, E], ...]:
        """The engines that are in use, or were after some moment, with the names of their models."""
        return tuple(
            (name, slot.loaded.engine)
            for name, slot in self._slots.items()
            if slot.loaded is not None and (slot.holds or slot.used >= since)
        )

    def measured(self, name: str, engine: E, taken: Memory) -> None:
        """Count an engine with what it was seen to take, where that is more than was planned.

        It is never counted with less: weights are mapped and caches are touched as a context fills, so
        an engine that takes little now may take all that was planned a minute later. Nor with more than
        the budget: what could be loaded once can be loaded again, alone.
        """
        slot = self._slots[name]
        if slot.loaded is not None and slot.loaded.engine is engine:
            slot.real = taken
            slot.memory = slot.planned.most(taken.least(self.budget.room))
            self._settle()

    async def drain(self, within: float | None) -> None:
        """Take no more requests, and wait for those under way, at most this many seconds."""
        self._closing = True
        self._ahead.want(None)
        self._queue.refuse(self._queue, EngineBusy("eai is being shut down"))
        if any(slot.holds for slot in self._slots.values()):
            late = None if within is None else self._clock.call_later(within, self._quiet.set)
            await self._quiet.wait()
            if late is not None:
                late.cancel()

    async def stop(self) -> None:
        """End every engine, whatever it is doing."""
        self._closing = True
        self._ahead.want(None)
        await self._lives.end(tuple(self._slots.values()))

    # What becomes of engines

    def loaded(self, slot: Slot[E], loaded: Loaded[E]) -> None:
        """All who waited until now are served by this load, also those behind a request for another."""
        self._queue.hand_over(waiter for waiter in self._queue if waiter.slot is slot)
        self._rest(slot, loaded)
        self._settle()

    def gone(self, slot: Slot[E], error: EngineError | None) -> None:
        """An engine is no more; where it failed, those who waited for it are told so."""
        for each in slot.leaving:
            if not each.done():
                each.set_result(None)
        slot.leaving.clear()
        if error is not None:
            self._queue.refuse((waiter for waiter in self._queue if waiter.slot is slot), error)
            if slot.model.main and slot.loads and not slot.health.given_up:
                wait = slot.health.wait(self._clock.time())
                slot.revival = self._clock.call_later(wait, lambda: self._revive(slot))
        self._settle()

    def _settle(self) -> None:
        """Bring what runs in line with what is waited for; called after every change."""
        if self._closing:
            return
        slots = tuple(self._slots.values())
        made = plan(slots, self._wanted(), self.budget.room)
        for slot in slots:
            slot.draining = bool(slot.leaving) or slot in made.drain
            if slot in made.stop or (slot.leaving and slot.state == "ready" and not slot.holds):
                self._lives.stop(slot)
        for slot in made.start:
            self._start(slot)
        self._queue.hand_over(waiter for waiter in self._queue if waiter.slot.ready() is not None)
        self._ahead.want(None if made.next is None else made.next.model)
        self._at_ease = self._is_at_ease()

    def _is_at_ease(self) -> bool:
        """Whether it changes nothing when a request ends: nobody waits, and what is loaded has its room.

        This holds until the next change of another kind, and saves each request in turn a plan.
        """
        free = room(self._slots.values(), self.budget.room)
        waits = len(self._queue) > 0 or any(slot.leaving for slot in self._slots.values())
        return not waits and free.host >= 0 and free.gpu >= 0

    def _start(self, slot: Slot[E]) -> None:
        for waiter in self._queue:
            if waiter.slot is slot:
                waiter.hurry()
        self._ahead.starts(slot.model)
        self._lives.start(slot)

    def _revive(self, slot: Slot[E]) -> None:
        """The main model is back by itself, unless others have taken its room meanwhile."""
        slot.revival = None
        self.preload([slot.model.name])

    def _wanted(self) -> dict[Slot[E], None]:
        """The models that requests wait for and that are to be loaded, the first to come first."""
        return dict.fromkeys(w.slot for w in self._queue if w.slot.state in {"unloaded", "stopping"})

    def _fits_beside(self, slot: Slot[E]) -> bool:
        """Whether there is room for it without what is loaded, and what others wait for, giving way."""
        others = total(each.memory for each in self._wanted() if each is not slot)
        return slot.memory.fits(room(self._slots.values(), self.budget.room) - others)

    def _rest(self, slot: Slot[E], loaded: Loaded[E]) -> None:
        """Nobody may be using it now: unload an on-demand model after a while."""
        if loaded.holds == 0 and slot.idle is None and self._idle is not None and not slot.model.main:
            slot.idle = self._clock.call_later(self._idle, lambda: self._look(slot))

    def _look(self, slot: Slot[E]) -> None:
        """Unload a model unless it was used meanwhile: there is no timer for each request that ends."""
        slot.idle = None
        if self._idle is None or slot.state != "ready" or slot.holds > 0:
            return  # whoever holds it comes by `_rest`
        if (left := slot.used + self._idle - self._clock.time()) > 0:
            slot.idle = self._clock.call_later(left, lambda: self._look(slot))
        else:
            self._lives.stop(slot)
