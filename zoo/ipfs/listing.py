"""Directories read, plain and sharded (HAMT), each block and each name checked.

To list a sharded directory no name need be hashed: all shards are walked, and the bucket's digits cut
off the names. Spec: ipfs/specs, unixfs.md; limits after GHSA-q264-w97q-q778 and CVE-2020-26279.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from zoo.errors import Malformed, NotThere
from zoo.ipfs import cid as cids
from zoo.ipfs import names, unixfs
from zoo.ipfs.cid import RAW, Cid
from zoo.ipfs.dagpb import BLOCK_MAX, Link
from zoo.ipfs.unixfs import Entry, Kind
from zoo.ipfs.walk import Get

ENTRIES_MAX = 10_000
"""The most entries of a directory with all below it, and the most shards of one."""
PATH_DEPTH_MAX = 16

_MURMUR3 = 0x22
_FANOUT_MIN, _FANOUT_MAX = 8, 1024
_HASH_BITS = 64


@dataclass(frozen=True, slots=True)
class Named:
    """An entry of a directory. `size` is what its blocks take, as the writer says; a hint."""

    name: str
    cid: Cid
    size: int


@dataclass(frozen=True, slots=True)
class File:
    """A file found below a directory.

    Attributes:
        path: From the root, with `/`; empty where the root is itself a file.
        size: Bytes of file; None for a single raw block, which nothing checked states the size of.
    """

    path: str
    cid: Cid
    size: int | None


def fetch(cid: Cid, get: Get) -> bytes:
    """Get a block by its CID, checked.

    Raises:
        IntegrityError: It is another one.
        Malformed: It is too large.
    """
    block = get(cid) if cid.inline is None else cid.inline
    if len(block) > BLOCK_MAX:
        raise Malformed(f"the block {cid} is larger than {BLOCK_MAX} bytes")
    cids.check(cid, block)
    return block


def entries(directory: Cid, get: Get) -> tuple[Named, ...]:
    """List a directory, sorted by name.

    Raises:
        NotThere: The CID is a file.
        Malformed: The directory breaks its format or a limit, or a name may not be.
        IntegrityError: A block is another one than its CID names.
    """
    if directory.codec == RAW:
        raise NotThere(f"{directory} is a file, not a directory")
    links, entry = unixfs.decode_node(fetch(directory, get))
    return _entries(directory, links, entry, get)


def _entries(directory: Cid, links: tuple[Link, ...], entry: Entry, get: Get) -> tuple[Named, ...]:
    if entry.kind is Kind.DIRECTORY:
        named = [_named(link, link.name) for link in links]
    elif entry.kind is Kind.SHARD:
        named = list(_Shards(get, entry).walk(links, entry))
    else:
        raise NotThere(f"{directory} is a {entry.kind.name.lower()}, not a directory")
    if len(named) > ENTRIES_MAX:
        raise Malformed(f"a directory has {len(named)} entries; {ENTRIES_MAX} is the most")
    if len({names.folded(item.name) for item in named}) != len(named):
        raise Malformed(f"{directory} has two entries of the same name, or that differ only in case")
    return tuple(sorted(named, key=lambda item: item.name.encode()))


def _named(link: Link, name: bytes) -> Named:
    return Named(names.check(name), link.cid, link.size)


class _Shards:
    """Walks the shards of one directory."""

    def __init__(self, get: Get, root: Entry) -> None:
        self._get = get
        fanout = root.fanout or 0
        if fanout & (fanout - 1) or not _FANOUT_MIN <= fanout <= _FANOUT_MAX:
            raise Malformed(f"a sharded directory has {fanout} buckets")
        self._fanout = fanout
        bits = fanout.bit_length() - 1
        self._digits = -(-bits // 4)
        self._depth = _HASH_BITS // bits
        self._visits = 0
        self._links = 0

    def walk(self, links: tuple[Link, ...], entry: Entry, depth: int = 1) -> Iterator[Named]:
        """Give the entries of a shard and of those below it."""
        self._check(links, entry, depth)
        for link in links:
            name = link.name[self._digits :]
            if name:
                yield _named(link, name)
                continue
            below, shard = unixfs.decode_node(fetch(link.cid, self._get))
            if not below:
                raise Malformed("a sharded directory has an empty shard")
            yield from self.walk(below, shard, depth + 1)

    def _check(self, links: tuple[Link, ...], entry: Entry, depth: int) -> None:
        self._visits += 1
        self._links += len(links)
        if max(self._visits, self._links - self._visits) > ENTRIES_MAX or depth > self._depth:
            raise Malformed("a sharded directory has too many shards or entries")
        if (entry.kind, entry.fanout, entry.hash_type) != (Kind.SHARD, self._fanout, _MURMUR3):
            raise Malformed("the shards of a directory are not of one kind")
        if len(entry.data) > self._fanout // 8:
            raise Malformed("a shard's bit field is longer than it has buckets")
        field = int.from_bytes(entry.data, "big")
        filled = [index for index in range(self._fanout) if field >> index & 1]
        expected = [f"{index:0{self._digits}X}".encode() for index in filled]
        if [link.name[: self._digits] for link in links] != expected:
            raise Malformed("a shard's links are not those of its bit field")


def resolve(root: Cid, path: str, get: Get) -> Cid:
    """Find the CID of what lies at a path in a directory; of the root itself for an empty path.

    Raises:
        NotThere: There is no such thing; the hint says what there is.
        Malformed, IntegrityError: As `entries` does.
    """
    parts = [part for part in path.split("/") if part]
    if len(parts) > PATH_DEPTH_MAX:
        raise Malformed(f"a path has {len(parts)} parts; {PATH_DEPTH_MAX} is the most")
    here = root
    for part in parts:
        listed = {item.name: item.cid for item in entries(here, get)}
        if part not in listed:
            known = ", ".join(list(listed)[:8]) or "nothing"
            raise NotThere(f"{here} has no entry {part!r}", hint=f"it has {known}")
        here = listed[part]
    return here


def files(root: Cid, get: Get) -> Iterator[File]:
    """Find all files at and below a CID, in the order of their paths' parts.

    Raises:
        Malformed: As `entries` does; or there is a symlink, or directories nest too deep.
        IntegrityError: A block is another one than its CID names.
    """
    pending = [("", root, 0)]
    seen = 0
    while pending:
        path, cid, depth = pending.pop()
        if cid.codec == RAW:
            yield File(path, cid, None)
            continue
        links, entry = unixfs.decode_node(fetch(cid, get))
        if entry.kind is Kind.SYMLINK:
            raise Malformed(f"{path or cid} is a symlink, and those are not followed")
        if entry.kind in {Kind.FILE, Kind.RAW}:
            yield File(path, cid, unixfs.check_file(links, entry, None))
            continue
        listed = _entries(cid, links, entry, get)
        seen += len(listed)
        if seen > ENTRIES_MAX or depth == PATH_DEPTH_MAX:
            raise Malformed(f"{root} is too large a tree of directories")
        below = [(f"{path}/{item.name}" if path else item.name, item.cid, depth + 1) for item in listed]
        pending.extend(reversed(below))
