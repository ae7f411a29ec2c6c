"""What the scheduler knows about one model: its engine, who uses it, and who waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Literal, Protocol, Self, TypeVar

from zoo.environment.model import ServedModel
from zoo.serve.health import Health
from zoo.serve.memory import Memory

State = Literal["unloaded", "loading", "ready", "stopping"]

_NEW = 0.2  # the weight of the newest among the times that are averaged
_LOADS = 1.0  # seconds that a load is thought to take before there was one


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
    """One life of a model's engine, since it was ready; a hold belongs to it, not to the model."""

    engine: E
    since: float
    holds: int = 0


@dataclass(slots=True, eq=False)
class Hold(Generic[E]):
    """A request's right to its engine, since a moment, until it is given back."""

    slot: Slot[E]
    loaded: Loaded[E]
    since: float

    @property
    def engine(self) -> E:
        """The engine, which is not stopped before this is given back."""
        return self.loaded.engine


@dataclass(slots=True, eq=False)
class Slot(Generic[E]):
    """The place of one model.

    Attributes:
        planned: What it takes when loaded, as locked.
        memory: What it is counted with: what was planned, or what it was seen to take if that is more.
        real: What it was last seen to take.
        draining: Whether it is to go as soon as nobody uses it: nobody new gets it.
        leaving: Those who asked that it be unloaded, and wait for that.
        used: When it was last asked for, or let go of.
        idle: When to look whether it was used lately, and else to unload it.
        revival: When it comes back by itself.
        load_took: Seconds that its last load took.
        hold_took: Seconds that its requests take, on average.
    """

    model: ServedModel
    planned: Memory
    memory: Memory = field(init=False)
    real: Memory | None = None
    state: State = "unloaded"
    loaded: Loaded[E] | None = None
    draining: bool = False
    leaving: list[asyncio.Future[None]] = field(default_factory=list)
    used: float = 0.0
    idle: Timer | None = None
    revival: Timer | None = None
    health: Health = field(default_factory=Health)
    load_took: float = _LOADS
    hold_took: float = 0.0
    loads: int = 0
    unloads: int = 0
    crashes: int = 0

    def __post_init__(self) -> None:
        self.memory = self.planned

    @property
    def holds(self) -> int:
        """Requests that its engine is answering."""
        return 0 if self.loaded is None else self.loaded.holds

    @property
    def in_use(self) -> bool:
        """Whether it cannot go now."""
        return self.holds > 0 or self.state == "loading"

    def ready(self) -> Loaded[E] | None:
        """Its engine, if a new request may have it."""
        return self.loaded if self.state == "ready" and not self.draining else None

    def grant(self, loaded: Loaded[E], now: float) -> Hold[E]:
        """Let one more request have it."""
        loaded.holds += 1
        return Hold(self, loaded, now)

    def note(self, took: float) -> None:
        """A request was answered in this many seconds."""
        self.hold_took += (took - self.hold_took) * (_NEW if self.hold_took else 1.0)

    def keep(self) -> None:
        """Look no more whether it is used: it goes, or is gone."""
        if self.idle is not None:
            self.idle.cancel()
            self.idle = None

    def stay_away(self) -> None:
        """Nobody wants it back by itself any more."""
        if self.revival is not None:
            self.revival.cancel()
            self.revival = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What can be told about one model now, for status and metrics.

    Attributes:
        memory: Bytes it takes when loaded, as locked, wherever they lie.
        counted: What it is counted with while it is loaded.
        used: What it was seen to take; None while it is not loaded, or not measured yet.
        retry: Seconds until a failed engine is started again; 0 where it may be at once.
    """

    name: str
    state: State
    holds: int
    waiting: int
    memory: int
    counted: Memory
    used: Memory | None
    loads: int
    unloads: int
    crashes: int
    problem: str | None
    retry: float

    @classmethod
    def of(cls, slot: Slot[E], waiting: int, now: float) -> Self:
        """Tell of one model, for which so many requests wait."""
        return cls(
            name=slot.model.name,
            state=slot.state,
            holds=slot.holds,
            waiting=waiting,
            memory=slot.model.memory,
            counted=slot.memory,
            used=slot.real,
            loads=slot.loads,
            unloads=slot.unloads,
            crashes=slot.crashes,
            problem=slot.health.problem,
            retry=slot.health.wait(now) if slot.state == "unloaded" else 0.0,
        )
