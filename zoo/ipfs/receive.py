"""From a CAR to a file: blocks in any order are checked, and their bytes written where they belong.

The fastest order is depth-first, where next to nothing is remembered. Blocks that come before anyone
asked for them wait, within a bound; equal blocks may come once or each time. What never came is named,
so that it can be asked for block by block.
"""

from __future__ import annotations

from collections.abc import Callable

from zoo.errors import Interrupted, Malformed
from zoo.ipfs import cid as cids
from zoo.ipfs.builder import Reader
from zoo.ipfs.car import Sections
from zoo.ipfs.cid import Cid
from zoo.ipfs.walk import Place, Walk

SPOOL_MAX = 64 << 20
"""Bytes of blocks that may wait until they are asked for."""

_SLACK = 1 << 20


class Receiver:
    """Fills one file from a CAR, or from several one after the other.

    Args:
        walk: Of the file.
        write: Writes bytes at an offset of the file.
        read_back: Reads bytes that were written, where equal blocks are sent once.
        spool_max: Bytes that may wait.
    """

    def __init__(
        self,
        walk: Walk,
        write: Callable[[int, bytes], None],
        read_back: Reader,
        *,
        spool_max: int = SPOOL_MAX,
    ) -> None:
        self._walk = walk
        self._write = write
        self._read_back = read_back
        self._spool_max = spool_max
        self._want: dict[Cid, list[Place]] = {walk.root.cid: [walk.root]}
        self._filled: dict[Cid, tuple[int, int]] = {}
        self._nodes: dict[Cid, bytes] = {}
        self._spool: dict[Cid, bytes] = {}
        self._spooled = 0
        self._taken = 0
        self._sections = Sections()

    @property
    def complete(self) -> bool:
        """Whether every byte of the file was written."""
        return not self._want

    def missing(self) -> tuple[Place, ...]:
        """Give the places that nothing was received for, with what is below them."""
        return tuple(place for places in self._want.values() for place in places)

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the CAR. When the file is complete, the rest is ignored.

        Raises:
            IntegrityError: A block is another one than its CID names.
            Malformed: The CAR breaks its format or a limit, or the file does.
        """
        if self.complete:
            return
        self._taken += len(chunk)
        for block in self._sections.feed(chunk):
            self._take(block.cid, block.data)
            if self.complete:
                return
        most = self._walk.limit * 105 // 100 + _SLACK
        if self._taken > most:
            raise Malformed(f"a CAR has more than {most} bytes, and its file {self._walk.limit}")

    def finish(self) -> None:
        """See that the file is complete, now that the CAR has ended.

        Raises:
            Interrupted: Blocks are missing.
        """
        if not self.complete:
            count = len(self._want)
            raise Interrupted(f"a CAR of {self._walk.root.cid} ended, and {count} blocks or more are missing")

    def again(self) -> None:
        """Begin another CAR of the same file."""
        self._sections = Sections()
        self._taken = 0

    def take(self, cid: Cid, block: bytes) -> None:
        """Take one block, from a CAR or fetched by itself.

        Raises:
            IntegrityError, Malformed: As `feed` does.
        """
        cids.check(cid, block)
        self._take(cid, block)

    def _take(self, cid: Cid, block: bytes) -> None:
        places = self._want.pop(cid, None)
        if places is None:
            self._keep(cid, block)
            return
        pending = [(place, block) for place in places]
        while pending:
            place, data = pending.pop()
            pending += self._fill(place, data)

    def _keep(self, cid: Cid, block: bytes) -> None:
        known = cid in self._filled or cid in self._nodes or cid in self._spool
        if not known and self._spooled + len(block) <= self._spool_max:
            self._spool[cid] = block
            self._spooled += len(block)

    def _fill(self, place: Place, block: bytes) -> list[tuple[Place, bytes]]:
        """Write what a block holds; give the places below whose blocks are here already."""
        opened = self._walk.open_checked(place, block)
        for piece in opened.pieces:
            self._write(piece.offset, piece.data)
        if opened.places:
            self._nodes[place.cid] = block
        else:
            self._filled[place.cid] = (place.offset, sum(len(piece.data) for piece in opened.pieces))
        self._spooled -= len(self._spool.pop(place.cid, b""))
        return [(child, here) for child in opened.places if (here := self._here(child)) is not None]

    def _here(self, place: Place) -> bytes | None:
        """Give a place's block if it came before; copy its bytes, or want it, where it did not."""
        if place.cid in self._filled:
            offset, size = self._filled[place.cid]
            if place.size != size:
                raise Malformed(f"the block {place.cid} holds {size} bytes; its parent says {place.size}")
            if size:
                self._write(place.offset, self._read_back(offset, size))
            return None
        here = self._nodes.get(place.cid, self._spool.get(place.cid))
        if here is None:
            self._want.setdefault(place.cid, []).append(place)
        return here
