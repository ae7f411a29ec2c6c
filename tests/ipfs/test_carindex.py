"""What lies where in a CAR: whatever the order, and whatever is wrong with it, as far as it goes."""

from __future__ import annotations

import base64
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import SourceError
from zoo.ipfs import car, carheader
from zoo.ipfs import cid as cids
from zoo.ipfs.builder import Block, Reader
from zoo.ipfs.carindex import CarIndex, index
from zoo.ipfs.cid import DAG_PB, RAW, SHA2_256, Cid
from zoo.ipfs.wire import varint

HEADER = carheader.encode((cids.of(b"", RAW),))
BLOCKS = [Block(cids.of(data, RAW), data) for data in (b"one", b"", b"three" * 30, b"four")]


def over(data: bytes) -> Reader:
    return lambda offset, length: data[offset : offset + length]


def indexed(data: bytes) -> CarIndex:
    return index(over(data), len(data))


def section(name: bytes, data: bytes) -> bytes:
    return varint(len(name) + len(data)) + name + data


def sections(blocks: list[Block]) -> bytes:
    return b"".join(section(bytes(block.cid), block.data) for block in blocks)


def found(data: bytes, cid: Cid) -> bytes | None:
    span = indexed(data).find(cid)
    return None if span is None else data[span.offset : span.offset + span.size]


def test_every_block_is_found_that_another_tool_wrote(cars_vector: dict[str, Any]) -> None:
    data = base64.b64decode(cars_vector["car_base64"])
    blocks = list(car.blocks([data]))
    assert len(blocks) == cars_vector["blocks"]
    assert [found(data, block.cid) for block in blocks] == [block.data for block in blocks]
    assert indexed(data).damage is None


@given(st.lists(st.sampled_from(BLOCKS)), st.randoms(use_true_random=False))
def test_the_order_makes_no_difference_nor_do_equal_blocks(
    blocks: list[Block], chance: random.Random
) -> None:
    chance.shuffle(blocks)
    data = HEADER + sections(blocks)
    assert all(found(data, block.cid) == block.data for block in blocks)
    assert len(indexed(data).spans) == len(set(blocks))


def test_a_block_is_found_under_each_of_its_names() -> None:
    old = cids.of(b"node", DAG_PB, version=0)
    for cid in (old, Cid(1, DAG_PB, SHA2_256, old.digest), Cid(1, RAW, SHA2_256, old.digest)):
        assert found(HEADER + sections([Block(old, b"node")]), cid) == b"node"
    assert found(HEADER + sections([Block(old, b"node")]), cids.of(b"other", DAG_PB)) is None


def test_blocks_that_are_of_no_use_to_files_are_passed_over() -> None:
    foreign = section(b"\x01\x71\x12\x20" + bytes(32), b"dag-cbor") + section(b"junk", b"")
    large = section(b"\x01\x71\x12\x20" + bytes(32), bytes(3 << 20))
    data = HEADER + foreign + large + sections(BLOCKS)
    assert indexed(data).damage is None
    assert all(found(data, block.cid) == block.data for block in BLOCKS)


@pytest.mark.parametrize("cut", range(len(HEADER), len(HEADER + sections(BLOCKS))))
def test_of_a_cut_car_all_that_is_whole_is_found(cut: int) -> None:
    data = (HEADER + sections(BLOCKS))[:cut]
    ends = [len(HEADER + sections(BLOCKS[: count + 1])) for count in range(len(BLOCKS))]
    whole = [block for block, end in zip(BLOCKS, ends, strict=True) if end <= cut]
    assert all(found(data, block.cid) == block.data for block in whole)
    assert len(indexed(data).spans) == len(whole)
    begins = [len(HEADER), *ends]
    assert (indexed(data).damage is None) == (cut in begins)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "at byte 0, a varint does not end"),
        (b"GGUF and more", "at byte 0, 71 bytes should follow, and 12 are left"),
        (varint(2 << 20) + bytes(2 << 20), "does not begin as a CAR"),
        (b"\x0a\xa1\x67version\x02" + bytes(60), "version 2; only 1"),
        (HEADER + b"\x00", f"at byte {len(HEADER)}, 0 bytes should follow"),
        (HEADER + b"\xff" * 20, f"at byte {len(HEADER)}, a varint does not end"),
        (HEADER + varint(1 << 62), f"at byte {len(HEADER)}, 4,611,686,018,427,387,904 bytes should follow"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(data: bytes, why: str) -> None:
    damage = indexed(data).damage
    assert damage is not None
    assert why in damage


def test_no_more_blocks_are_noted_than_there_may_be() -> None:
    data = HEADER + sections(BLOCKS)
    assert index(over(data), len(data), most=4).damage is None
    assert index(over(data), len(data), most=3).damage == "it has more than 3 blocks"


def test_a_disk_that_cannot_be_read_on_is_a_damage() -> None:
    data = HEADER + sections(BLOCKS)

    def read(offset: int, length: int) -> bytes:
        if offset > len(HEADER):
            raise SourceError("Input/output error")
        return data[offset : offset + length]

    got = index(read, len(data))
    assert (len(got.spans), got.damage) == (1, "Input/output error")


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_have_an_index(data: bytes, behind: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    for span in indexed(HEADER + data if behind else data).spans.values():
        assert 0 <= span.size <= len(data)
