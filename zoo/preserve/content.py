"""A file as it is preserved: its DAG, and a way to read its bytes again; nothing of it is copied."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import EaiError
from zoo.ipfs import builder
from zoo.ipfs.builder import Block, Dag, Reader
from zoo.ipfs.car import Car
from zoo.ipfs.cid import Cid
from zoo.preserve.events import Hashed, Hashing, Named, Progress


@dataclass(frozen=True, slots=True)
class Content:
    """A file, the DAG of it, and what reads it while it is open."""

    name: str
    dag: Dag
    read: Reader

    @property
    def cid(self) -> Cid:
        """Its root, under the profile unixfs-v1-2025."""
        return self.dag.root

    def car(self, held: frozenset[Cid] = frozenset()) -> Car:
        """Make a CAR of it, without the blocks that are held already."""
        return Car((self.cid,), ((self.dag, self.read),), held=held)

    def cids(self) -> set[Cid]:
        """Give the CIDs of all of its blocks."""
        return {block.cid for block in self.dag.blocks()}

    def sizes(self) -> dict[Cid, int]:
        """Give the CID of each of its blocks, in the order of the file, and how many bytes the block has."""
        leaf_size = self.dag.profile.leaf_size
        return {
            block.cid: len(block.data) if isinstance(block, Block) else leaf_size(block.size)
            for block in self.dag.blocks()
        }


def reader_at(path: Path) -> tuple[Reader, int]:
    """Give what reads a file for several threads at once, and its size in bytes.

    It is opened for each read: however many files there are, they need not be open at the same time.

    Raises:
        EaiError: It cannot be read; also raised by the reader.
    """

    def read(offset: int, length: int) -> bytes:
        with _errors(path):
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                return os.pread(descriptor, length, offset)
            finally:
                os.close(descriptor)

    with _errors(path):
        return read, path.stat().st_size


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EaiError(
            f"{path} cannot be read: {error.strerror}", hint="`eai store verify` looks at every object"
        ) from None


def reader_of(descriptor: int) -> Reader:
    """Read an open file at any offset."""
    return lambda offset, length: os.pread(descriptor, length, offset)


def build(name: str, read: Reader, size: int, tell: Progress) -> Content:
    """Make the DAG of a file, and say its CID.

    Raises:
        SourceChanged: The file is shorter than its size says.
    """
    tell(Hashing(name, size))
    dag = builder.build(read, size, progress=lambda done: tell(Hashed(name, done)))
    tell(Named(name, dag.root, size))
    return Content(name, dag, read)
