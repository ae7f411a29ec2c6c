"""A log file of bounded size that another process appends to."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

LIMIT = 4 * 2**20
_TAIL = 256 * 2**10
_PIECE = 2**20


@dataclass(frozen=True, slots=True)
class LogFile:
    """The log of one engine, or of the proxy: `NAME.log`, and `NAME.log.1` with what was before.

    Args:
        path: Where it is.
        limit: Bytes that one of the two files may hold before it is turned over.
    """

    path: Path
    limit: int = LIMIT

    def open(self) -> int:
        """Open it for a process to append to; the caller closes the descriptor."""
        return os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def size(self) -> int:
        """Bytes in it now."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def turn_over(self) -> bool:
        """Set the content aside if it has grown over the limit.

        The file is copied and cut, not renamed, since the writer keeps it open for appending; what
        is written between the two steps is lost.
        """
        if self.size() <= self.limit:
            return False
        shutil.copyfile(self.path, self.path.with_name(f"{self.path.name}.1"))
        os.truncate(self.path, 0)
        return True

    def tail(self, lines: int, *, since: int = 0, until: int | None = None) -> tuple[str, ...]:
        """The last lines that are not blank, of what stands between two bytes; 256 KiB of it at most."""
        try:
            with self.path.open("rb") as file:
                end = min(file.seek(0, os.SEEK_END), until if until is not None else sys.maxsize)
                start = file.seek(max(0, end - _TAIL, since if since <= end else 0))
                text = file.read(end - start).decode(errors="replace")
        except FileNotFoundError:
            return ()
        every = [line.rstrip() for line in text.splitlines() if line.strip()]
        return tuple(every[max(0, len(every) - lines) :])


@dataclass(slots=True)
class Follower:
    """A log, and how far it has been read."""

    log: LogFile
    read: int
    rest: bytes = b""

    def news(self) -> tuple[str, ...]:
        """The whole lines that have come since; a file that is shorter than before has been turned over."""
        size = self.log.size()
        if size < self.read:
            self.read = 0
        if size == self.read:
            return ()
        try:
            with self.log.path.open("rb") as file:
                file.seek(self.read)
                piece = file.read(_PIECE)
        except FileNotFoundError:  # removed since
            return ()
        self.read += len(piece)
        *lines, self.rest = (self.rest + piece).split(b"\n")
        return tuple(line.decode(errors="replace").rstrip("\r") for line in lines)
