"""What the scheduler knows about one model: its engine, who uses it, and who waits for it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Literal, Protocol, TypeVar

from zoo.environment.model import ServedModel

State = Literal["unloaded", "loading", "ready", "stopping"]


class Timer(Protocol):
    """Something that will happen, unless it is cancelled."""

    def cancel(self) -> None:
        """Let it not happen."""


class Clock(Protocol):
    """Time as the scheduler sees it; an asyncio event loop is one."""

    def time(self) -> float:
        """Seconds since some moment."""

    def call_later(self, delay: float, callback: Callable[[], None], /) -> Timer:
        """Call back after this many seconds."""


class Engine(Protocol):
    """A running engine, as far as the scheduler is concerned."""

    async def died(self) -> str:
        """Wait until it is gone, and say how it ended."""

    async def stop(self) -> None:
        """End it, and wait until its memory is free. Never raises; may be called again."""


E = TypeVar("E", bound=Engine)


@dataclass(slots=True, eq=False)
class Loaded(Generic[E]):
    """One life of a model's engine; a hold belongs to it, not to the model."""

    engine: E
    holds: int = 0


@dataclass(slots=True, eq=False)
class Hold(Generic[E]):
    """One request's right to use an engine, until it is given back."""

    slot: Slot[E]
    loaded: Loaded[E]

    @property
    def engine(self) -> E:
        """That engine."""
        return self.loaded.engine


@dataclass(slots=True, eq=False)
class Waiter(Generic[E]):
    """A request that waits for a model; the future gives it an engine that it already holds."""

    slot: Slot[E]
    future: asyncio.Future[Loaded[E]]
    patience: Timer | None = None

    def hurry(self) -> None:
        """Stop limiting the wait: the engine is being started."""
        if self.patience is not None:
            self.patience.cancel()
            self.patience = None


@dataclass(slots=True, eq=False)
class Slot(Generic[E]):
    """The place of one model.

    Attributes:
        draining: Whether an earlier request waits for this model's memory: nobody new gets it.
        used: When it was last asked for, or let go of.
        failures: When its engine failed to start, or died, as far back as it matters.
        problem: How it failed last; None where it did not, or has answered since.
    """

    model: ServedModel
    state: State = "unloaded"
    loaded: Loaded[E] | None = None
    draining: bool = False
    used: float = 0.0
    idle: Timer | None = None
    failures: deque[float] = field(default_factory=deque)
    problem: str | None = None
    loads: int = 0
    unloads: int = 0
    crashes: int = 0

    @property
    def holds(self) -> int:
        """Requests that its engine is answering."""
        return 0 if self.loaded is None else self.loaded.holds

    @property
    def memory(self) -> int:
        """Bytes it takes when loaded."""
        return self.model.memory

    def keep(self) -> None:
        """Somebody uses it: it is not idle."""
        if self.idle is not None:
            self.idle.cancel()
            self.idle = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What can be told about one model now, for status and metrics."""

    name: str
    state: State
    holds: int
    waiting: int
    memory: int
    loads: int
    unloads: int
    crashes: int
    problem: str | None
