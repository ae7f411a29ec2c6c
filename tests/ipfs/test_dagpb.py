"""dag-pb: one way to write, and nothing hidden in what is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import Malformed
from zoo.ipfs import cid as cids
from zoo.ipfs import dagpb
from zoo.ipfs.cid import DAG_PB, RAW, Cid
from zoo.ipfs.dagpb import Link, Node

NAMED = cids.of(b"x", RAW)
LINK = bytes((0x0A, 36)) + bytes(NAMED)

sizes = st.integers(min_value=0, max_value=(1 << 63) - 1)
links = st.builds(
    Link,
    st.builds(cids.of, st.binary(), st.sampled_from([RAW, DAG_PB])),
    st.binary(max_size=20),
    sizes,
)
nodes = st.builds(Node, st.lists(links, max_size=5).map(tuple), st.none() | st.binary(max_size=50))


@given(nodes)
def test_a_node_survives(node: Node) -> None:
    assert dagpb.decode(dagpb.encode(node)) == node


@given(nodes, st.data())
def test_a_damaged_node_is_another_node_or_malformed(node: Node, data: st.DataObject) -> None:
    block = bytearray(dagpb.encode(node) or b"\x0a\x00")
    at = data.draw(st.integers(0, len(block) - 1))
    block[at] ^= data.draw(st.integers(1, 255))
    try:
        assert dagpb.decode(bytes(block)) != node
    except Malformed:
        return


def _link(*fields: bytes) -> bytes:
    body = b"".join(fields)
    return bytes((0x12, len(body))) + body


@pytest.mark.parametrize(
    ("block", "why"),
    [
        (b"\x0a\x01a\x0a\x01b", "field 1"),
        (b"\x1a\x00", "field 3"),
        (b"\x08\x01", "wrong wire type"),
        (b"\x0d\x00\x00\x00\x00", "wire type 5"),
        (b"\x0a\x05ab", "behind the end"),
        (b"\x0a\x80\x00", "longer than it need be"),
        (b"\x0a" + b"\xff" * 11, "does not end"),
        (b"\x0a" + b"\xff" * 9 + b"\x01", "too large"),
        (_link(b"\x12\x00", b"\x18\x00"), "no CID"),
        (_link(LINK, LINK), "twice"),
        (_link(b"\x12\x00", LINK), "order"),
        (_link(LINK, b"\x12\x00", b"\x12\x00"), "twice"),
        (_link(LINK, b"\x22\x00"), "field 4"),
        (_link(b"\x08\x01"), "wire type"),
        (_link(b"\x0a\x02\x01\x55"), "does not end"),
        (_link(LINK) + b"\x0a\x00" + _link(LINK), "both sides"),
    ],
)
def test_a_node_with_a_flaw_is_refused(block: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        dagpb.decode(block)


def test_a_block_over_two_mebibytes_is_refused() -> None:
    with pytest.raises(Malformed, match="2097152"):
        dagpb.decode(bytes(dagpb.BLOCK_MAX + 1))


def test_data_may_stand_before_the_links() -> None:
    node = Node((Link(NAMED, b"a", 1),), b"data")
    assert dagpb.decode(b"\x0a\x04data" + dagpb.encode(Node(node.links, None))) == node


def test_a_link_may_lack_its_name_and_size() -> None:
    assert dagpb.decode(_link(LINK)).links == (Link(NAMED, b"", 0),)


def test_cids_of_both_versions_are_written_in_links() -> None:
    old = Cid(0, DAG_PB, cids.SHA2_256, bytes(32))
    node = Node((Link(old, b"", 0), Link(NAMED, b"", 0)), None)
    block = dagpb.encode(node)
    assert block[2:4] == b"\x0a\x22"
    assert dagpb.decode(block) == node


def test_a_node_of_too_many_links_is_refused() -> None:
    shortest = _link(b"\x0a\x04\x01\x55\x00\x00")
    assert len(dagpb.decode(shortest * dagpb.LINKS_MAX).links) == dagpb.LINKS_MAX
    with pytest.raises(Malformed, match="more than 65536 links"):
        dagpb.decode(shortest * (dagpb.LINKS_MAX + 1))
