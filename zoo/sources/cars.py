"""CAR files on this machine, such as `eai preserve --to car` writes: blocks by their CIDs, each checked."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from zoo.errors import EaiError, IntegrityError, Malformed, NotThere, SourceError
from zoo.ipfs import carindex
from zoo.ipfs import cid as cids
from zoo.ipfs.cid import Cid

SCHEME = "ipfs://"


class CarFile:
    """One file; any thread may ask.

    Args:
        path: Where it is, for messages.
        descriptor: It, opened.

    Attributes:
        url: The path.
        damage: Why only a part of it can be used; None where all of it can.
        count: Distinct blocks that can be used.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.url = str(path)
        self._descriptor = descriptor
        self._index = carindex.index(self._read, os.fstat(descriptor).st_size)
        self.damage, self.count = self._index.damage, len(self._index.spans)

    def has(self, cid: Cid) -> bool:
        """Whether it says that it has a block."""
        return self._index.find(cid) is not None

    def block(self, cid: Cid, most: int) -> bytes:
        """Read a block of at most so many bytes, checked.

        Raises:
            NotThere: It is not in the file, or in what can be used of it.
            SourceError: It cannot be read, is too large, or is another one than the file says.
        """
        span = self._index.find(cid)
        if span is None:
            damage = f"; {self.damage}" if self.damage else ""
            raise NotThere(f"{self.url}: the block {cid} is not in it{damage}")
        if span.size > most:
            raise Malformed(f"{self.url}: the block {cid} has {span.size:,} bytes, and may have {most:,}")
        data = self._read(span.offset, span.size)
        try:
            cids.check(cid, data)
        except IntegrityError:
            raise Malformed(f"{self.url}: at byte {span.offset:,}, the block {cid} is damaged") from None
        return data

    def _read(self, offset: int, size: int) -> bytes:
        try:
            return os.pread(self._descriptor, size, offset)
        except OSError as error:
            raise SourceError(f"{self.url}: at byte {offset:,}: {error.strerror}") from None


def have(files: Iterable[CarFile], uri: str) -> bool:
    """Whether one of these files has the root of an `ipfs://` URI."""
    try:
        root = cids.parse(uri.removeprefix(SCHEME).partition("/")[0])
    except Malformed:
        return False
    return any(file.has(root) for file in files)


@contextmanager
def opened(path: Path) -> Iterator[CarFile]:
    """Open a CAR file and look through it; a damaged one says so, and is used as far as that goes.

    Raises:
        EaiError: There is no such file, or it cannot be opened.
    """
    try:
        # Opening a pipe would wait for someone to write to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise EaiError(f"{path}: {error.strerror}") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise EaiError(f"{path} is no file")
        yield CarFile(path, descriptor)
    finally:
        os.close(descriptor)
