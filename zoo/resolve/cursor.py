"""A cursor over a file that is read by ranges, each larger than the one before, up to a limit."""

from __future__ import annotations

import struct
from typing import Protocol

from zoo.errors import ZoofileError

FIRST_RANGE = 256 * 1024
LARGEST_RANGE = 8 * 1024 * 1024
LIMIT = 64 * 1024 * 1024
"""How far into a file a header may reach, in bytes."""

_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")


class RangeReader(Protocol):
    """A file of which ranges can be read."""

    size: int | None
    """In bytes; None where nobody says."""

    def read(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset` on; fewer only where the file ends before.

        Raises:
            SourceError: The bytes could not be had.
        """
        ...


class Cursor:
    """A place in a file that only moves forward; what lies behind it is let go.

    Args:
        reader: The file.
        name: What messages call the file.
    """

    def __init__(self, reader: RangeReader, name: str) -> None:
        self._reader = reader
        self._name = name
        self._window = b""
        self._start = 0
        self._at = 0
        self._next_range = FIRST_RANGE

    @property
    def position(self) -> int:
        """The offset in the file of the next byte."""
        return self._start + self._at

    def refuse(self, what: str) -> ZoofileError:
        """Make the error for a header that cannot be right."""
        return ZoofileError(
            f"{self._name} is a damaged GGUF file: {what}",
            hint="download it again, or name another file",
        )

    def take(self, length: int) -> bytes:
        """Return the next `length` bytes.

        Raises:
            ZoofileError: The file ends before, or the header would reach beyond the limit.
        """
        self._need(length)
        self._at += length
        return self._window[self._at - length : self._at]

    def skip(self, length: int) -> None:
        """Go on by `length` bytes, which need not be fetched.

        Raises:
            ZoofileError: As `take`.
        """
        self._bound(length)
        self._at += length
        if self._at > len(self._window):
            self._start, self._window, self._at = self.position, b"", 0

    def u32(self) -> int:
        """Return the next four bytes as an unsigned number."""
        self._need(4)
        self._at += 4
        number: int = _U32.unpack_from(self._window, self._at - 4)[0]
        return number

    def u64(self) -> int:
        """Return the next eight bytes as an unsigned number."""
        self._need(8)
        self._at += 8
        number: int = _U64.unpack_from(self._window, self._at - 8)[0]
        return number

    def skip_strings(self, count: int) -> None:
        """Go past `count` strings, each a length of eight bytes and that many bytes.

        Raises:
            ZoofileError: As `take`.
        """
        self._bound(8 * count)
        length_of = _U64.unpack_from
        while count:
            self._need(8)
            window, at, last = self._window, self._at, len(self._window) - 8
            while count and at <= last:
                at += 8 + length_of(window, at)[0]
                count -= 1
            self.skip(at - self._at)

    def _bound(self, length: int) -> None:
        end = self.position + length
        if end > LIMIT:
            raise self.refuse(f"its header would be longer than {LIMIT // 2**20} MiB")
        if self._reader.size is not None and end > self._reader.size:
            raise self._short(end)

    def _need(self, length: int) -> None:
        if self._at + length <= len(self._window):
            return
        self._bound(length)
        rest = self._window[self._at :]
        self._start, self._at = self.position, 0
        want = max(length - len(rest), self._next_range)
        self._next_range = min(2 * self._next_range, LARGEST_RANGE)
        self._window = rest + self._reader.read(self._start + len(rest), want)
        if len(self._window) < length:
            raise self._short(self._start + length)

    def _short(self, end: int) -> ZoofileError:
        size = self._start + len(self._window) if self._reader.size is None else self._reader.size
        return ZoofileError(
            f"{self._name} is cut short: its header needs {end} bytes or more and it has {size}",
            hint="download it again, or name another file",
        )
