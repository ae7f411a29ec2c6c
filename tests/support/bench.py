"""A scheduler for tests: time that stands still, and engines that are none."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from zoo.digest import Digest
from zoo.environment.model import EngineProgram, ServedModel
from zoo.errors import EngineError
from zoo.serve.scheduler import Scheduler

GIB = 2**30


def a_model(name: str, memory: int = GIB, **more: object) -> ServedModel:
    facts: dict[str, object] = {
        "context_length": 4096,
        "digest": Digest.of_hex(name.encode().hex().ljust(64, "0")),
        "created": 1_700_000_000,
        "engine": EngineProgram(program=("/bin/false",), flags=(), env={}, cwd=Path("/")),
    }
    return ServedModel(name=name, memory=memory, **{**facts, **more})  # type: ignore[arg-type] - as the class has them


@dataclass(eq=False)
class Timer:
    when: float
    callback: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class Clock:
    """Time that passes only when a test says so."""

    now: float = 0.0
    timers: list[Timer] = field(default_factory=list)

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], None], /) -> Timer:
        self.timers.append(Timer(self.now + delay, callback))
        return self.timers[-1]

    async def pass_time(self, seconds: float) -> None:
        """Let time pass, and all happen that is due."""
        end = self.now + seconds
        while due := [t for t in self.timers if not t.cancelled and t.when <= end]:
            timer = min(due, key=lambda t: t.when)
            self.timers.remove(timer)
            self.now = timer.when
            timer.callback()
            await settle()
        self.now = end


@dataclass(eq=False)
class Engine:
    """An engine that stops when it is allowed to, and dies when it is told to."""

    model: ServedModel
    number: int
    may_stop: asyncio.Event = field(default_factory=asyncio.Event)
    dead: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: bool = False

    async def died(self) -> str:
        await self.dead.wait()
        return "signal SIGSEGV"

    async def stop(self) -> None:
        await self.may_stop.wait()
        self.stopped = True
        self.dead.set()


@dataclass
class Farm:
    """Starts engines when a test lets it."""

    quick: bool = True
    engines: list[Engine] = field(default_factory=list)
    starting: list[str] = field(default_factory=list)
    failing: set[str] = field(default_factory=set)
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    async def start(self, model: ServedModel) -> Engine:
        self.starting.append(model.name)
        if gate := self.gates.get(model.name):
            await gate.wait()
        if model.name in self.failing:
            raise EngineError(f"the engine of {model.name} ended while loading: exit code 1")
        engine = Engine(model, next(self.numbers))
        if self.quick:
            engine.may_stop.set()
        self.engines.append(engine)
        return engine

    def slow(self, name: str) -> asyncio.Event:
        """Let this model load only when the event is set."""
        self.gates[name] = asyncio.Event()
        return self.gates[name]

    def engine(self, name: str) -> Engine:
        """The newest engine of a model."""
        return [engine for engine in self.engines if engine.model.name == name][-1]


async def settle() -> None:
    """Let every task go on until it waits for something that only the test can give."""
    for _ in range(30):
        await asyncio.sleep(0)


@dataclass
class Client:
    """A request: it asks, holds, and lets go when it is told to."""

    task: asyncio.Task[None]
    done: asyncio.Event
    engine: list[Engine]

    @property
    def served(self) -> bool:
        return bool(self.engine)

    async def finish(self) -> None:
        self.done.set()
        await self.task
        await settle()

    async def leave(self) -> None:
        """Disconnect."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await settle()

    def error(self) -> BaseException | None:
        return self.task.exception() if self.task.done() else None


@dataclass
class Bench:
    """A scheduler over fake engines, and clients that ask it."""

    scheduler: Scheduler[Engine]
    farm: Farm
    clock: Clock
    clients: list[Client] = field(default_factory=list)

    async def ask(self, name: str) -> Client:
        done, engine = asyncio.Event(), list[Engine]()

        async def request() -> None:
            async with self.scheduler.hold(name) as held:
                engine.append(held)
                await done.wait()

        client = Client(asyncio.create_task(request()), done, engine)
        self.clients.append(client)
        await settle()
        return client

    def state(self, name: str) -> str:
        return next(seen.state for seen in self.scheduler.seen() if seen.name == name)

    async def close(self) -> None:
        for client in self.clients:
            client.task.cancel()
        await asyncio.gather(*(client.task for client in self.clients), return_exceptions=True)
        for engine in self.farm.engines:
            engine.may_stop.set()
        await self.scheduler.stop()


BenchMaker = Callable[..., Bench]
