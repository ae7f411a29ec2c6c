"""A file on IPFS as a download: ranges of it, put together from blocks that were each checked.

Several blocks are under way at a time. Where enough threads read, each gets the blocks of its range and
hands them on while they are in the processor's cache; where fewer do, blocks are asked for ahead of their
turn. A leaf that lies in two ranges is fetched for both. The store keeps pieces of 1 MiB: that is a leaf
of the profile unixfs-v1-2025, and four of 256 KiB, so an interruption costs a leaf or three a stream;
leaves of other lengths cost at most one more at each end of a range.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import islice

from zoo.errors import EaiError
from zoo.ipfs.cid import RAW, Cid
from zoo.ipfs.dagpb import BLOCK_MAX
from zoo.ipfs.walk import Opened, Piece, Place, Walk
from zoo.sources.base import Body
from zoo.sources.pool import Pool
from zoo.sources.workers import Workers

MAX_SIZE = 1 << 40
"""Bytes of a file that nothing is known of before."""
_EACH, _MOST = 4, 16
"""Blocks under way at a time, for each gateway and of all: more would only wait for one another. Every
thread that reads has one, however many those are."""

_NODES_MAX = 1 << 17
"""Places that are remembered of nodes that were read."""


@contextmanager
def open_file(root: Cid, pool: Pool, *, size: int | None) -> Iterator[UnixfsFile]:
    """Open a file by its CID; nothing is asked for until it is read.

    Args:
        root: Of the file.
        pool: Gives blocks; it is closed at the end.
        size: In bytes, where it is known.

    Raises:
        Malformed: The CID holds its own bytes.
    """
    file = UnixfsFile(root, pool, size=size)
    try:
        yield file
    finally:
        file.close()


class UnixfsFile:
    """A file on IPFS; see `zoo.sources.base.Download`."""

    def __init__(self, root: Cid, pool: Pool, *, size: int | None) -> None:
        self.size: int | None = size
        self._walk = Walk(root, size=size, max_size=MAX_SIZE)
        self.validator: str | None = str(root)
        self._pool, self._together = pool, min(_EACH * pool.count, _MOST)
        self._workers = Workers(self._together, "eai-block")
        self._readers = 0
        self._nodes: dict[Place, Opened] = {}
        self._lock = threading.Lock()

    @property
    def aside(self) -> Callable[[str, EaiError], None]:
        """What is told of gateways that are put aside; see `zoo.sources.base.Several`."""
        return self._pool.aside

    @aside.setter
    def aside(self, tell: Callable[[str, EaiError], None]) -> None:
        self._pool.aside = tell

    @contextmanager
    def read(self, start: int, stop: int | None) -> Iterator[Body]:
        """Read a range; see `zoo.sources.base.Download.read`.

        Raises:
            SourceError: No gateway gave a block, or the file is malformed.
            SizeMismatch: The file has another size than was known of it.
        """
        if self._walk.size is None:
            self._open(self._walk.root)
        end = self._walk.limit if stop is None else min(stop, self._walk.limit)
        with self._lock:
            self._readers += 1
        try:
            yield Body(start, self._chunks(start, end), end)
        finally:
            with self._lock:
                self._readers -= 1

    def close(self) -> None:
        """End everything that is being read."""
        self._workers.close()
        self._pool.close()

    def _chunks(self, start: int, stop: int) -> Iterator[bytes]:
        line: deque[Piece | _Coming] = deque(self._within([self._walk.root], start, stop))
        while line:
            for item in islice(line, 1, -(-self._together // max(1, self._readers))):
                if isinstance(item, _Coming):
                    item.begin()
            item = line.popleft()
            if isinstance(item, _Coming):
                opened = item.opened()
                parts: list[Piece | Place] = [*opened.pieces, *opened.places]
                parts.sort(key=lambda part: part.offset)
                line.extendleft(reversed(list(self._within(parts, start, stop))))
            else:
                yield item.data[max(0, start - item.offset) : stop - item.offset]

    def _within(self, parts: Iterable[Piece | Place], start: int, stop: int) -> Iterator[Piece | _Coming]:
        """Give the parts that have bytes in the range."""
        for part in parts:
            size = len(part.data) if isinstance(part, Piece) else part.size
            if size is None or (part.offset < stop and part.offset + size > start):
                yield part if isinstance(part, Piece) else _Coming(self, part)

    def begin(self, place: Place) -> Future[Opened]:
        """Ask for a block, on a thread of its own."""
        return self._workers.do(lambda: self.open(place))

    def open(self, place: Place) -> Opened:
        """Get a block, and say what it holds; what is remembered is there at once."""
        return self._nodes.get(place) or self._open(place)

    def _open(self, place: Place) -> Opened:
        most = place.size if place.cid.codec == RAW and place.size is not None else BLOCK_MAX
        opened = self._walk.open_checked(place, self._pool.get(place.cid, min(most, BLOCK_MAX)))
        self.size = self._walk.size
        if opened.places:
            with self._lock:
                self._nodes[place] = opened
                while sum(len(node.places) for node in self._nodes.values()) > _NODES_MAX:
                    del self._nodes[next(iter(self._nodes))]
        return opened


class _Coming:
    """A place whose block is asked for when its turn is near."""

    def __init__(self, file: UnixfsFile, place: Place) -> None:
        self._file, self._place = file, place
        self._future: Future[Opened] | None = None

    def begin(self) -> None:
        """Ask for it, if that was not done."""
        if self._future is None:
            self._future = self._file.begin(self._place)

    def opened(self) -> Opened:
        """Wait for it, or get it on this thread where that was not begun."""
        return self._file.open(self._place) if self._future is None else self._future.result()
