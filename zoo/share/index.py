"""Which blocks the objects of a store are made of, so that they can be cut out when somebody asks.

The hashes of an object's leaves are kept beside it, 32 bytes for each MiB: they follow from its digest
alone, so they are never out of date. Nodes are made from them in memory.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from zoo.digest import Digest
from zoo.errors import EaiError, SourceChanged
from zoo.ipfs import builder, unixfs
from zoo.ipfs.builder import Block, Dag
from zoo.ipfs.cid import DAG_PB, DIGEST_SIZE, SHA2_256, Cid
from zoo.ipfs.dagpb import BLOCK_MAX
from zoo.ipfs.profiles import UNIXFS_V1_2025 as PROFILE
from zoo.store import Store
from zoo.store.durable import write

MAGIC = b"eai-leaves-1\n"


@dataclass(frozen=True, slots=True)
class _Span:
    """Where in which object a block's bytes are; a node's are here."""

    digest: Digest
    offset: int
    size: int
    node: bytes | None = None


_Places = dict[bytes, _Span]
"""By codec and hash: the same bytes are one block as a leaf and another one as a node."""


class _Stopped(Exception):
    """There is no more need to index anything."""


class Index:
    """The blocks of a store's objects under the profile unixfs-v1-2025; any thread may ask.

    Args:
        store: Whose objects.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._dags: dict[Digest, Dag] = {}
        self._places: _Places = {}
        self._suspect: set[Digest] = set()
        self._unreadable: set[Digest] = set()
        self._lock = threading.Lock()

    @property
    def roots(self) -> dict[Digest, Cid]:
        """The CID of each object that is indexed."""
        with self._lock:
            return {digest: dag.root for digest, dag in self._dags.items()}

    def scan(self, stopped: Callable[[], bool] = lambda: False) -> int:
        """Index the objects that are new, and forget those that are gone; say how many were new."""
        count, found = 0, self._store.sizes().keys()
        self._forget(*(self._dags.keys() - found))
        self._unreadable &= found
        for digest in found - self._dags.keys() - self._unreadable:
            if stopped():
                break
            try:
                count += self._take(digest, stopped)
            except _Stopped:
                break
            except (
                EaiError,
                OSError,
            ):  # taken away meanwhile, or it cannot be read: not to be tried for ever
                self._unreadable.add(digest)
        return count

    def block(self, cid: Cid) -> bytes | None:
        """Give the bytes of a block; None where no object has it, or has it no longer.

        Raises:
            OSError: It is there and cannot be read.
        """
        if cid.inline is not None:
            return cid.inline
        while (span := self._find(cid)) is not None:
            if span.node is not None:
                return span.node
            data = self._cut(span)
            if data is not None and hashlib.sha256(data).digest() == cid.digest:
                return data
            if data is not None:
                self._suspect.add(span.digest)
            self._forget(span.digest)  # another object may have the same block
        return None

    def has(self, cid: Cid) -> int | None:
        """Say how many bytes a block has, without reading it; None where no object has it."""
        if cid.inline is not None:
            return len(cid.inline)
        while (span := self._find(cid)) is not None:
            if self._store.object(span.digest).is_file():
                return span.size
            self._forget(span.digest)
        return None

    def size(self, cid: Cid) -> int | None:
        """Say how many bytes the file has that is below a block, in as far as a node says so."""
        span = self._find(cid)
        if span is None or span.node is None:
            return self.has(cid)
        return unixfs.decode_node(span.node)[1].size

    def below(self, root: Cid, *, span: range | None = None, dups: bool = False) -> Iterator[Block]:
        """Give a block and all below it, depth-first.

        Args:
            root: Which block.
            span: Only what is needed to verify these bytes of its file; the root always is.
            dups: Give equal blocks each time, not once.

        Raises:
            SourceChanged: An object was taken away meanwhile, or its bytes have changed.
            OSError: It cannot be read.
        """
        pending, seen = [(root, 0)], set[Cid]()
        while pending:
            cid, at = pending.pop()
            new = cid not in seen
            seen.add(cid)
            if not (new or dups or (span is not None and cid.codec == DAG_PB)):
                continue
            data = self.block(cid)
            if data is None:
                raise SourceChanged(f"the store no longer has {cid}")
            if new or dups:
                yield Block(cid, data)
            if cid.codec == DAG_PB:
                pending.extend(reversed(list(_children(data, at, span))))

    def _find(self, cid: Cid) -> _Span | None:
        return self._places.get(_key(cid)) if cid.hash == SHA2_256 else None

    def _cut(self, span: _Span) -> bytes | None:
        try:
            with self._store.object(span.digest).open("rb", buffering=0) as file:
                return os.pread(file.fileno(), span.size, span.offset)
        except FileNotFoundError:
            return None

    def _take(self, digest: Digest, stopped: Callable[[], bool]) -> bool:
        """Index an object, if its bytes are right; else it is set aside."""
        if digest in self._suspect:
            right = self._store.intact(digest)
            self._suspect.discard(digest)
        else:
            right = self._store.has(digest)
        if right:
            dag = self._dag(digest, stopped)
            with self._lock:
                self._dags[digest] = dag
                self._places |= _places(digest, dag)
        return right

    def _forget(self, *digests: Digest) -> None:
        """Forget objects; what they had in common with others is found there from now on."""
        with self._lock:
            if not sum(self._dags.pop(digest, None) is not None for digest in digests):
                return
            places: _Places = {}
            for digest, dag in self._dags.items():
                places |= _places(digest, dag)
            self._places = places

    def _dag(self, digest: Digest, stopped: Callable[[], bool]) -> Dag:
        path = self._store.object(digest)
        size = path.stat().st_size
        cache = self._store.layout.leaves(digest)
        known = _load(cache, -(-size // PROFILE.chunk) or 1)
        if known is None:
            known = _hashed(path, size, stopped)
            with suppress(OSError):  # a store that cannot be written to does without
                write(cache, MAGIC + hashlib.sha256(known).digest() + known, durable=False)
        return builder.assemble(PROFILE, size, known)


def _children(node: bytes, at: int, wanted: range | None) -> Iterator[tuple[Cid, int]]:
    """Give a node's links and where their bytes begin; of the bytes that are wanted."""
    links, entry = unixfs.decode_node(node)
    for link, size in zip(links, entry.blocksizes, strict=True):
        if wanted is None or (wanted and at < wanted.stop and at + size > wanted.start):
            yield link.cid, at
        at += size


def _places(digest: Digest, dag: Dag) -> _Places:
    """Say where the blocks of an object are."""
    places = {_key(leaf.cid): _Span(digest, leaf.offset, leaf.size) for leaf in dag.leaves}
    if dag.size <= BLOCK_MAX:
        places[_key(PROFILE.leaf_cid(bytes.fromhex(digest.hex)))] = _Span(digest, 0, dag.size)
    for node in dag.nodes:
        places[_key(node.cid)] = _Span(digest, 0, len(node.data), node.data)
    return places


def _key(cid: Cid) -> bytes:
    return bytes((cid.codec,)) + cid.digest


def _hashed(path: Path, size: int, stopped: Callable[[], bool]) -> bytes:
    """Hash the leaves of a file, unless there is no more need."""

    def look(_: int) -> None:
        if stopped():
            raise _Stopped

    with path.open("rb", buffering=0) as file:
        fd = file.fileno()
        return builder.hash_leaves(
            lambda offset, length: os.pread(fd, length, offset), size, PROFILE, progress=look
        )


def _load(path: Path, count: int) -> bytes | None:
    """Read the hashes of so many leaves; None where they are not there, or not as they were written."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    check, leaves = data[len(MAGIC) : len(MAGIC) + DIGEST_SIZE], data[len(MAGIC) + DIGEST_SIZE :]
    whole = data.startswith(MAGIC) and len(leaves) == count * DIGEST_SIZE
    return leaves if whole and hashlib.sha256(leaves).digest() == check else None
