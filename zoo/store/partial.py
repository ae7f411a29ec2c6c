"""A file that is being filled in any order, and which of its pieces are there.

A partial is a folder: `data`, a sparse file, and `pieces.<size of a piece>`, one byte for each. A
piece is marked after its bytes were written, so a process killed at any instant leaves a map that is
true. After a power cut it may not be: then the digest at the end is wrong, and that is noticed.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from zoo.errors import SizeMismatch

PIECE = 1 << 20
_DONE = b"\x01"

Write = Callable[[int, bytes | bytearray | memoryview, int], int]


class Partial:
    """The file and its map; threads may fill it side by side.

    Args:
        folder: Where the two files lie.
        size: Of the whole file, in bytes; None while nobody knows.
        piece: Bytes a piece has, but for the last.
        pwrite: Writes bytes at an offset, as `os.pwrite`.

    Raises:
        OSError: The disk is full, or refuses otherwise; this goes for every method.
    """

    def __init__(
        self, folder: Path, size: int | None, *, piece: int = PIECE, pwrite: Write = os.pwrite
    ) -> None:
        self.size, self.piece, self._pwrite = size, piece, pwrite
        self.data = folder / "data"
        self.fd = os.open(self.data, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._map = os.open(folder / f"pieces.{piece}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._done = bytearray(self._load())
        self._fresh: set[int] = set()
        self._changed = threading.Condition()
        self._writing = threading.Lock()
        self._frontier = 0
        self._stopped = False
        self._advance()

    def _load(self) -> bytes:
        there = os.fstat(self.fd).st_size
        if self.size is None:
            count = there // self.piece
        else:
            os.truncate(self.fd, min(there, self.size))
            count = -(-self.size // self.piece)
        marks = os.pread(self._map, count, 0).ljust(count, b"\0")
        return bytes(marks[i] == 1 and self._end(i) <= there for i in range(count))

    def _end(self, index: int) -> int:
        end = (index + 1) * self.piece
        return end if self.size is None else min(end, self.size)

    @property
    def held(self) -> int:
        """How many bytes are there."""
        return sum(self._end(i) - i * self.piece for i, done in enumerate(self._done) if done)

    @property
    def foreign(self) -> bool:
        """Whether any of them came before the last `begin`: from another source or an earlier run."""
        return sum(self._done) > len(self._fresh)

    def missing(self) -> list[tuple[int, int]]:
        """Give the ranges that aren't there, in order, as start and stop."""
        ranges: list[tuple[int, int]] = []
        for index, done in enumerate(self._done):
            if done:
                continue
            start, stop = index * self.piece, self._end(index)
            if ranges and ranges[-1][1] == start:
                start = ranges.pop()[0]
            ranges.append((start, stop))
        return ranges

    def begin(self) -> None:
        """Take what comes from now on as coming from another source than what is there."""
        self._fresh = set()

    def put(self, index: int, data: bytes | bytearray | memoryview) -> None:
        """Write a whole piece and mark it; one that is there already stays as it is."""
        if index < len(self._done) and self._done[index]:
            return
        offset, view = index * self.piece, memoryview(data)
        # File systems let one write a file at a time, and the kernel spins where we would sleep.
        with self._writing:
            while view:
                written = self._pwrite(self.fd, view, offset)
                view, offset = view[written:], offset + written
            os.pwrite(self._map, _DONE, index)
        with self._changed:
            self._done.extend(bytes(max(0, index + 1 - len(self._done))))
            self._done[index] = 1
            self._fresh.add(index)
            self._advance()
            self._changed.notify_all()

    def forget(self, *, all_of_it: bool) -> None:
        """Unmark all pieces, or only those that came since `begin`. Nobody may be following."""
        for index in range(len(self._done)) if all_of_it else self._fresh:
            os.pwrite(self._map, b"\0", index)
            self._done[index] = 0
        if self.size is None:
            self._done.clear()
        self._fresh = set()
        self._frontier = 0
        self._advance()

    def end(self, size: int) -> None:
        """Say how long a file is whose size nobody knew."""
        os.ftruncate(self.fd, size)
        with self._changed:
            self.size = size
            self._changed.notify_all()

    def follow(self, offset: int) -> int:
        """Wait until all bytes up to beyond `offset` are there; give how far they go."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._filled() > offset or self._over(offset))
            return offset if self._stopped else max(offset, self._filled())

    def stop(self, *, stopped: bool = True) -> None:
        """Let those that follow give up; with False, let others follow."""
        with self._changed:
            self._stopped = stopped
            self._changed.notify_all()

    def close(self) -> None:
        """Let go of the files."""
        os.close(self.fd)
        os.close(self._map)

    def _over(self, offset: int) -> bool:
        return self.size is not None and offset >= self.size

    def _filled(self) -> int:
        end = self._frontier * self.piece
        return end if self.size is None else min(end, self.size)

    def _advance(self) -> None:
        while self._frontier < len(self._done) and self._done[self._frontier]:
            self._frontier += 1


def held(folder: Path, size: int, piece: int) -> int:
    """How many bytes of a file of that size the partial in a folder holds, whoever works on it."""
    try:
        marks = (folder / f"pieces.{piece}").read_bytes()[: -(-size // piece)]
    except FileNotFoundError:
        return 0
    return sum(min(piece, size - index * piece) for index, mark in enumerate(marks) if mark)


class Filler:
    """Takes bytes as they come, in any portions, and puts whole pieces.

    Args:
        partial: What is to be filled.
        start: Where the bytes begin: the beginning of a piece.
    """

    def __init__(self, partial: Partial, start: int) -> None:
        self._partial = partial
        self._index = start // partial.piece
        # One buffer for all pieces: to let it grow anew each time costs more than all else here.
        self._buffer = memoryview(bytearray(partial.piece))
        self._filled = 0
        self.offset = start

    def feed(self, chunk: bytes) -> None:
        """Take some more bytes.

        Raises:
            SizeMismatch: They go beyond the file's size.
        """
        size = self._partial.size
        self.offset += len(chunk)
        if size is not None and self.offset > size:
            raise SizeMismatch(f"more than the {size:,} bytes expected")
        rest = memoryview(chunk)
        while rest:
            count = min(len(rest), len(self._buffer) - self._filled)
            piece, rest = rest[:count], rest[count:]
            if count < len(self._buffer):  # else all of a piece came at once, and needs no copy
                self._buffer[self._filled : self._filled + count] = piece
                piece = self._buffer[: self._filled + count]
            self._filled += count
            if self._filled == len(self._buffer) or (self.offset == size and not rest):
                self._put(piece)

    def finish(self) -> None:
        """Put the last piece of a file whose size nobody knew: it ends here."""
        # The size first: with the last piece there, a follower would take it for a full one.
        self._partial.end(self.offset)
        if self._filled:
            self._put(self._buffer[: self._filled])

    def _put(self, piece: memoryview) -> None:
        self._partial.put(self._index, piece)
        self._index += 1
        self._filled = 0
