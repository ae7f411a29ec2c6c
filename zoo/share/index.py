"""Which blocks the objects of a store are made of, so that they can be cut out when somebody asks.

That is under the profile unixfs-v1-2025, and under an older one where a lock names a CID that someone
else made so. The hashes of an object's leaves are kept beside it, 32 bytes for each: they follow from its
digest alone, so they are never out of date. Nodes are made from them in memory.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from zoo.digest import Digest
from zoo.errors import EaiError, SourceChanged
from zoo.ipfs import builder, dagpb
from zoo.ipfs.builder import Block, Dag
from zoo.ipfs.cid import DAG_PB, DIGEST_SIZE, RAW, SHA2_256, Cid
from zoo.ipfs.dagpb import BLOCK_MAX
from zoo.ipfs.profiles import PROFILES, UNIXFS_V1_2025, Profile
from zoo.store import Store
from zoo.store.durable import write

MAGIC = b"eai-leaves-1\n"


@dataclass(frozen=True, slots=True)
class _Span:
    """Where in which object the bytes of a leaf are, and how it is made of them."""

    digest: Digest
    offset: int
    size: int
    profile: Profile


class Index:
    """The blocks of a store's objects; any thread may ask.

    Args:
        store: Whose objects.
        named: Gives CIDs under which objects are known elsewhere; see `zoo.share.named`.
    """

    def __init__(self, store: Store, named: Callable[[], Iterable[tuple[Digest, Cid]]] = tuple) -> None:
        self._store, self._named = store, named
        self._tried: set[tuple[Digest, Cid]] = set()
        self._spans: dict[bytes, _Span] = {}
        self._nodes: dict[bytes, bytes] = {}
        self._roots: dict[Digest, Cid] = {}
        self._lock = threading.Lock()

    @property
    def roots(self) -> dict[Digest, Cid]:
        """The CID of each object that is indexed."""
        with self._lock:
            return dict(self._roots)

    def scan(self, stopped: Callable[[], bool] = lambda: False) -> int:
        """Index the objects that are new; say how many those were."""
        count = 0
        for digest in list(self._store.sizes()):
            if stopped():
                break
            if digest not in self._roots:
                with suppress(EaiError, OSError):  # taken away meanwhile, or it cannot be read
                    self._add_object(digest)
                    count += 1
        with suppress(EaiError, OSError):  # as above; those that are left are tried at the next look
            for digest, cid in self._named():
                if not stopped() and digest in self._roots and (digest, cid) not in self._tried:
                    self._tried.add((digest, cid))
                    self._add_named(digest, cid)
        return count

    def block(self, cid: Cid) -> bytes | None:
        """Give the bytes of a block; None where no object has it, or has it no longer."""
        if cid.inline is not None:
            return cid.inline
        if cid.hash != SHA2_256:
            return None
        if cid.codec == DAG_PB and cid.digest in self._nodes:
            return self._nodes[cid.digest]
        span = self._span(cid)
        return None if span is None else self._cut(span)

    def has(self, cid: Cid) -> int | None:
        """Say how many bytes a block has, without reading it; None where no object has it."""
        if cid.inline is not None:
            return len(cid.inline)
        if cid.hash != SHA2_256:
            return None
        if cid.codec == DAG_PB and cid.digest in self._nodes:
            return len(self._nodes[cid.digest])
        span = self._span(cid)
        if span is None or not self._store.object(span.digest).is_file():
            return None
        return span.profile.leaf_size(span.size)

    def below(self, root: Cid) -> Iterator[Block]:
        """Give a block and all below it, depth-first, equal ones once.

        Raises:
            SourceChanged: An object was taken away meanwhile.
        """
        pending, seen = [root], set[Cid]()
        while pending:
            cid = pending.pop()
            if cid in seen:
                continue
            seen.add(cid)
            data = self.block(cid)
            if data is None:
                raise SourceChanged(f"the store no longer has {cid}")
            yield Block(cid, data)
            if cid.codec == DAG_PB:
                pending.extend(link.cid for link in reversed(dagpb.decode(data).links))

    def _span(self, cid: Cid) -> _Span | None:
        span = self._spans.get(cid.digest)
        return span if span is not None and span.profile.raw == (cid.codec == RAW) else None

    def _cut(self, span: _Span) -> bytes | None:
        try:
            with self._store.object(span.digest).open("rb", buffering=0) as file:
                data = os.pread(file.fileno(), span.size, span.offset)
        except FileNotFoundError:
            return None
        return span.profile.leaf(data) if len(data) == span.size else None

    def _add_object(self, digest: Digest) -> None:
        size = self._size(digest)
        dag = builder.assemble(UNIXFS_V1_2025, size, self._leaves(digest, size, UNIXFS_V1_2025))
        self._add(digest, dag)
        with self._lock:
            if size <= BLOCK_MAX:
                self._spans[bytes.fromhex(digest.hex)] = _Span(digest, 0, size, UNIXFS_V1_2025)
            self._roots[digest] = dag.root

    def _add_named(self, digest: Digest, cid: Cid) -> None:
        """Find how the file has this CID, if it is that of a file with nodes, and not there already."""
        if cid.codec != DAG_PB or cid.hash != SHA2_256 or self.has(cid) is not None:
            return
        size = self._size(digest)
        dag = builder.recognise(size, cid, PROFILES, lambda profile: self._leaves(digest, size, profile))
        if dag is not None:
            self._add(digest, dag)

    def _add(self, digest: Digest, dag: Dag) -> None:
        spans = {leaf.cid.digest: _Span(digest, leaf.offset, leaf.size, dag.profile) for leaf in dag.leaves}
        with self._lock:
            self._spans |= spans
            self._nodes |= {node.cid.digest: node.data for node in dag.nodes}

    def _size(self, digest: Digest) -> int:
        return self._store.object(digest).stat().st_size

    def _leaves(self, digest: Digest, size: int, profile: Profile) -> bytes:
        """Give the hashes of an object's leaves: those that are kept, or else of its bytes."""
        cache = self._store.layout.leaves(digest, _form(profile))
        known = _load(cache, -(-size // profile.chunk) or 1)
        if known is None:
            with self._store.object(digest).open("rb", buffering=0) as file:
                fd = file.fileno()
                known = builder.hash_leaves(
                    lambda offset, length: os.pread(fd, length, offset), size, profile
                )
            with suppress(OSError):  # a store that cannot be written to does without
                write(cache, MAGIC + hashlib.sha256(known).digest() + known, durable=False)
        return known


def _form(profile: Profile) -> str:
    """Say how a profile cuts a file, where it does so otherwise than unixfs-v1-2025."""
    if (profile.chunk, profile.raw) == (UNIXFS_V1_2025.chunk, UNIXFS_V1_2025.raw):
        return ""
    return f"{profile.chunk}-{'raw' if profile.raw else 'nodes'}"


def _load(path: Path, count: int) -> bytes | None:
    """Read the hashes of so many leaves; None where they are not there, or not as they were written."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    check, leaves = data[len(MAGIC) : len(MAGIC) + DIGEST_SIZE], data[len(MAGIC) + DIGEST_SIZE :]
    whole = data.startswith(MAGIC) and len(leaves) == count * DIGEST_SIZE
    return leaves if whole and hashlib.sha256(leaves).digest() == check else None
