"""The requests that wait for an engine, in the order in which they came."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic

from zoo.errors import EngineBusy, EngineError, QueueFull
from zoo.serve.slot import Clock, E, Hold, Slot, Timer

QUEUE = 256
_SOON, _LATE = 1, 120  # seconds: what a client is told to wait is between these


@dataclass(slots=True, eq=False)
class Waiter(Generic[E]):
    """A request that waits for a model; the future gives it its hold."""

    slot: Slot[E]
    future: asyncio.Future[Hold[E]]
    patience: Timer | None = None

    def hurry(self) -> None:
        """Stop limiting the wait: the engine is being started."""
        if self.patience is not None:
            self.patience.cancel()
            self.patience = None


class Queue(Generic[E]):
    """All who wait.

    Args:
        slots: Every model, by its name.
        clock: Time.
        patience: Seconds that a request waits for room; None for ever.
        left: Called when somebody is no longer in the queue and got nothing.
    """

    def __init__(
        self,
        slots: dict[str, Slot[E]],
        clock: Clock,
        patience: float | None,
        left: Callable[[], None],
    ) -> None:
        self._slots, self._clock, self._patience, self._left = slots, clock, patience, left
        self._waiters: list[Waiter[E]] = []

    def __iter__(self) -> Iterator[Waiter[E]]:
        return iter(self._waiters.copy())

    def __len__(self) -> int:
        return len(self._waiters)

    def count(self, slot: Slot[E]) -> int:
        """How many wait for this model."""
        return sum(waiter.slot is slot for waiter in self._waiters)

    def join(self, slot: Slot[E]) -> Waiter[E]:
        """Wait for a model.

        Raises:
            QueueFull: Too many wait for it already.
        """
        if self.count(slot) >= QUEUE:
            raise QueueFull(
                f"{QUEUE} requests wait for {slot.model.name} already", retry_after=self._hint(slot)
            )
        waiter: Waiter[E] = Waiter(slot, asyncio.get_running_loop().create_future())
        if self._patience is not None and slot.state != "loading":
            waiter.patience = self._clock.call_later(self._patience, lambda: self._give_up(waiter))
        self._waiters.append(waiter)
        return waiter

    def leave(self, waiter: Waiter[E]) -> Hold[E] | None:
        """The client of a request has gone; gives its hold, where it was given one just before."""
        if waiter in self._waiters:
            self._waiters.remove(waiter)
            waiter.hurry()
            self._left()
        elif not waiter.future.cancelled() and waiter.future.exception() is None:
            return waiter.future.result()
        return None

    def hand_over(self, waiters: Iterable[Waiter[E]]) -> None:
        """Give these a hold on their engines, which are ready."""
        for waiter in waiters:
            self._waiters.remove(waiter)
            waiter.hurry()
            if not waiter.future.done() and waiter.slot.loaded is not None:
                waiter.future.set_result(waiter.slot.grant(waiter.slot.loaded, self._clock.time()))

    def refuse(self, waiters: Iterable[Waiter[E]], error: EngineError) -> None:
        """Give these an error."""
        for waiter in waiters:
            self._waiters.remove(waiter)
            waiter.hurry()
            if not waiter.future.done():
                waiter.future.set_exception(error)

    def _give_up(self, waiter: Waiter[E]) -> None:
        slot = waiter.slot
        busy = [each.model.name for each in self._slots.values() if each.holds]
        error = EngineBusy(
            f"{slot.model.name} needs room that {' and '.join(busy) or 'another model'} "
            f"did not leave within {self._patience:g} seconds",
            hint="ask again; `drain-timeout` of [server] says how long a request waits for room",
            retry_after=self._hint(slot),
        )
        self.refuse([waiter], error)
        self._left()

    def _hint(self, slot: Slot[E]) -> int:
        """Seconds after which asking again may help: as long as one more request and a load take."""
        others = (each.hold_took for each in self._slots.values() if each.holds)
        return min(_LATE, max(_SOON, math.ceil(max(others, default=0.0) + slot.load_took)))
