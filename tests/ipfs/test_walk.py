"""Reading a file's DAG: what others made is read, and what was made to hurt is refused in time."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.profiles import SMALL

from zoo.errors import EaiError, IntegrityError, Malformed, NotThere, SizeMismatch
from zoo.ipfs import builder, dagpb, unixfs, walk
from zoo.ipfs import cid as cids
from zoo.ipfs.builder import Block
from zoo.ipfs.cid import DAG_PB, IDENTITY, RAW, Cid
from zoo.ipfs.dagpb import Link, Node
from zoo.ipfs.profiles import Profile
from zoo.ipfs.unixfs import Entry, Kind
from zoo.ipfs.walk import Piece, Place, Walk

Export = Callable[[Cid, walk.Get], dict[str, bytes]]
TIB = 1 << 40


def stored(data: bytes, profile: Profile) -> tuple[Cid, dict[Cid, bytes]]:
    def read(offset: int, length: int) -> bytes:
        return data[offset : offset + length]

    dag = builder.build(read, len(data), profile, jobs=1)
    blocks = {
        item.cid: item.data if isinstance(item, Block) else dag.cut(item, read) for item in dag.blocks()
    }
    return dag.root, blocks


def put(blocks: dict[Cid, bytes], block: bytes, codec: int = DAG_PB) -> Cid:
    cid = cids.of(block, codec)
    blocks[cid] = block
    return cid


def inner(children: list[tuple[Cid, int]], data: bytes = b"", kind: Kind = Kind.FILE) -> bytes:
    sizes = tuple(size for _, size in children)
    entry = Entry(kind=kind, data=data, size=len(data) + sum(sizes), blocksizes=sizes)
    return dagpb.encode(Node(tuple(Link(cid, b"", 0) for cid, _ in children), unixfs.encode(entry)))


def whole(root: Cid, blocks: dict[Cid, bytes], size: int | None = None) -> bytes:
    return b"".join(walk.read(Walk(root, size=size, max_size=TIB), blocks.__getitem__))


@given(st.binary(max_size=200), SMALL)
def test_a_file_is_read_as_it_was_built(data: bytes, profile: Profile) -> None:
    root, blocks = stored(data, profile)
    assert whole(root, blocks) == data
    assert whole(root, blocks, len(data)) == data


@given(st.binary(max_size=200), SMALL, st.randoms(use_true_random=False))
def test_blocks_may_come_in_any_order(data: bytes, profile: Profile, chance: random.Random) -> None:
    root, blocks = stored(data, profile)
    reading = Walk(root, size=len(data), max_size=0)
    out = bytearray(len(data))
    places = [reading.root]
    while places:
        place = places.pop(chance.randrange(len(places)))
        opened = reading.open(place, blocks[place.cid])
        for piece in opened.pieces:
            out[piece.offset : piece.offset + len(piece.data)] = piece.data
        places += opened.places
    assert out == data


@given(st.binary(min_size=1, max_size=200), SMALL)
def test_a_plan_names_every_leaf_and_fetches_none(data: bytes, profile: Profile) -> None:
    root, blocks = stored(data, profile)
    nodes = {cid: block for cid, block in blocks.items() if cid.codec == DAG_PB}
    planned = walk.leaves(Walk(root, size=len(data), max_size=0), nodes.__getitem__)
    ends = 0
    for item in planned:
        assert item.offset == ends
        ends += len(item.data) if isinstance(item, Piece) else item.size or 0
    assert ends == len(data)


@given(st.binary(min_size=1, max_size=100), SMALL, st.data())
def test_a_flipped_byte_is_found(data: bytes, profile: Profile, chance: st.DataObject) -> None:
    root, blocks = stored(data, profile)
    victim = chance.draw(st.sampled_from(sorted(blocks, key=bytes)))
    block = bytearray(blocks[victim])
    block[chance.draw(st.integers(0, len(block) - 1))] ^= chance.draw(st.integers(1, 255))
    blocks[victim] = bytes(block)
    with pytest.raises(IntegrityError):
        whole(root, blocks)


def test_a_dag_that_was_made_to_hurt_behaves_as_its_vector_says(
    adversarial_vector: dict[str, Any], export: Export
) -> None:
    blocks = {cids.parse(name): bytes.fromhex(text) for name, text in adversarial_vector["blocks"].items()}
    root = cids.parse(adversarial_vector["root"])
    expected = adversarial_vector["expect"]
    if expected == "reject":
        with pytest.raises(EaiError):
            export(root, blocks.__getitem__)
    else:
        assert export(root, blocks.__getitem__) == {
            "": bytes.fromhex(expected.removeprefix("accept: bytes "))
        }


def test_another_size_than_the_lock_says_is_refused_at_the_root() -> None:
    root, blocks = stored(b"0123456789", Profile(name="x", chunk=4, width=2, version=1, raw=True))
    with pytest.raises(SizeMismatch, match="10 bytes, and should have 11"):
        whole(root, {root: blocks[root]}, 11)
    raw = cids.of(b"abc", RAW)
    with pytest.raises(SizeMismatch):
        whole(raw, {raw: b"abc"}, 4)


def test_a_file_over_the_users_limit_is_refused_at_the_root() -> None:
    root, blocks = stored(b"0123456789", Profile(name="x", chunk=4, width=2, version=1, raw=True))
    with pytest.raises(Malformed, match="9 is the most"):
        list(walk.read(Walk(root, size=None, max_size=9), blocks.__getitem__))


def test_eleven_blocks_that_say_they_are_a_tebibyte_are_refused_soon() -> None:
    blocks: dict[Cid, bytes] = {}
    cid, size = put(blocks, b"a", RAW), 1
    for _ in range(10):
        cid, size = put(blocks, inner([(cid, size)] * 16)), size * 16
    assert size == TIB
    fetched = 0

    def get(wanted: Cid) -> bytes:
        nonlocal fetched
        fetched += 1
        return blocks[wanted]

    with pytest.raises(Malformed, match="far more blocks than bytes"):
        for _ in walk.read(Walk(cid, size=None, max_size=TIB), get):
            pass
    assert fetched < 20_000


def test_a_chain_that_is_too_deep_is_refused() -> None:
    blocks: dict[Cid, bytes] = {}
    cid = put(blocks, b"a", RAW)
    for _ in range(walk.DEPTH_MAX):
        cid = put(blocks, inner([(cid, 1)]))
    assert whole(cid, blocks) == b"a"
    with pytest.raises(Malformed, match="64 levels"):
        whole(put(blocks, inner([(cid, 1)])), blocks)


def test_a_leaf_that_no_block_can_hold_is_refused_before_it_is_fetched() -> None:
    blocks: dict[Cid, bytes] = {}
    root = put(blocks, inner([(cids.of(b"x", RAW), dagpb.BLOCK_MAX + 1)]))
    with pytest.raises(Malformed, match="more than 2097152"):
        list(walk.leaves(Walk(root, size=None, max_size=TIB), blocks.__getitem__))


def test_a_block_over_two_mebibytes_is_refused_before_it_is_hashed() -> None:
    raw = cids.of(bytes(dagpb.BLOCK_MAX + 1), RAW)
    with pytest.raises(Malformed, match="larger than"):
        Walk(raw, size=None, max_size=TIB).open(Place(raw, 0, None), bytes(dagpb.BLOCK_MAX + 1))


def test_a_trickle_tree_with_bytes_in_its_nodes_is_read() -> None:
    blocks: dict[Cid, bytes] = {}
    low = put(blocks, inner([(put(blocks, b"c", RAW), 1)], b"ab", Kind.RAW))
    root = put(blocks, inner([(low, 3), (put(blocks, b"ef", RAW), 2)], b"z"))
    assert whole(root, blocks) == b"zabcef"


def test_bytes_inside_a_cid_are_read_in_their_place() -> None:
    blocks: dict[Cid, bytes] = {}
    wrapped = Cid(1, DAG_PB, IDENTITY, unixfs.file_leaf(b"de"))
    children = [(put(blocks, b"ab", RAW), 2), (Cid(1, RAW, IDENTITY, b"c"), 1), (wrapped, 2)]
    assert whole(put(blocks, inner(children)), blocks) == b"abcde"


@pytest.mark.parametrize(
    "child",
    [
        (Cid(1, RAW, IDENTITY, b"c"), 2),
        (Cid(1, DAG_PB, IDENTITY, unixfs.file_leaf(b"c")), 2),
        (Cid(1, DAG_PB, IDENTITY, inner([(Cid(1, RAW, IDENTITY, b"c"), 1)])), 1),
        (Cid(1, DAG_PB, IDENTITY, b"nonsense"), 1),
    ],
)
def test_bytes_inside_a_cid_that_do_not_fit_are_refused(child: tuple[Cid, int]) -> None:
    blocks: dict[Cid, bytes] = {}
    with pytest.raises(Malformed):
        whole(put(blocks, inner([child])), blocks)


def test_a_root_that_holds_its_own_bytes_is_refused() -> None:
    with pytest.raises(Malformed, match="nothing to fetch"):
        Walk(cids.parse("bafkqaaa"), size=None, max_size=1)


def test_a_directory_is_no_file() -> None:
    blocks: dict[Cid, bytes] = {}
    root = put(blocks, dagpb.encode(Node((), unixfs.encode(Entry(kind=Kind.DIRECTORY)))))
    with pytest.raises(Malformed, match="directory stands where a file should"):
        whole(root, blocks)


def test_what_a_getter_raises_is_left_alone() -> None:
    def get(cid: Cid) -> bytes:
        raise NotThere("no such block")

    with pytest.raises(NotThere):
        list(walk.read(Walk(cids.of(b"x", RAW), size=None, max_size=1), get))


@given(st.binary(max_size=100), st.lists(st.tuples(st.binary(max_size=3), st.integers(0, 4)), max_size=4))
def test_any_node_is_read_or_one_of_our_errors(data: bytes, children: list[tuple[bytes, int]]) -> None:
    blocks: dict[Cid, bytes] = {}
    links = [(put(blocks, leaf, RAW), size) for leaf, size in children]
    right = data[:5] + b"".join(leaf for leaf, _ in children)
    for block, expected in ((data, None), (inner(links, data[:5]), right)):
        try:
            read = whole(put(blocks, block), blocks)
        except EaiError:
            continue
        assert expected in {None, read}
