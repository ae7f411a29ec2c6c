"""Files of which ranges can be read: one at a source, and one on this machine."""

from __future__ import annotations

from pathlib import Path

from zoo.errors import Interrupted, SourceError
from zoo.sources.base import Download

TRIES = 3


class Remote:
    """A file at a source, read by range.

    Args:
        download: It, opened.
        size: In bytes, where its source said so before it was opened.
    """

    def __init__(self, download: Download, size: int | None) -> None:
        self._download = download
        self.size = download.size if size is None else size

    def read(self, offset: int, length: int) -> bytes:
        """Return a range; what is interrupted is asked for again from where it broke.

        Raises:
            SourceError: In any of its forms.
        """
        stop = offset + length if self.size is None else min(offset + length, self.size)
        data = b""
        for left in reversed(range(TRIES)):
            try:
                return data + self._once(offset + len(data), stop)
            except _Broken as broken:
                data += broken.data
                if left == 0:
                    raise broken.cause from None
        raise AssertionError

    def _once(self, start: int, stop: int) -> bytes:
        if start >= stop:
            return b""
        parts: list[bytes] = []
        skip = start
        got = 0
        try:
            with self._download.read(start, stop) as body:
                skip -= body.start
                if skip < 0:
                    raise SourceError(f"asked for bytes from {start:,} on, got them from {body.start:,} on")
                for chunk in body.chunks:
                    part = chunk[skip:]
                    skip = max(skip - len(chunk), 0)
                    parts.append(part)
                    got += len(part)
                    if got >= stop - start:
                        break
        except Interrupted as error:
            raise _Broken(b"".join(parts), error) from error
        return b"".join(parts)[: stop - start]


class _Broken(Exception):
    """What came before an interruption."""

    def __init__(self, data: bytes, cause: Interrupted) -> None:
        super().__init__()
        self.data = data
        self.cause = cause


class Local:
    """A file on this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.size: int | None = path.stat().st_size

    def read(self, offset: int, length: int) -> bytes:
        """Return a range."""
        with self._path.open("rb") as file:
            file.seek(offset)
            return file.read(length)
