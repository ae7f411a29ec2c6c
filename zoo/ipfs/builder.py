"""From a file to its DAG: leaves hashed on all cores, and the nodes above them.

The file is read once and nothing of it is kept: 32 bytes a leaf and the inner nodes (0.005 % of the
file) are all that a DAG takes, and every block can be cut from the file again.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import overload

from zoo.errors import SourceChanged
from zoo.ipfs import cid as cids
from zoo.ipfs import unixfs
from zoo.ipfs.cid import DAG_PB, DIGEST_SIZE, Cid
from zoo.ipfs.profiles import UNIXFS_V1_2025, Profile

Reader = Callable[[int, int], bytes]
"""Reads (offset, length) of a file. Several threads call it at once; short only at the file's end."""

_Child = tuple[Cid, int, int]
"""The CID of a leaf or node, the bytes of file in and below it, and the bytes of its blocks."""

_SPAN = 1 << 20
"""Bytes of file that a thread takes at a time."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf of a file: the name of its block, and which bytes of the file are in it."""

    cid: Cid
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Leaves(Sequence[Leaf]):
    """The leaves of a file in their order, in 32 bytes each."""

    profile: Profile
    size: int
    digests: bytes

    def __len__(self) -> int:
        return len(self.digests) // DIGEST_SIZE

    @overload
    def __getitem__(self, index: int) -> Leaf: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Leaf]: ...

    def __getitem__(self, index: int | slice) -> Leaf | Sequence[Leaf]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        at = range(len(self))[index]
        offset = at * self.profile.chunk
        digest = self.digests[at * DIGEST_SIZE : (at + 1) * DIGEST_SIZE]
        return Leaf(self.profile.leaf_cid(digest), offset, min(self.profile.chunk, self.size - offset))

    def __iter__(self) -> Iterator[Leaf]:
        return (self[index] for index in range(len(self)))


@dataclass(frozen=True, slots=True)
class Block:
    """A block in memory."""

    cid: Cid
    data: bytes


@dataclass(frozen=True, slots=True)
class Dag:
    """A file as a DAG.

    Attributes:
        root: The CID of the whole.
        size: Bytes of the file.
        dag_size: Bytes of all blocks, counting equal ones as often as they are linked.
        nodes: The inner nodes in the order of a depth-first walk, the root first; none above a single leaf.
        leaves: Which bytes of the file make which block.
    """

    profile: Profile
    root: Cid
    size: int
    dag_size: int
    nodes: tuple[Block, ...]
    leaves: Leaves

    def blocks(self) -> Iterator[Block | Leaf]:
        """Give nodes and leaves as a depth-first walk meets them, equal ones again each time."""
        nodes = iter(self.nodes)
        for height, index in _depth_first(_counts(len(self.leaves), self.profile.width), self.profile.width):
            yield next(nodes) if height else self.leaves[index]

    def cut(self, leaf: Leaf, read: Reader) -> bytes:
        """Make the block of a leaf from the file.

        Raises:
            SourceChanged: The file is shorter than it was.
        """
        data = read(leaf.offset, leaf.size) if leaf.size else b""
        if len(data) != leaf.size:
            raise SourceChanged(f"a file ends at byte {leaf.offset + len(data)}, and had {self.size} bytes")
        return self.profile.leaf(data)


