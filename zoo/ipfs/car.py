"""CARv1: the blocks of DAGs in one stream, written with a length known before, read as they come.

Spec: ipld/specs, transport/car/carv1. Nothing in a CAR is believed: not its roots, not its order, not
that it is whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from zoo.errors import Interrupted, Malformed
from zoo.ipfs import carheader
from zoo.ipfs import cid as cids
from zoo.ipfs.builder import Block, Dag, Reader
from zoo.ipfs.cid import BYTES_MAX, Cid
from zoo.ipfs.dagpb import BLOCK_MAX
from zoo.ipfs.wire import VARINT_MAX, read_varint, varint

_SECTION_MAX = BLOCK_MAX + BYTES_MAX


@dataclass(frozen=True, slots=True)
class Car:
    """A CAR to be written: further blocks first, such as a directory, then each file's DAG depth-first.

    Equal blocks are in it once, and those that whoever takes it has already (`held`) not at all. Files
    are read as it is written, and not hashed again: whoever takes a CAR checks it.
    """

    roots: tuple[Cid, ...]
    files: tuple[tuple[Dag, Reader], ...]
    extra: tuple[Block, ...] = ()
    held: frozenset[Cid] = frozenset()

    def size(self) -> int:
        """Say how many bytes `chunks` will give, without reading a file."""
        total = len(carheader.encode(self.roots))
        for cid, size, _ in self._sections():
            section = len(bytes(cid)) + size
            total += len(varint(section)) + section
        return total

    def chunks(self) -> Iterator[bytes]:
        """Write the CAR.

        Raises:
            SourceChanged: A file is shorter than when its DAG was built.
        """
        yield carheader.encode(self.roots)
        for cid, size, load in self._sections():
            name = bytes(cid)
            yield varint(len(name) + size) + name
            yield load()

    def _sections(self) -> Iterator[tuple[Cid, int, Callable[[], bytes]]]:
        """Give the CID, the size and the bytes of each distinct block."""
        seen = set(self.held)
        for block in self.extra:
            if block.cid not in seen:
                seen.add(block.cid)
                yield block.cid, len(block.data), partial(bytes, block.data)
        for dag, read in self.files:
            for item in dag.blocks():
                if item.cid in seen:
                    continue
                seen.add(item.cid)
                if isinstance(item, Block):
                    yield item.cid, len(item.data), partial(bytes, item.data)
                else:
                    yield item.cid, dag.profile.leaf_size(item.size), partial(dag.cut, item, read)


class Sections:
    """Takes a CAR apart as it comes, in pieces of any size.

    `roots` is what the header claims, once it was read.
    """

    def __init__(self) -> None:
        self.roots: tuple[Cid, ...] | None = None
        self._parts: list[bytes] = []
        self._have = 0
        self._need = 1

    def feed(self, chunk: bytes) -> Iterator[Block]:
        """Give the blocks that are whole with these further bytes; each is checked against its CID.

        Raises:
            IntegrityError: A block is another one than its CID names.
            Malformed: It is no CARv1, or a section breaks a limit.
        """
        self._parts.append(chunk)
        self._have += len(chunk)
        if self._have < self._need:
            return
        buffer, at = b"".join(self._parts), 0
        try:
            while (span := self._span(buffer, at)) is not None:
                start, at = span
                if self.roots is None:
                    self.roots = carheader.decode(buffer[start:at])
                else:
                    yield _block(buffer, start, at)
        finally:
            rest = buffer[at:]
            self._parts, self._have = [rest], len(rest)

    def finish(self) -> None:
        """See that the bytes ended where a block ended.

        Raises:
            Interrupted: They did not.
        """
        if self._have or self.roots is None:
            raise Interrupted("a CAR ends in the middle of a block")

    def _span(self, buffer: bytes, at: int) -> tuple[int, int] | None:
        """Find the section at an offset, if all of it is there; else note how many bytes it takes."""
        head = buffer[at : at + VARINT_MAX]
        if len(head) < VARINT_MAX and all(byte & 0x80 for byte in head):
            self._need = len(head) + 1
            return None
        size, behind = read_varint(head, 0)
        most = carheader.HEADER_MAX if self.roots is None else _SECTION_MAX
        if not 0 < size <= most:
            raise Malformed(f"a CAR has a section of {size} bytes; 1 to {most} may be")
        self._need = behind + size
        stop = at + self._need
        return (at + behind, stop) if stop <= len(buffer) else None


def _block(buffer: bytes, start: int, stop: int) -> Block:
    cid, end = cids.read(buffer[start : min(stop, start + BYTES_MAX)])
    if cid.inline is not None:
        raise Malformed("a CAR has a section for a CID that holds its own bytes")
    data = buffer[start + end : stop]
    if len(data) > BLOCK_MAX:
        raise Malformed(f"the block {cid} is larger than {BLOCK_MAX} bytes")
    cids.check(cid, data)
    return Block(cid, data)


def blocks(chunks: Iterable[bytes]) -> Iterator[Block]:
    """Read a whole CAR's blocks, each checked.

    Raises:
        IntegrityError, Malformed: As `Sections.feed` does.
        Interrupted: The CAR is cut.
    """
    sections = Sections()
    for chunk in chunks:
        yield from sections.feed(chunk)
    sections.finish()
