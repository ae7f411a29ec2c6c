"""One engine: a process of its own group that listens on a unix socket nobody else can reach.

`spawn` needs no event loop and imports little, so that the main model loads while eai is still
importing its server. The engine holds the write end of one pipe, whose end of file says that it is
gone, and reads the other, whose end of file tells it that eai is gone, even by SIGKILL.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.environment.model import ServedModel
from zoo.errors import EngineError
from zoo.serve.logfile import LogFile

if TYPE_CHECKING:
    import asyncio

START_LIMIT = 3600.0
STOP_LIMIT = 5.0
_POLL = 0.015
_SOCKET_PATH_MAX = 103  # macOS allows 104 bytes with the final zero, Linux 108
_TOLD = 8


@dataclass(slots=True, eq=False)
class Spawned:
    """An engine process that may still be loading.

    Attributes:
        ready: The pipe on which it may say that it is ready; its end of file is the engine's end.
        alive: The pipe that it watches; closing it ends the engine.
        since: Where in the log this start begins.
    """

    model: ServedModel
    process: subprocess.Popen[bytes]
    socket: Path
    log: LogFile
    ready: int
    alive: int
    since: int

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the engine and all that it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    def release(self) -> None:
        """Close the pipes and remove the socket; the process is gone."""
        for pipe in (self.ready, self.alive):
            if pipe >= 0:
                os.close(pipe)
        self.ready = self.alive = -1
        self.socket.unlink(missing_ok=True)

    def last_words(self) -> str:
        """The end of what it wrote to its log."""
        return "\n".join(f"    {line[:300]}" for line in self.log.tail(_TOLD, since=self.since))


def spawn(model: ServedModel, socket: Path, log: LogFile) -> Spawned:
    """Start the engine of a model.

    Raises:
        EngineError: It cannot be started at all.
    """
    if len(os.fsencode(socket)) > _SOCKET_PATH_MAX:
        raise EngineError(
            f"the path of the engine's socket is too long: {socket}",
            hint="set XDG_RUNTIME_DIR or TMPDIR to a folder with a shorter path",
        )
    socket.unlink(missing_ok=True)
    log.turn_over()
    since = log.size()
    ready, ready_theirs = os.pipe()
    alive_theirs, alive = os.pipe()
    output = log.open()
    command = model.engine.command(socket, ready_fd=ready_theirs, alive_fd=alive_theirs)
    try:
        process = subprocess.Popen(
            command.argv,
            env=dict(command.env),
            cwd=command.cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(ready_theirs, alive_theirs),
            process_group=0,
            umask=0o077,
        )
    except OSError as error:
        os.close(ready)
        os.close(alive)
        raise EngineError(
            f"the engine of {model.name} cannot be started: {command.argv[0]}: {error.strerror}",
            hint="`eai store verify` checks that the toolchain is whole",
        ) from error
    finally:
        for theirs in (ready_theirs, alive_theirs, output):
            os.close(theirs)
    return Spawned(model, process, socket, log, ready, alive, since)


class EngineProcess:
    """An engine as the event loop sees it.

    Args:
        spawned: The process; from now on this owns it.
        loop: The running event loop.
    """

    def __init__(self, spawned: Spawned, loop: asyncio.AbstractEventLoop) -> None:
        self._spawned, self._loop = spawned, loop
        self._announced: asyncio.Future[None] = loop.create_future()
        self._gone: asyncio.Future[str] = loop.create_future()
        os.set_blocking(spawned.ready, False)
        loop.add_reader(spawned.ready, self._heard)

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self._spawned.socket

    @property
    def pid(self) -> int:
        """Its process id, which is its group's too."""
        return self._spawned.process.pid

    async def answers(self, limit: float = START_LIMIT) -> None:
        """Wait until it answers requests.

        Raises:
            EngineError: It ended instead, or took too long; it is stopped then.
        """
        import asyncio  # noqa: PLC0415 - `spawn` is used before the 40 ms of asyncio are spent

        name = self._spawned.model.name
        polling = None if self._spawned.model.engine.announces else self._loop.create_task(self._poll())
        waits: list[asyncio.Future[None] | asyncio.Future[str]] = [self._announced, self._gone]
        try:
            done, _ = await asyncio.wait(waits, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self.stop()
            raise
        finally:
            if polling is not None:
                polling.cancel()
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
        import asyncio  # noqa: PLC0415 - as above

        how = await asyncio.shield(self._gone)
        words = self._spawned.last_words()
        return how + (f"\n{words}" if words else "")

    async def stop(self, limit: float = STOP_LIMIT) -> None:
        """End it: SIGTERM, and SIGKILL after a while. Its clients' connections must be closed already."""
        import asyncio  # noqa: PLC0415 - as above

        if not self._gone.done():
            self._spawned.signal(signal.SIGTERM)
            await asyncio.wait([self._gone], timeout=limit)
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
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._gone.set_result, how)

    async def _poll(self) -> None:
        """Ask `/health` until it says yes, for engines that do not announce themselves."""
        import asyncio  # noqa: PLC0415 - as above

        while not await self._healthy():
            await asyncio.sleep(_POLL)
        if not self._announced.done():
            self._announced.set_result(None)

    async def _healthy(self) -> bool:
        import asyncio  # noqa: PLC0415 - as above

        try:
            reader, writer = await asyncio.open_unix_connection(str(self.socket))
        except OSError:
            return False
        try:
            writer.write(b"GET /health HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n\r\n")
            status = await reader.readline()
        except OSError:
            return False
        finally:
            writer.close()
        return b" 200 " in status