def build(
    read: Reader,
    size: int,
    profile: Profile = UNIXFS_V1_2025,
    *,
    jobs: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Dag:
    """Make the DAG of a file.

    Args:
        read: Reads the file.
        size: Its bytes.
        profile: The rules.
        jobs: Threads; None: as many as there are cores.
        progress: Is told how many more bytes were hashed, by one thread at a time. What it raises
            stops the work.

    Raises:
        SourceChanged: The file is shorter than its size says.
    """
    return assemble(profile, size, hash_leaves(read, size, profile, jobs=jobs, progress=progress))


def hash_leaves(
    read: Reader,
    size: int,
    profile: Profile,
    *,
    jobs: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> bytes:
    """Hash the leaves of a file: the SHA-256 of each one's block, one after the other.

    Raises:
        SourceChanged: The file is shorter than its size says.
    """
    count = max(1, -(-size // profile.chunk))
    digests = bytearray(count * DIGEST_SIZE)
    step = max(1, _SPAN // profile.chunk)
    spans = iter(range(0, count, step))
    lock = threading.Lock()
    stopped = threading.Event()

    def work() -> None:
        while not stopped.is_set():
            with lock:
                first = next(spans, None)
            if first is None:
                return
            done = _hash_span(read, size, profile, range(first, min(first + step, count)), digests)
            if progress is not None:
                with lock:
                    progress(done)

    def guarded() -> None:
        try:
            work()
        except BaseException:
            stopped.set()
            raise

    workers = min(jobs or os.cpu_count() or 1, -(-count // step))
    if workers == 1:
        guarded()
        return bytes(digests)
    with ThreadPoolExecutor(workers, thread_name_prefix="hash") as pool:
        try:
            for future in [pool.submit(guarded) for _ in range(workers)]:
                future.result()
        finally:
            stopped.set()  # also where it is us who were interrupted
    return bytes(digests)


def _hash_span(read: Reader, size: int, profile: Profile, leaves: range, digests: bytearray) -> int:
    done = 0
    for index in leaves:
        offset = index * profile.chunk
        length = min(profile.chunk, size - offset)
        data = read(offset, length) if length else b""
        if len(data) != length:
            raise SourceChanged(f"a file ends at byte {offset + len(data)}, and had {size} bytes before")
        at = index * DIGEST_SIZE
        digests[at : at + DIGEST_SIZE] = hashlib.sha256(profile.leaf(data)).digest()
        done += length
    return done


def assemble(profile: Profile, size: int, digests: bytes) -> Dag:
    """Make the DAG above leaves that are hashed already; a balanced tree, filled from the left."""
    leaves = Leaves(profile, size, digests)
    level: Iterable[_Child] = ((leaf.cid, leaf.size, profile.leaf_size(leaf.size)) for leaf in leaves)
    levels: list[list[Block]] = []
    count = len(leaves)
    while count > 1:
        made = [_parent(profile, group) for group in _groups(level, profile.width)]
        levels.append([node for node, _ in made])
        level = [child for _, child in made]
        count = len(level)
    root, _, dag_size = next(iter(level))
    order = _depth_first(_counts(len(leaves), profile.width), profile.width)
    nodes = tuple(levels[height - 1][index] for height, index in order if height)
    return Dag(profile, root, size, dag_size, nodes, leaves)


def _groups(children: Iterable[_Child], width: int) -> Iterator[list[_Child]]:
    source = iter(children)
    while group := list(islice(source, width)):
        yield group


def _parent(profile: Profile, children: list[_Child]) -> tuple[Block, _Child]:
    block = unixfs.file_node(children)
    cid = cids.of(block, DAG_PB, version=profile.version)
    size = sum(size for _, size, _ in children)
    return Block(cid, block), (cid, size, len(block) + sum(tsize for _, _, tsize in children))


def _counts(leaves: int, width: int) -> list[int]:
    """Count the blocks of each level, the leaves first, up to the root."""
    counts = [leaves]
    while counts[-1] > 1:
        counts.append(-(-counts[-1] // width))
    return counts


def _depth_first(counts: list[int], width: int) -> Iterator[tuple[int, int]]:
    """Give (height, index in its level) of each block, parents first; leaves have height 0."""
    pending = [(len(counts) - 1, 0)]
    while pending:
        height, index = pending.pop()
        yield height, index
        if height:
            last = min((index + 1) * width, counts[height - 1])
            pending += ((height - 1, child) for child in reversed(range(index * width, last)))


def recognise(
    size: int, root: Cid, profiles: Iterable[Profile], leaves: Callable[[Profile], bytes]
) -> Dag | None:
    """Find the profile under which a file has a given CID, of either version: how someone else added it.

    Args:
        size: Bytes of the file.
        root: The CID.
        profiles: Those that are tried, in this order.
        leaves: Gives the hashes of the file's leaves under a profile, as `hash_leaves` does.
    """
    for profile in profiles:
        dag = assemble(profile, size, leaves(profile))
        if (dag.root.codec, dag.root.hash, dag.root.digest) == (root.codec, root.hash, root.digest):
            return dag
    return None
