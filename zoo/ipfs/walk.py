"""From a file's root CID to its bytes, each block checked before it is believed.

A walk opens nothing. Whoever fetches hands it blocks, in any order and from any thread, and gets back
the bytes they hold and the places that are still to be filled:

    places = [walk.root]
    while places:
        place = places.pop()
        opened = walk.open(place, get(place.cid))
        for piece in opened.pieces: write(piece.offset, piece.data)
        places.extend(reversed(opened.places))

Taking the last place first keeps the list short, whatever the size of the file.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from zoo.errors import Malformed, SizeMismatch
from zoo.ipfs import cid as cids
from zoo.ipfs import unixfs
from zoo.ipfs.cid import RAW, Cid
from zoo.ipfs.dagpb import BLOCK_MAX

Get = Callable[[Cid], bytes]
"""Fetches a block by its CID. What it gives need not be the right bytes; they are checked."""

DEPTH_MAX = 64
"""Levels of a file's tree. Balanced trees have four; trickle trees, which are read too, are deeper."""

FREE_VISITS = 10_000
VISIT_BYTES = 1024
"""After the free ones, every visit of a block must have brought so many bytes of file on average."""


@dataclass(frozen=True, slots=True)
class Place:
    """A block that is wanted, and where in the file its bytes belong.

    Attributes:
        size: Bytes of file in and below the block; None for a root that nothing is known of.
        depth: Levels above it.
    """

    cid: Cid
    offset: int
    size: int | None
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of the file, checked, and where they belong."""

    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Opened:
    """What a block held: bytes of the file, and places further down; both in the order of the file."""

    pieces: tuple[Piece, ...]
    places: tuple[Place, ...]


class Walk:
    """Reads one file's DAG, within limits that an honest one never meets.

    Args:
        root: The CID of the file.
        size: Its bytes where they are known, as from a lock: then any other size is refused.
        max_size: The most bytes to accept where the size is not known.

    Raises:
        Malformed: The root holds its own bytes: a lock has no use for it.
    """

    def __init__(self, root: Cid, *, size: int | None, max_size: int) -> None:
        if root.inline is not None:
            raise Malformed(f"{root} holds its own bytes, so there is nothing to fetch")
        self.root = Place(root, 0, size)
        self.size = size
        self._max_size = max_size
        self._visits = 0
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def limit(self) -> int:
        """The bytes of the file, or the most that it may have."""
        return self._max_size if self.size is None else self.size

    def open(self, place: Place, block: bytes) -> Opened:
        """Check a block, and say what it holds.

        Raises:
            IntegrityError: The bytes are not those that the CID names.
            SizeMismatch: They are, and the file has another size than is known of it.
            Malformed: They are, and are no part of a file, or the file breaks a limit.
        """
        if len(block) > BLOCK_MAX:
            raise Malformed(f"the block {place.cid} is larger than {BLOCK_MAX} bytes")
        cids.check(place.cid, block)
        return self.open_checked(place, block)

    def open_checked(self, place: Place, block: bytes) -> Opened:
        """Say what a block holds that is known to be the one that its CID names.

        Raises:
            SizeMismatch, Malformed: As `open` does.
        """
        return self._open_raw(place, block) if place.cid.codec == RAW else self._open_node(place, block)

    def _open_raw(self, place: Place, block: bytes) -> Opened:
        self._settle(place, len(block))
        if place.size is not None and place.size != len(block):
            raise Malformed(f"the block {place.cid} has {len(block)} bytes; its parent says {place.size}")
        return Opened((Piece(place.offset, block),) if block else (), ())

    def _open_node(self, place: Place, block: bytes) -> Opened:
        links, entry = unixfs.decode_node(block)
        self._settle(place, unixfs.check_file(links, entry, place.size if place.depth else None))
        pieces = [Piece(place.offset, entry.data)] if entry.data else []
        places: list[Place] = []
        offset = place.offset + len(entry.data)
        for link, size in zip(links, entry.blocksizes, strict=True):
            self._take(Place(link.cid, offset, size, place.depth + 1), pieces, places)
            offset += size
        self._account(pieces, places)
        return Opened(tuple(pieces), tuple(places))

    def _take(self, child: Place, pieces: list[Piece], places: list[Place]) -> None:
        """Sort a child into bytes that are here already, and a place to be fetched."""
        if child.depth > DEPTH_MAX:
            raise Malformed(f"a file's tree has more than {DEPTH_MAX} levels")
        if child.cid.inline is None:
            places.append(child)
            return
        opened = (self._open_raw if child.cid.codec == RAW else self._open_inline)(child, child.cid.inline)
        pieces += opened.pieces

    def _open_inline(self, place: Place, block: bytes) -> Opened:
        """Read a node that its CID holds; a tree of such nodes would be of no use to anyone."""
        links, entry = unixfs.decode_node(block)
        unixfs.check_file(links, entry, place.size)
        if links:
            raise Malformed("a node inside a CID has links")
        return Opened((Piece(place.offset, entry.data),) if entry.data else (), ())

    def _settle(self, place: Place, size: int) -> None:
        """Compare what the root says with what is known of the file."""
        if place.depth:
            return
        if self.size is not None and size != self.size:
            raise SizeMismatch(f"{place.cid} is a file of {size} bytes, and should have {self.size}")
        if size > self._max_size and self.size is None:
            raise Malformed(
                f"{place.cid} is a file of {size} bytes; without a known size, {self._max_size} is the most"
            )
        self.size = size

    def _account(self, pieces: list[Piece], places: list[Place]) -> None:
        """Count a node and its leaves: a small DAG may describe a file that nobody can finish reading."""
        leaves = [place.size or 0 for place in places if place.cid.codec == RAW]
        if max(leaves, default=0) > BLOCK_MAX:
            raise Malformed(f"a leaf should hold more than {BLOCK_MAX} bytes")
        with self._lock:
            self._visits += 1 + len(leaves)
            self._bytes += sum(leaves) + sum(len(piece.data) for piece in pieces)
            spent = self._visits - FREE_VISITS
            if spent > 0 and spent * VISIT_BYTES > self._bytes:
                raise Malformed("a file's tree has far more blocks than bytes")


def leaves(walk: Walk, get: Get) -> Iterator[Place | Piece]:
    """Plan a fetch: give a file's raw leaves as places, unfetched, and what its nodes hold as pieces.

    Nodes are fetched with `get`, depth-first; so are leaves that are nodes (profile unixfs-v0-2015).

    Raises:
        IntegrityError, Malformed: As `Walk.open` does.
    """
    pending = [walk.root]
    while pending:
        place = pending.pop()
        if place.cid.codec == RAW:
            yield place
            continue
        opened = walk.open(place, get(place.cid))
        yield from opened.pieces
        pending.extend(reversed(opened.places))


def read(walk: Walk, get: Get) -> Iterator[bytes]:
    """Read a file from its first byte to its last.

    Raises:
        IntegrityError, Malformed: As `Walk.open` does.
    """
    pending: list[Place | Piece] = [walk.root]
    while pending:
        item = pending.pop()
        if isinstance(item, Piece):
            yield item.data
            continue
        opened = walk.open(item, get(item.cid))
        pending += sorted((*opened.pieces, *opened.places), key=lambda part: part.offset, reverse=True)
