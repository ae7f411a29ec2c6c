"""A running engine and the connections to it."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Protocol

from zoo.serve.line import Line
from zoo.serve.logfile import LogFile

_FATE = 1.0
_KEPT = 64


class Process(Protocol):
    """The process of an engine, as far as its connections are concerned."""

    @property
    def socket(self) -> Path:
        """Where it listens."""

    @property
    def pid(self) -> int:
        """Its process id, which is its group's too."""

    @property
    def log(self) -> LogFile:
        """Where it writes what it says."""

    async def died(self) -> str:
        """Wait until it is gone, and say how it ended."""

    async def stop(self) -> None:
        """End it. Its clients' connections must be closed already."""


class Upstream:
    """A running engine and the connections to it.

    Args:
        process: The engine; from now on this owns it.
    """

    def __init__(self, process: Process) -> None:
        self.process = process
        self._path = str(process.socket)
        self._lines: set[Line] = set()
        self._idle: list[Line] = []
        self._stopped = False

    def line(self, *, fresh: bool) -> Line:
        """A connection for one request.

        Args:
            fresh: Not one that answered another request already, which the engine may have closed.

        Raises:
            OSError: It takes none.
        """
        if self._idle and not fresh:
            return self._idle.pop()
        if self._stopped:
            raise BrokenPipeError
        line = Line(self._path, self._rest)
        self._lines.add(line)
        return line

    def _rest(self, line: Line) -> None:
        if line.closed:
            self._lines.discard(line)
            if line in self._idle:
                self._idle.remove(line)
        elif len(self._idle) < _KEPT:
            self._idle.append(line)
        else:
            line.close()

    async def died(self) -> str:
        """Wait until the engine is gone, and say how it ended."""
        return await self.process.died()

    async def fate(self) -> str:
        """How the engine ended, where it did just now."""
        with contextlib.suppress(TimeoutError):  # it lives
            return f"it died: {await asyncio.wait_for(self.died(), _FATE)}"
        return "it closed the connection"

    async def stop(self) -> None:
        """Close every connection first, since an engine that is answering may not hear SIGTERM."""
        self._stopped = True
        for line in tuple(self._lines):
            line.break_off()
        await self.process.stop()
