"""UnixFS: messages that survive, sizes that add up, and no file that is a directory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import Malformed
from zoo.ipfs import cid as cids
from zoo.ipfs import dagpb, unixfs
from zoo.ipfs.cid import DAG_PB, RAW
from zoo.ipfs.dagpb import Link, Node
from zoo.ipfs.unixfs import Entry, Kind

NAMED = cids.of(b"x", RAW)

sizes = st.integers(min_value=0, max_value=(1 << 63) - 1)
entries = st.builds(
    Entry,
    kind=st.sampled_from(Kind),
    data=st.binary(max_size=50),
    size=st.none() | sizes,
    blocksizes=st.lists(sizes, max_size=5).map(tuple),
    hash_type=st.none() | sizes,
    fanout=st.none() | sizes,
)


@given(entries)
def test_a_unixfs_message_survives(entry: Entry) -> None:
    assert unixfs.decode(unixfs.encode(entry)) == entry


@given(st.binary(max_size=300))
def test_any_bytes_are_a_node_or_malformed(data: bytes) -> None:
    for decode in (dagpb.decode, unixfs.decode, unixfs.decode_node):
        try:
            decode(data)
        except Malformed:
            continue


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no UnixFS type"),
        (b"\x08\x06", "type 6"),
        (b"\x08\x02\x08\x02", "field 1"),
        (b"\x08\x02\x18\x01\x18\x01", "field 3"),
        (b"\x08\x02\x4a\x00", "field 9"),
        (b"\x0a\x00", "Type has the wrong"),
        (b"\x08\x02\x1a\x00", "filesize has the wrong"),
        (b"\x08\x02\x10\x00", "Data has the wrong"),
    ],
)
def test_a_unixfs_message_with_a_flaw_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        unixfs.decode(data)


def test_packed_block_sizes_mode_and_time_are_read() -> None:
    packed = b"\x08\x02\x18\x05" + b"\x22\x03\x01\x02\x02" + b"\x38\xa4\x03" + b"\x42\x02\x08\x01"
    entry = unixfs.decode(packed)
    assert (entry.kind, entry.blocksizes, entry.size) == (Kind.FILE, (1, 2, 2), 5)


def test_the_empty_file_of_the_oldest_profile_is_six_bytes() -> None:
    assert unixfs.file_leaf(b"") == bytes.fromhex("0a0408021800")
    assert str(cids.of(unixfs.file_leaf(b""), DAG_PB, version=0)).startswith("QmbFMke1")


@pytest.mark.parametrize("size", [0, 1, 121, 122, 123, 124, 127, 128, 16_379, 16_384, 262_144, 1 << 20])
def test_the_size_of_a_leaf_is_known_without_making_it(size: int) -> None:
    assert unixfs.file_leaf_size(size) == len(unixfs.file_leaf(bytes(size)))


def _node(kind: Kind, *blocksizes: int, size: int | None, data: bytes = b"") -> bytes:
    children = tuple(Link(NAMED, b"", 0) for _ in blocksizes)
    entry = Entry(kind=kind, data=data, size=size, blocksizes=blocksizes)
    return dagpb.encode(Node(children, unixfs.encode(entry)))


@pytest.mark.parametrize(
    ("block", "expected", "why"),
    [
        (_node(Kind.DIRECTORY, size=None), None, "directory stands"),
        (_node(Kind.SYMLINK, size=None, data=b"x"), None, "symlink stands"),
        (_node(Kind.METADATA, size=0), None, "metadata stands"),
        (_node(Kind.FILE, 1, 2, size=4), None, "holds 3 bytes, and should hold 4"),
        (_node(Kind.FILE, 1, 2, size=None), None, "should hold 0"),
        (_node(Kind.FILE, 1, 2, size=3), 5, "should hold 5"),
        (_node(Kind.FILE, 0, 0, size=0), None, "has links"),
    ],
)
def test_a_part_of_a_file_that_does_not_add_up_is_refused(
    block: bytes, expected: int | None, why: str
) -> None:
    found, entry = unixfs.decode_node(block)
    with pytest.raises(Malformed, match=why):
        unixfs.check_file(found, entry, expected)


def test_a_named_link_in_a_file_is_refused() -> None:
    entry = Entry(kind=Kind.FILE, size=1, blocksizes=(1,))
    with pytest.raises(Malformed, match="has a name"):
        unixfs.check_file((Link(NAMED, b"x", 1),), entry, None)


def test_a_node_without_data_is_no_unixfs() -> None:
    with pytest.raises(Malformed, match="no data"):
        unixfs.decode_node(dagpb.encode(Node((), None)))


def test_a_node_has_one_size_for_each_link() -> None:
    with pytest.raises(Malformed, match="0 links and 1 sizes"):
        unixfs.check_file((), Entry(kind=Kind.FILE, size=1, blocksizes=(1,)), None)
