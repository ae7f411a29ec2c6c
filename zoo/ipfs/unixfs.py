"""UnixFS: what a dag-pb node says of a file or a directory, decoded strictly and encoded canonically.

Spec: ipfs/specs, unixfs.md. Mode and modification time are recognised, and not used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

from zoo.errors import Malformed
from zoo.ipfs import dagpb
from zoo.ipfs.cid import Cid
from zoo.ipfs.dagpb import Link, Node
from zoo.ipfs.wire import as_bytes, as_int, delimited, fields, read_varint, varint


class Kind(IntEnum):
    """What a node is. `RAW` is an old form of a file's leaf, `METADATA` was never used."""

    RAW = 0
    DIRECTORY = 1
    FILE = 2
    METADATA = 3
    SYMLINK = 4
    SHARD = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The UnixFS message in a node's data.

    Attributes:
        data: The file's own bytes in this node; a symlink's target; a shard's bit field.
        size: Bytes of file in and below this node.
        blocksizes: Bytes of file below each link.
        hash_type: The hash of a shard's names; only murmur3 (0x22) exists.
        fanout: The buckets of a shard.
    """

    kind: Kind
    data: bytes = b""
    size: int | None = None
    blocksizes: tuple[int, ...] = ()
    hash_type: int | None = None
    fanout: int | None = None


def encode(entry: Entry) -> bytes:
    """Write the message as Kubo does: fields in order, block sizes not packed, no empty data."""
    parts = [b"\x08", varint(entry.kind)]
    if entry.data:
        parts.append(delimited(0x12, entry.data))
    if entry.size is not None:
        parts += (b"\x18", varint(entry.size))
    parts += (b"\x20" + varint(size) for size in entry.blocksizes)
    if entry.hash_type is not None:
        parts += (b"\x28", varint(entry.hash_type))
    if entry.fanout is not None:
        parts += (b"\x30", varint(entry.fanout))
    return b"".join(parts)


@dataclass(slots=True)
class _Draft:
    """The message as far as it is read."""

    seen: set[int] = field(default_factory=set)
    kind: int = -1
    data: bytes = b""
    size: int | None = None
    blocksizes: list[int] = field(default_factory=list)
    hash_type: int | None = None
    fanout: int | None = None


def _kind(draft: _Draft, value: int | bytes) -> None:
    draft.kind = as_int(value, "UnixFS Type")


def _data(draft: _Draft, value: int | bytes) -> None:
    draft.data = as_bytes(value, "UnixFS Data")


def _size(draft: _Draft, value: int | bytes) -> None:
    draft.size = as_int(value, "UnixFS filesize")


def _blocksizes(draft: _Draft, value: int | bytes) -> None:
    if isinstance(value, int):
        draft.blocksizes.append(value)
        return
    at = 0
    while at < len(value):
        size, at = read_varint(value, at)
        draft.blocksizes.append(size)


def _hash_type(draft: _Draft, value: int | bytes) -> None:
    draft.hash_type = as_int(value, "UnixFS hashType")


def _fanout(draft: _Draft, value: int | bytes) -> None:
    draft.fanout = as_int(value, "UnixFS fanout")


def _mode(_: _Draft, value: int | bytes) -> None:
    as_int(value, "UnixFS mode")


def _mtime(_: _Draft, value: int | bytes) -> None:
    as_bytes(value, "UnixFS mtime")


_BLOCKSIZES = 4
_READERS: dict[int, Callable[[_Draft, int | bytes], None]] = {
    1: _kind,
    2: _data,
    3: _size,
    _BLOCKSIZES: _blocksizes,
    5: _hash_type,
    6: _fanout,
    7: _mode,
    8: _mtime,
}


def decode(data: bytes) -> Entry:
    """Read the message in a node's data.

    Raises:
        Malformed: It has no type or an unknown one, an unknown or repeated field, or a cut one.
    """
    draft = _Draft()
    for number, _, value in fields(data):
        if number not in _READERS or (number in draft.seen and number != _BLOCKSIZES):
            raise Malformed(f"UnixFS field {number} is unknown, or there twice")
        draft.seen.add(number)
        _READERS[number](draft, value)
    if draft.kind not in set(Kind):
        raise Malformed("a node has no UnixFS type" if draft.kind < 0 else f"UnixFS type {draft.kind}")
    return Entry(
        kind=Kind(draft.kind),
        data=draft.data,
        size=draft.size,
        blocksizes=tuple(draft.blocksizes),
        hash_type=draft.hash_type,
        fanout=draft.fanout,
    )


def decode_node(block: bytes) -> tuple[tuple[Link, ...], Entry]:
    """Read a dag-pb block that is UnixFS: its links and its message.

    Raises:
        Malformed: It is no such block.
    """
    node = dagpb.decode(block)
    if node.data is None:
        raise Malformed("a node has no data, so it is no file and no directory")
    return node.links, decode(node.data)


def file_node(children: list[tuple[Cid, int, int]]) -> bytes:
    """Encode an inner node of a file from (CID, bytes of file, bytes of blocks) of its children."""
    links = tuple(Link(cid, b"", tsize) for cid, _, tsize in children)
    sizes = tuple(size for _, size, _ in children)
    return dagpb.encode(Node(links, encode(Entry(kind=Kind.FILE, size=sum(sizes), blocksizes=sizes))))


def file_leaf(data: bytes) -> bytes:
    """Encode a leaf of a file as dag-pb, as the oldest profile does."""
    return dagpb.encode(Node((), encode(Entry(kind=Kind.FILE, data=data, size=len(data)))))


def file_leaf_size(size: int) -> int:
    """Say how many bytes `file_leaf` makes of so many."""
    around = 2 + 1 + len(varint(size)) + (1 + len(varint(size)) if size else 0)
    return 1 + len(varint(around + size)) + around + size


def check_file(links: tuple[Link, ...], entry: Entry, expected: int | None) -> int:
    """See that a node is a part of a file whose sizes add up; give its bytes of file.

    Args:
        links: Of the node.
        entry: Its message.
        expected: What its parent, or the lock, says it holds; None where nobody does.

    Raises:
        Malformed: It is no file, or a size is a lie.
    """
    if entry.kind not in {Kind.FILE, Kind.RAW}:
        raise Malformed(f"a {entry.kind.name.lower()} stands where a file should be")
    if len(links) != len(entry.blocksizes):
        raise Malformed(f"a file's node has {len(links)} links and {len(entry.blocksizes)} sizes")
    if any(link.name for link in links):
        raise Malformed("a link inside a file has a name")
    size = len(entry.data) + sum(entry.blocksizes)
    stated = entry.size or 0
    if size != stated or (expected is not None and size != expected):
        says = stated if expected is None else expected
        raise Malformed(f"a part of a file holds {size} bytes, and should hold {says}")
    if links and not size:
        raise Malformed("a part of a file holds no bytes, and has links")
    return size
