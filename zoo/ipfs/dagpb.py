"""dag-pb: nodes of links and data, decoded strictly and encoded canonically.

Spec: ipld/specs, codecs/dag-pb. Links are written before the data; both orders are read.
"""

from __future__ import annotations

from dataclasses import dataclass

from zoo.errors import Malformed
from zoo.ipfs import cid as cids
from zoo.ipfs.cid import Cid
from zoo.ipfs.wire import as_bytes, as_int, delimited, fields, varint

BLOCK_MAX = 2 << 20
"""The largest block, in bytes, that is read or made (the limit of bitswap and of UnixFS)."""
LINKS_MAX = 65_536

_DATA, _LINKS = 1, 2
_HASH, _NAME, _SIZE = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Link:
    """A link to another block.

    Attributes:
        name: Empty in files; a file name in directories, as bytes, and not to be trusted.
        size: The bytes of all blocks below, as the writer says; a hint.
    """

    cid: Cid
    name: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Node:
    """A decoded block. `data` is None where the field is absent."""

    links: tuple[Link, ...]
    data: bytes | None


def encode(node: Node) -> bytes:
    """Write a node as Kubo, Helia and ipfs-car do: empty names are written too."""
    parts = [delimited(0x12, _encode_link(link)) for link in node.links]
    if node.data is not None:
        parts.append(delimited(0x0A, node.data))
    return b"".join(parts)


def _encode_link(link: Link) -> bytes:
    return delimited(0x0A, bytes(link.cid)) + delimited(0x12, link.name) + b"\x18" + varint(link.size)


def decode(block: bytes) -> Node:
    """Read a node.

    Raises:
        Malformed: An unknown, repeated or misplaced field, a cut one, a link to nothing that a file is
            made of, or more than a block may hold.
    """
    if len(block) > BLOCK_MAX:
        raise Malformed(f"a block has {len(block)} bytes; {BLOCK_MAX} is the most")
    links: list[Link] = []
    data: bytes | None = None
    before_data: int | None = None
    for number, _, value in fields(block):
        if number == _LINKS:
            links.append(_decode_link(as_bytes(value, "a link")))
        elif number == _DATA and data is None:
            data, before_data = as_bytes(value, "a node's data"), len(links)
        else:
            raise Malformed(f"a node has field {number} where it has no place")
        if len(links) > LINKS_MAX:
            raise Malformed(f"a node has more than {LINKS_MAX} links")
    if before_data and before_data != len(links):
        raise Malformed("a node's links stand on both sides of its data")
    return Node(tuple(links), data)


def _decode_link(buffer: bytes) -> Link:
    target: Cid | None = None
    name, size, last = b"", 0, 0
    for number, _, value in fields(buffer):
        if number <= last:
            raise Malformed(f"a link has field {number} twice, or out of its order")
        last = number
        if number == _HASH:
            target = cids.from_bytes(as_bytes(value, "a link's CID"))
        elif number == _NAME:
            name = as_bytes(value, "a link's name")
        elif number == _SIZE:
            size = as_int(value, "a link's size")
        else:
            raise Malformed(f"a link has field {number}, which no link has")
    if target is None:
        raise Malformed("a link has no CID")
    return Link(target, name, size)
