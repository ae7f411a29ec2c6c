"""From a CAR to a file: any order, equal blocks once or often, lies found, and what is missing named."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import EaiError, IntegrityError, Interrupted, Malformed, SizeMismatch
from zoo.ipfs import builder, carheader, dagpb, unixfs
from zoo.ipfs import cid as cids
from zoo.ipfs.builder import Block, Dag
from zoo.ipfs.cid import DAG_PB, RAW, Cid
from zoo.ipfs.dagpb import Link, Node
from zoo.ipfs.profiles import Profile
from zoo.ipfs.receive import Receiver
from zoo.ipfs.unixfs import Entry, Kind
from zoo.ipfs.walk import Walk
from zoo.ipfs.wire import varint

RAW_LEAVES = Profile(name="r", chunk=4, width=3, version=1, raw=True)
NODE_LEAVES = Profile(name="n", chunk=4, width=3, version=0, raw=False)


def dag_of(data: bytes, profile: Profile) -> tuple[Dag, list[Block]]:
    def read(offset: int, length: int) -> bytes:
        return data[offset : offset + length]

    dag = builder.build(read, len(data), profile, jobs=1)
    blocks = [
        item if isinstance(item, Block) else Block(item.cid, dag.cut(item, read)) for item in dag.blocks()
    ]
    return dag, blocks


def stream(root: Cid, blocks: list[Block]) -> bytes:
    sections = [
        varint(len(bytes(block.cid)) + len(block.data)) + bytes(block.cid) + block.data for block in blocks
    ]
    return carheader.encode((root,)) + b"".join(sections)


def distinct(blocks: list[Block]) -> list[Block]:
    return list(dict.fromkeys(blocks))


def receiver(root: Cid, size: int | None, out: bytearray, **options: int) -> Receiver:
    def write(offset: int, data: bytes) -> None:
        if len(out) < offset + len(data):
            out.extend(bytes(offset + len(data) - len(out)))
        out[offset : offset + len(data)] = data

    return Receiver(
        Walk(root, size=size, max_size=1 << 30),
        write,
        lambda offset, length: bytes(out[offset : offset + length]),
        **options,
    )


# Few letters, so that equal leaves and equal nodes are common.
repetitive = st.lists(st.sampled_from([b"aaaa", b"bbbb", b"c"]), max_size=40).map(b"".join)
profiles = st.sampled_from([RAW_LEAVES, NODE_LEAVES])


@given(
    repetitive,
    profiles,
    st.randoms(use_true_random=False),
    st.sampled_from([distinct, list]),
    st.integers(1, 500),
)
def test_a_file_is_filled_whatever_the_order(
    data: bytes,
    profile: Profile,
    chance: random.Random,
    sent_as: Callable[[list[Block]], list[Block]],
    piece: int,
) -> None:
    dag, blocks = dag_of(data, profile)
    blocks = sent_as(blocks)
    chance.shuffle(blocks)
    sent = stream(dag.root, blocks)
    out = bytearray()
    taking = receiver(dag.root, len(data), out)
    for at in range(0, len(sent), piece):
        taking.feed(sent[at : at + piece])
    taking.finish()
    assert taking.complete
    assert out == data


@given(repetitive, profiles)
def test_a_file_in_first_seen_order_needs_no_spool(data: bytes, profile: Profile) -> None:
    dag, blocks = dag_of(data, profile)
    out = bytearray()
    taking = receiver(dag.root, len(data), out, spool_max=0)
    taking.feed(stream(dag.root, distinct(blocks)))
    taking.finish()
    assert out == data


@given(repetitive.filter(len), profiles, st.data())
def test_what_is_missing_is_named_and_can_be_given_singly(
    data: bytes, profile: Profile, chance: st.DataObject
) -> None:
    dag, blocks = dag_of(data, profile)
    every = {block.cid: block.data for block in blocks}
    lost = chance.draw(st.sets(st.sampled_from(blocks), min_size=1))
    out = bytearray()
    taking = receiver(dag.root, len(data), out)
    taking.feed(stream(dag.root, [block for block in distinct(blocks) if block not in lost]))
    with pytest.raises(Interrupted, match="missing"):
        taking.finish()
    while places := taking.missing():
        assert places[0].cid in {block.cid for block in lost}
        taking.take(places[0].cid, every[places[0].cid])
    taking.finish()
    assert out == data


def test_a_second_car_goes_on_where_the_first_was_cut() -> None:
    data = bytes(range(200))
    dag, blocks = dag_of(data, RAW_LEAVES)
    sent = stream(dag.root, blocks)
    out = bytearray()
    taking = receiver(dag.root, len(data), out)
    taking.feed(sent[: len(sent) // 2])
    assert not taking.complete
    taking.again()
    taking.feed(sent)
    taking.finish()
    assert out == data


def test_blocks_that_do_not_fit_the_spool_are_missing_and_no_more() -> None:
    data = bytes(range(200))
    dag, blocks = dag_of(data, RAW_LEAVES)
    taking = receiver(dag.root, len(data), bytearray(), spool_max=10)
    taking.feed(stream(dag.root, blocks[::-1]))
    with pytest.raises(Interrupted):
        taking.finish()
    assert taking.missing()


def test_blocks_that_nobody_asked_for_are_passed_over() -> None:
    data = b"wanted bytes"
    dag, blocks = dag_of(data, RAW_LEAVES)
    other = Block(cids.of(b"unwanted", RAW), b"unwanted")
    out = bytearray()
    taking = receiver(dag.root, len(data), out)
    taking.feed(stream(dag.root, [other, *blocks, other]))
    taking.finish()
    assert out == data


def test_a_wrong_block_is_found_and_the_rest_can_still_come() -> None:
    data = b"0123456789"
    dag, blocks = dag_of(data, RAW_LEAVES)
    wrong = [*blocks[:-1], Block(blocks[-1].cid, b"lie")]
    out = bytearray()
    taking = receiver(dag.root, len(data), out)
    with pytest.raises(IntegrityError):
        taking.feed(stream(dag.root, wrong))
    assert [place.cid for place in taking.missing()] == [blocks[-1].cid]
    taking.take(blocks[-1].cid, blocks[-1].data)
    assert out == data


def test_another_file_than_the_lock_says_is_refused() -> None:
    dag, blocks = dag_of(b"0123456789", RAW_LEAVES)
    taking = receiver(dag.root, 11, bytearray())
    with pytest.raises(SizeMismatch):
        taking.feed(stream(dag.root, blocks))


def test_an_endless_car_is_refused() -> None:
    data = b"0123456789"
    dag, blocks = dag_of(data, RAW_LEAVES)
    junk = [Block(cids.of(bytes((index,)) * 100_000, RAW), bytes((index,)) * 100_000) for index in range(12)]
    taking = receiver(dag.root, len(data), bytearray())
    with pytest.raises(Malformed, match="more than"):
        taking.feed(stream(dag.root, [*junk, *blocks[:-1]]))


def test_what_comes_after_the_file_is_complete_is_not_even_read() -> None:
    dag, blocks = dag_of(b"0123456789", RAW_LEAVES)
    out = bytearray()
    taking = receiver(dag.root, 10, out)
    taking.feed(stream(dag.root, blocks) + b"an error text of the gateway")
    taking.feed(b"and more")
    taking.finish()
    assert out == b"0123456789"


@pytest.mark.parametrize("data", [b"abcd", b"abcdefg"])
def test_an_equal_block_under_another_size_is_refused(data: bytes) -> None:
    low_dag, low = dag_of(data, RAW_LEAVES)
    root_block = _node((low_dag.root, len(data)), (low_dag.root, 5))
    root = cids.of(root_block, DAG_PB)
    taking = receiver(root, None, bytearray())
    with pytest.raises(Malformed):
        taking.feed(stream(root, [Block(root, root_block), *low]))


def test_a_known_leaf_under_another_size_further_down_is_refused() -> None:
    leaf = Block(cids.of(b"abcd", RAW), b"abcd")
    low = _node((leaf.cid, 5))
    low_cid = cids.of(low, DAG_PB)
    root_block = _node((leaf.cid, 4), (low_cid, 5))
    root = cids.of(root_block, DAG_PB)
    taking = receiver(root, None, bytearray())
    with pytest.raises(Malformed, match="holds 4 bytes; its parent says 5"):
        taking.feed(stream(root, [Block(root, root_block), leaf, Block(low_cid, low)]))


def _node(*children: tuple[Cid, int]) -> bytes:
    sizes = tuple(size for _, size in children)
    links = tuple(Link(cid, b"", 0) for cid, _ in children)
    return dagpb.encode(Node(links, unixfs.encode(Entry(kind=Kind.FILE, size=sum(sizes), blocksizes=sizes))))


@given(repetitive.filter(len), profiles, st.data())
def test_a_damaged_car_gives_the_right_file_or_one_of_our_errors(
    data: bytes, profile: Profile, chance: st.DataObject
) -> None:
    dag, blocks = dag_of(data, profile)
    sent = bytearray(stream(dag.root, distinct(blocks)))
    sent[chance.draw(st.integers(0, len(sent) - 1))] ^= chance.draw(st.integers(1, 255))
    out = bytearray()
    taking = receiver(dag.root, len(data), out)
    try:
        taking.feed(bytes(sent))
        taking.finish()
    except EaiError:
        assert not taking.complete
    else:
        assert out == data
