"""The source `path`: files beside zoofile.toml, or anywhere that a relative path leads to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from zoo.errors import NotThere, SizeMismatch, SourceChanged, SourceError
from zoo.lock.model import SourceKind
from zoo.sources.base import Body, Found
from zoo.zoofile.model import Origin

_BLOCK = 1 << 20
_SCHEME = "path:"


class Local:
    """Opens paths relative to a folder.

    Args:
        base: The folder of zoofile.toml.
    """

    kind: ClassVar[SourceKind] = "path"
    local: ClassVar[bool] = True

    def __init__(self, base: Path) -> None:
        self._base = base

    def find(self, origin: Origin) -> tuple[Found, ...]:
        """Name the file; its digest is known once the store has taken it in.

        Raises:
            SourceError: There is no such file, or its path is absolute.
        """
        path = origin.path or ""
        with self.open(f"{_SCHEME}{path}", size=None) as download:
            return (Found(path=Path(path).name, uri=f"{_SCHEME}{path}", size=download.size, digest=None),)

    @contextmanager
    def open(self, uri: str, *, size: int | None) -> Iterator[LocalDownload]:
        """Open a file.

        Raises:
            SourceError: There is no such file, it can't be read, or its path is absolute.
        """
        relative = uri.removeprefix(_SCHEME)
        if not relative or Path(relative).is_absolute() or "\0" in relative:
            raise SourceError(f"{relative!r} is no path relative to {self._base}")
        with open_file(self._base / relative, size=size) as download:
            yield download


@contextmanager
def open_file(path: Path, *, size: int | None) -> Iterator[LocalDownload]:
    """Open a local file as a download.

    Raises:
        SourceError: There is no such file, or it can't be read.
        SizeMismatch: It has another size.
    """
    try:
        # Opening a pipe would wait for someone to write to it.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotThere(f"there is no file {path}") from None
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    try:
        if not path.is_file():
            raise SourceError(f"{path} is no file")
        yield LocalDownload(path, fd, size)
    finally:
        os.close(fd)


class LocalDownload:
    """A local file; see `zoo.sources.base.Download`."""

    def __init__(self, path: Path, fd: int, size: int | None) -> None:
        self._path, self._fd = path, fd
        self.validator: str | None = self._state()
        self.size: int | None = os.fstat(fd).st_size
        if size not in {None, self.size}:
            raise SizeMismatch(f"{path} has {self.size:,} bytes, expected {size:,}")

    def _state(self) -> str:
        status = os.fstat(self._fd)
        return f"{status.st_ino}-{status.st_size}-{status.st_mtime_ns}"

    @contextmanager
    def read(self, start: int, stop: int | None) -> Iterator[Body]:
        """Read a range; see `zoo.sources.base.Download.read`."""
        end = self.size if stop is None else stop
        yield Body(start, self._chunks(start, end), end)

    def _chunks(self, offset: int, stop: int | None) -> Iterator[bytes]:
        end = stop or 0
        try:
            while offset < end and (chunk := os.pread(self._fd, min(_BLOCK, end - offset), offset)):
                yield chunk
                offset += len(chunk)
        except OSError as error:
            raise SourceError(f"{self._path}: {error.strerror}") from error
        if self._state() != self.validator:
            raise SourceChanged(f"{self._path} changed while it was read")
