"""Which blocks the objects of a store are made of, so that they can be cut out when somebody asks.

That is under the profile unixfs-v1-2025, and under an older one where a lock names a CID that someone
else made so. Of each object only the hashes of its leaves are in memory, and its nodes; every block is
checked when it is cut.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from zoo.digest import Digest
from zoo.errors import EaiError, SourceChanged
from zoo.ipfs import builder, unixfs
from zoo.ipfs.builder import Block, Dag
from zoo.ipfs.cid import DAG_PB, SHA2_256, Cid
from zoo.ipfs.dagpb import BLOCK_MAX
from zoo.ipfs.profiles import PROFILES, UNIXFS_V1_2025, Profile
from zoo.share.leaves import Leaves, Stopped
from zoo.store import Store


@dataclass(frozen=True, slots=True)
class _Span:
    """Where in which object the bytes of a leaf are, and how it is made of them; a node is here."""

    digest: Digest
    offset: int
    size: int
    profile: Profile
    node: bytes | None = None

    @property
    def block_size(self) -> int:
        """Bytes of the block."""
        return self.profile.leaf_size(self.size) if self.node is None else len(self.node)


_Places = dict[bytes, _Span]
"""By codec and hash: the same bytes are one block as a leaf and another one as a node."""


class Index:
    """The blocks of a store's objects; any thread may ask.

    Args:
        store: Whose objects.
        named: Gives CIDs under which objects are known elsewhere; see `zoo.share.named`.
    """

    def __init__(self, store: Store, named: Callable[[], Iterable[tuple[Digest, Cid]]] = tuple) -> None:
        self._store, self._named, self._leaves = store, named, Leaves(store)
        self._dags: dict[Digest, tuple[Dag, ...]] = {}
        self._tried: set[tuple[Digest, Cid]] = set()
        self._places: _Places = {}
        self._suspect: set[Digest] = set()
        self._unreadable: set[Digest] = set()
        self._lock = threading.Lock()

    @property
    def roots(self) -> dict[Digest, Cid]:
        """The CID of each object that is indexed, under the profile unixfs-v1-2025."""
        with self._lock:
            return {digest: dags[0].root for digest, dags in self._dags.items()}

    def scan(self, stopped: Callable[[], bool] = lambda: False) -> int:
        """Index the objects that are new, and forget those that are gone; say how many were new."""
        count, found = 0, self._store.sizes().keys()
        self._forget(*(self._dags.keys() - found))
        self._unreadable &= found
        with suppress(Stopped):  # what is left is looked at the next time
            for digest in found - self._dags.keys() - self._unreadable:
                if stopped():
                    raise Stopped
                try:
                    count += self._take(digest, stopped)
                except (EaiError, OSError):
                    self._unreadable.add(digest)  # or taken away meanwhile: not to be tried for ever
            self._take_named(stopped)
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
        span = self._there(cid)
        return None if span is None else span.block_size

    def size(self, cid: Cid) -> int | None:
        """Say how many bytes of a file are in and below a block; None where no object has it."""
        if cid.inline is not None:
            return len(cid.inline)
        span = self._there(cid)
        if span is None or span.node is None:
            return None if span is None else span.size
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

    def _there(self, cid: Cid) -> _Span | None:
        """Find a block of an object that is still there."""
        while (span := self._find(cid)) is not None:
            if self._store.object(span.digest).is_file():
                return span
            self._forget(span.digest)
        return None

    def _cut(self, span: _Span) -> bytes | None:
        """Make the block of a leaf of what is in its object now."""
        try:
            with self._store.object(span.digest).open("rb", buffering=0) as file:
                return span.profile.leaf(os.pread(file.fileno(), span.size, span.offset))
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
            size, hashes = self._leaves.of(digest, UNIXFS_V1_2025, stopped)
            self._add(digest, builder.assemble(UNIXFS_V1_2025, size, hashes))
        return right

    def _take_named(self, stopped: Callable[[], bool]) -> None:
        """Find how objects have the CIDs that others gave them; each is tried once."""
        with suppress(EaiError, OSError):  # whatever cannot be read now is tried again at the next look
            for digest, cid in self._named():
                node = cid.codec == DAG_PB and cid.hash == SHA2_256
                if digest not in self._dags or (digest, cid) in self._tried or not node:
                    continue
                dag = None if self.has(cid) is not None else self._recognised(digest, cid, stopped)
                if dag is not None:
                    self._add(digest, dag)
                self._tried.add((digest, cid))

    def _recognised(self, digest: Digest, cid: Cid, stopped: Callable[[], bool]) -> Dag | None:
        size = self._store.object(digest).stat().st_size
        return builder.recognise(
            size, cid, PROFILES, lambda profile: self._leaves.of(digest, profile, stopped)[1]
        )

    def _add(self, digest: Digest, dag: Dag) -> None:
        with self._lock:
            self._dags[digest] = (*self._dags.get(digest, ()), dag)
            self._places |= _places(digest, dag)

    def _forget(self, *digests: Digest) -> None:
        """Forget objects; what they had in common with others is found there from now on."""
        with self._lock:
            if not sum(self._dags.pop(digest, None) is not None for digest in digests):
                return
            self._tried = {tried for tried in self._tried if tried[0] in self._dags}
            places: _Places = {}
            for digest, dags in self._dags.items():
                for dag in dags:
                    places |= _places(digest, dag)
            self._places = places


def _children(node: bytes, at: int, wanted: range | None) -> Iterator[tuple[Cid, int]]:
    """Give a node's links and where their bytes begin; of the bytes that are wanted."""
    links, entry = unixfs.decode_node(node)
    for link, size in zip(links, entry.blocksizes, strict=True):
        if wanted is None or (wanted and at < wanted.stop and at + size > wanted.start):
            yield link.cid, at
        at += size


def _places(digest: Digest, dag: Dag) -> _Places:
    """Say where the blocks of an object are; a small one is a block by itself, too."""
    places = {_key(leaf.cid): _Span(digest, leaf.offset, leaf.size, dag.profile) for leaf in dag.leaves}
    if dag.size <= BLOCK_MAX:
        whole = UNIXFS_V1_2025.leaf_cid(bytes.fromhex(digest.hex))
        places[_key(whole)] = _Span(digest, 0, dag.size, UNIXFS_V1_2025)
    for node in dag.nodes:
        places[_key(node.cid)] = _Span(digest, 0, dag.size, dag.profile, node.data)
    return places


def _key(cid: Cid) -> bytes:
    return bytes((cid.codec,)) + cid.digest
