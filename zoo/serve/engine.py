"""An engine process on the event loop: when it answers, how it is ended, and that it died."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

from zoo.errors import EngineError
from zoo.serve.logfile import LogFile
from zoo.serve.spawn import Spawned

START_LIMIT = 3600.0
STOP_LIMIT = 5.0


class EngineProcess:
    """An engine as the event loop sees it.

    Args:
        spawned: The process; from now on this owns it.
        loop: The running event loop.
        stop_limit: Seconds from SIGTERM to SIGKILL; None for ever.
    """

    def __init__(
        self, spawned: Spawned, loop: asyncio.AbstractEventLoop, stop_limit: float | None = STOP_LIMIT
    ) -> None:
        self._spawned, self._loop, self._stop_limit = spawned, loop, stop_limit
        self._announced: asyncio.Future[None] = loop.create_future()
        self._gone: asyncio.Future[str] = loop.create_future()
        os.set_blocking(spawned.ready, False)
        loop.add_reader(spawned.ready, self._heard)

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self._spawned.socket

    @property
    def log(self) -> LogFile:
        """Where it writes what it says."""
        return self._spawned.log

    @property
    def pid(self) -> int:
        """Its process id, which is its group's too."""
        return self._spawned.process.pid

    async def answers(self, limit: float = START_LIMIT) -> None:
        """Wait until it answers requests.

        Raises:
            EngineError: It ended instead, or took too long; it is stopped then.
        """
        name = self._spawned.model.name
        waits: list[asyncio.Future[None] | asyncio.Future[str]] = [self._announced, self._gone]
        try:
            done, _ = await asyncio.wait(waits, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self.stop()
            raise
        if self._announced in done:
            return
        what = f"ended while loading: {self._gone.result()}" if done else f"was not ready in {limit:g} s"
        await self.stop()
        words = self._spawned.last_words()
        raise EngineError(
            f"the engine of {name} {what}" + (f"\n{words}" if words else ""),
            hint=f"`eai logs {name}` shows all that it said",
        )

    async def died(self) -> str:
        """Wait until it is gone, and say how it ended and what it said last."""
        how = await asyncio.shield(self._gone)
        words = self._spawned.last_words()
        return how + (f"\n{words}" if words else "")

    async def stop(self) -> None:
        """End it: SIGTERM, and SIGKILL after a while, for its whole group.

        Its clients' connections must be closed already.
        """
        if not self._gone.done():
            self._spawned.signal(signal.SIGTERM)
            await asyncio.wait([self._gone], timeout=self._stop_limit)
        if not self._gone.done():
            self._spawned.signal(signal.SIGKILL)
            await asyncio.shield(self._gone)
        self._spawned.release()

    def _heard(self) -> None:
        """The engine wrote to its pipe, or is gone."""
        try:
            said = os.read(self._spawned.ready, 64)
        except BlockingIOError:
            return
        if said:
            if not self._announced.done():
                self._announced.set_result(None)
            return
        self._loop.remove_reader(self._spawned.ready)
        self._loop.run_in_executor(None, self._reap)

    def _reap(self) -> None:
        """Wait for the process, in a thread: its pipe closes a moment before it is gone."""
        code = self._spawned.process.wait()
        self._spawned.signal(signal.SIGKILL)  # what it started and left behind
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._gone.set_result, how)
