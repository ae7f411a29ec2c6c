"""What engines really take: measured when one is loaded, and now and then while it is used."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

from zoo.serve import gpus
from zoo.serve.memory import Memory
from zoo.serve.scheduler import Scheduler
from zoo.serve.slot import Engine

AGAIN = 30.0  # seconds between two looks
SETTLED = 2.0  # seconds from a load to the first: its first request has come then, and is not disturbed


class Process(Protocol):
    """An engine's process."""

    @property
    def pid(self) -> int:
        """Its id, which is its group's too."""


class Running(Engine, Protocol):
    """An engine that is a process."""

    @property
    def process(self) -> Process:
        """That process."""


P = TypeVar("P", bound=Running)


class Meter(Generic[P]):
    """Measures engines and tells the scheduler.

    Args:
        scheduler: Has the engines.
        gpu: Whether models may lie in GPU memory.
        settled: Seconds from the load of an engine until it is measured.
        measure: What a process takes.
    """

    def __init__(
        self,
        scheduler: Scheduler[P],
        *,
        gpu: bool,
        settled: float = SETTLED,
        measure: Callable[[int, bool], Memory] | None = None,
    ) -> None:
        self._scheduler, self._gpu, self._settled = scheduler, gpu, settled
        self._measure: Callable[[int, bool], Memory] = measure or taken
        self._wanted = asyncio.Event()

    def soon(self) -> None:
        """An engine was loaded: look at it when it has settled."""
        asyncio.get_running_loop().call_later(self._settled, self._wanted.set)

    async def run(self) -> None:
        """Measure for as long as this runs; in a thread, since the kernel may take a while to count."""
        loop = asyncio.get_running_loop()
        looked = loop.time()
        while True:
            with contextlib.suppress(TimeoutError):  # nothing was loaded, and it is time to look again
                await asyncio.wait_for(self._wanted.wait(), AGAIN if self._scheduler.stirred(0.0) else None)
            self._wanted.clear()
            since, looked = looked, loop.time()
            for name, engine in self._scheduler.stirred(since):
                found = await loop.run_in_executor(None, self._measure, engine.process.pid, self._gpu)
                self._scheduler.measured(name, engine, found)


def taken(leader: int, gpu: bool) -> Memory:  # noqa: FBT001 - called by position, in a thread
    """What all processes of a group take now; nothing where it is gone."""
    group = tuple(_group(leader))
    return Memory(sum(map(_host, group)), gpus.taken(group) if gpu else 0)


def _group(leader: int) -> Iterator[int]:
    """The processes of a group: not only children, since the sentinel beside an engine is none."""
    import psutil  # noqa: PLC0415 - 20 ms that no start should pay

    for pid in psutil.pids():
        with contextlib.suppress(ProcessLookupError, PermissionError):  # it has ended, or is not ours
            if os.getpgid(pid) == leader:
                yield pid


def _host(pid: int) -> int:
    """Bytes of memory, with the pages of mapped weights; a page that several processes map is shared out.

    Linux tells that share (PSS), so that two engines over the same weights are not counted twice.
    """
    import psutil  # noqa: PLC0415 - as above

    try:
        process = psutil.Process(pid)
        return int(process.memory_full_info().pss if psutil.LINUX else process.memory_info().rss)
    except psutil.Error:
        return 0
