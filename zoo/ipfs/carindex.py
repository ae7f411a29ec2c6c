"""Where in a CAR each block lies, from one pass over the heads of its sections.

Nothing is hashed, and nothing believed: whoever reads a block checks it. So no order, no root, no block
twice and none that is of no use to a file makes a difference, and what comes before a damage can be used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from zoo.errors import Malformed, SourceError
from zoo.ipfs import carheader
from zoo.ipfs import cid as cids
from zoo.ipfs.builder import Reader
from zoo.ipfs.cid import BYTES_MAX, Cid
from zoo.ipfs.wire import VARINT_MAX, read_varint

BLOCKS_MAX = 1 << 21
"""Blocks that are noted, in some 300 bytes of memory each: 2 TiB of a CAR that eai wrote."""

_HEAD = VARINT_MAX + BYTES_MAX


@dataclass(frozen=True, slots=True)
class Span:
    """Where the bytes of a block are said to be."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class CarIndex:
    """What lies where.

    Attributes:
        damage: Why the CAR could not be looked through to its end; None where it could.
    """

    spans: Mapping[bytes, Span]
    damage: str | None

    def find(self, cid: Cid) -> Span | None:
        """Say where a block is, under whatever version and codec it is named; None where it is not there."""
        return self.spans.get(_name(cid))


def index(read: Reader, size: int, *, most: int = BLOCKS_MAX) -> CarIndex:
    """Look through a CAR.

    Args:
        read: Reads it; a `SourceError` that it raises is a damage.
        size: Its bytes.
        most: Blocks that are noted.
    """
    spans: dict[bytes, Span] = {}
    try:
        for cid, span in _sections(read, size):
            spans.setdefault(_name(cid), span)
            if len(spans) > most:
                raise Malformed(f"it has more than {most:,} blocks")
    except SourceError as error:
        return CarIndex(spans, error.message)
    return CarIndex(spans, None)


def _name(cid: Cid) -> bytes:
    return bytes((cid.hash,)) + cid.digest


def _sections(read: Reader, size: int) -> Iterator[tuple[Cid, Span]]:
    at = _behind_header(read, size)
    while at < size:
        head = read(at, _HEAD)
        start, stop = _extent(head, at, size)
        if (found := _cid(head[start - at : stop - at])) is not None:
            cid, length = found
            yield cid, Span(start + length, stop - start - length)
        at = stop


def _behind_header(read: Reader, size: int) -> int:
    start, stop = _extent(read(0, VARINT_MAX), 0, size)
    if stop - start > carheader.HEADER_MAX:
        raise Malformed("it does not begin as a CAR")
    carheader.decode(read(start, stop - start))
    return stop


def _extent(head: bytes, at: int, size: int) -> tuple[int, int]:
    """Say where the section at an offset begins behind its length, and where it ends."""
    try:
        length, behind = read_varint(head, 0)
    except Malformed as error:
        raise Malformed(f"at byte {at:,}, {error.message}") from None
    start, stop = at + behind, at + behind + length
    if not length or stop > size:
        raise Malformed(f"at byte {at:,}, {length:,} bytes should follow, and {size - start:,} are left")
    return start, stop


def _cid(head: bytes) -> tuple[Cid, int] | None:
    """Decode a section's CID, and say how long it is; None for one that can name no part of a file."""
    try:
        return cids.read(head)
    except Malformed:
        return None
