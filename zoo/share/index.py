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
from zoo.ipfs import builder, dagpb
from zoo.ipfs.builder import Block, Dag
from zoo.ipfs.cid import DAG_PB, DIGEST_SIZE, SHA2_256, Cid
from zoo.ipfs.dagpb import BLOCK_MAX
from zoo.ipfs.profiles import UNIXFS_V1_2025 as PROFILE
from zoo.store import Store
from zoo.store.durable import write

MAGIC = b"eai-leaves-1\n"


@dataclass(frozen=True, slots=True)
class _Span:
    """Where in which object a block's bytes are."""

    digest: Digest
    offset: int
    size: int


class Index:
    """The blocks of a store's objects under the profile unixfs-v1-2025; any thread may ask.

    Args:
        store: Whose objects.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
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
                    self._add(digest)
                    count += 1
        return count

    def block(self, cid: Cid) -> bytes | None:
        """Give the bytes of a block; None where no object has it, or has it no longer."""
        if cid.inline is not None:
            return cid.inline
        if cid.hash != SHA2_256:
            return None
        if cid.codec == DAG_PB:
            return self._nodes.get(cid.digest)
        span = self._spans.get(cid.digest)
        return None if span is None else self._cut(span)

    def has(self, cid: Cid) -> int | None:
        """Say how many bytes a block has, without reading it; None where no object has it."""
        if cid.inline is not None:
            return len(cid.inline)
        if cid.hash != SHA2_256:
            return None
        if cid.codec == DAG_PB:
            node = self._nodes.get(cid.digest)
            return None if node is None else len(node)
        span = self._spans.get(cid.digest)
        return span.size if span is not None and self._store.object(span.digest).is_file() else None

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

    def _cut(self, span: _Span) -> bytes | None:
        try:
            with self._store.object(span.digest).open("rb", buffering=0) as file:
                data = os.pread(file.fileno(), span.size, span.offset)
        except FileNotFoundError:
            return None
        return data if len(data) == span.size else None

    def _add(self, digest: Digest) -> None:
        dag = self._dag(digest)
        spans = {leaf.cid.digest: _Span(digest, leaf.offset, leaf.size) for leaf in dag.leaves}
        if dag.size <= BLOCK_MAX:
            spans[bytes.fromhex(digest.hex)] = _Span(digest, 0, dag.size)
        with self._lock:
            self._spans |= spans
            self._nodes |= {node.cid.digest: node.data for node in dag.nodes}
            self._roots[digest] = dag.root

    def _dag(self, digest: Digest) -> Dag:
        path = self._store.object(digest)
        size = path.stat().st_size
        cache = self._store.layout.leaves(digest)
        known = _load(cache, -(-size // PROFILE.chunk) or 1)
        if known is None:
            with path.open("rb", buffering=0) as file:
                fd = file.fileno()
                known = builder.hash_leaves(
                    lambda offset, length: os.pread(fd, length, offset), size, PROFILE
                )
            with suppress(OSError):  # a store that cannot be written to does without
                write(cache, MAGIC + hashlib.sha256(known).digest() + known, durable=False)
        return builder.assemble(PROFILE, size, known)


def _load(path: Path, count: int) -> bytes | None:
    """Read the hashes of so many leaves; None where they are not there, or not as they were written."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    check, leaves = data[len(MAGIC) : len(MAGIC) + DIGEST_SIZE], data[len(MAGIC) + DIGEST_SIZE :]
    whole = data.startswith(MAGIC) and len(leaves) == count * DIGEST_SIZE
    return leaves if whole and hashlib.sha256(leaves).digest() == check else None
