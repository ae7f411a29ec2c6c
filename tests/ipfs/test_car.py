"""CARs: written with a length known before, read as they come, and never believed."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import EaiError, IntegrityError, Interrupted, Malformed, SourceChanged
from zoo.ipfs import builder, car, carheader, directory, walk
from zoo.ipfs import cid as cids
from zoo.ipfs.builder import Block, Reader
from zoo.ipfs.car import Car, Sections
from zoo.ipfs.cid import RAW, Cid
from zoo.ipfs.profiles import UNIXFS_V0_2015, Profile
from zoo.ipfs.wire import varint

TINY = Profile(name="tiny", chunk=4, width=2, version=1, raw=True)
SMALL = Profile(name="small", chunk=64, width=3, version=1, raw=True)
Export = Callable[[Cid, walk.Get], dict[str, bytes]]


def over(data: bytes) -> Reader:
    return lambda offset, length: data[offset : offset + length]


def packed(data: bytes, profile: Profile = TINY) -> Car:
    dag = builder.build(over(data), len(data), profile, jobs=1)
    return Car((dag.root,), ((dag, over(data)),))


def section(name: bytes, data: bytes) -> bytes:
    return varint(len(name) + len(data)) + name + data


def in_pieces(data: bytes, size: int) -> Iterable[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def test_a_car_that_another_tool_wrote_is_read(
    cars_vector: dict[str, Any], export: Export, shake: bytes
) -> None:
    data = base64.b64decode(cars_vector["car_base64"])
    sections = Sections()
    blocks = {block.cid: block.data for block in sections.feed(data)}
    sections.finish()
    root = cids.parse(cars_vector["root"])
    assert sections.roots == (root,)
    assert len(blocks) == cars_vector["blocks"]
    files = export(root, blocks.__getitem__)
    expected = _expected(sorted(files), shake)
    assert files == expected
    assert len(files) == {"v1-hamt-dir-60-files-fanout256": 60, "v1-hamt-dir-40-files-fanout8": 40}.get(
        cars_vector["name"], len(expected)
    )


def _expected(paths: list[str], shake: bytes) -> dict[str, bytes]:
    if paths == [""]:
        return {"": shake[:4000]}
    if paths == ["a", "b"]:
        return {"a": shake[:1], "b": shake[:2]}
    return {
        path: hashlib.shake_128(path.removesuffix(".bin").encode()).digest(3)
        for path in sorted(f"f{index}.bin" for index in range(len(paths)))
    }


@pytest.mark.parametrize(
    ("name", "profile"),
    [
        ("v1-rawleaves-chunk64-width3-4000B", replace(SMALL, version=1, raw=True)),
        ("v0-dagpb-leaves-chunk64-width3-4000B", replace(SMALL, version=0, raw=False)),
    ],
)
def test_a_car_is_written_byte_for_byte_as_another_tool_does(
    name: str, profile: Profile, shake: bytes, vectors: dict[str, Any]
) -> None:
    expected = next(case for case in vectors["cars"] if case["name"] == name)
    assert b"".join(packed(shake[:4000], profile).chunks()) == base64.b64decode(expected["car_base64"])


@given(st.binary(max_size=100), st.sampled_from([TINY, replace(TINY, raw=False)]), st.integers(1, 50))
def test_the_length_is_known_and_the_blocks_come_back(data: bytes, profile: Profile, piece: int) -> None:
    made = packed(data, profile)
    out = b"".join(made.chunks())
    assert len(out) == made.size()
    blocks = {block.cid: block.data for block in car.blocks(in_pieces(out, piece))}
    assert b"".join(walk.read(walk.Walk(made.roots[0], size=None, max_size=200), blocks.__getitem__)) == data


def test_equal_blocks_are_written_once() -> None:
    made = packed(b"abcd" * 1000)
    blocks = list(car.blocks(made.chunks()))
    assert len(blocks) == len({block.cid for block in blocks}) < 30


def test_a_directory_and_its_files_go_in_one_car(export: Export) -> None:
    one, two = packed(b"hello"), packed(bytes(range(200)), UNIXFS_V0_2015)
    entries = [("one", one.roots[0], 0), ("two", two.roots[0], 0)]
    root, block, _ = directory.build(entries)
    made = Car((root,), one.files + two.files, (Block(root, block), Block(root, block)))
    out = b"".join(made.chunks())
    assert len(out) == made.size()
    blocks = {block.cid: block.data for block in car.blocks([out])}
    assert export(root, blocks.__getitem__) == {"one": b"hello", "two": bytes(range(200))}


def test_a_file_that_shrank_is_noticed_while_writing() -> None:
    data = bytes(range(100))
    dag = builder.build(over(data), 100, TINY)
    with pytest.raises(SourceChanged):
        list(Car((dag.root,), ((dag, over(data[:10])),)).chunks())


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_any_bytes_are_blocks_or_one_of_our_errors(chunks: list[bytes]) -> None:
    for start in (b"", carheader.encode((cids.of(b"x", RAW),))):
        try:
            list(car.blocks([start, *chunks]))
        except (Malformed, Interrupted, IntegrityError):
            continue


@given(st.binary(max_size=80))
def test_any_bytes_are_a_header_or_malformed(body: bytes) -> None:
    try:
        carheader.decode(body)
    except Malformed:
        return


@given(st.integers(0, 5000))
def test_a_cut_car_is_noticed_unless_a_block_ends_there(at: int) -> None:
    out = b"".join(packed(bytes(range(256)) * 8).chunks())
    at %= len(out)
    ends = {0}
    position = len(carheader.encode((cids.of(b"", RAW),)))
    for block in car.blocks([out]):
        ends.add(position)
        size = len(bytes(block.cid)) + len(block.data)
        position += len(varint(size)) + size
    try:
        list(car.blocks([out[:at]]))
    except Interrupted:
        assert at not in ends or at == 0
    else:
        assert at in ends


def test_a_flipped_byte_in_a_block_is_found() -> None:
    out = bytearray(b"".join(packed(b"some bytes").chunks()))
    out[-1] ^= 1
    with pytest.raises(IntegrityError):
        list(car.blocks([bytes(out)]))


HEADER = carheader.encode((cids.of(b"", RAW),))
NAME = bytes(cids.of(b"x", RAW))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x00", "section of 0 bytes"),
        (varint(carheader.HEADER_MAX + 1), "section of 1048577 bytes"),
        (HEADER + varint((2 << 20) + 500), "section of 2097652 bytes"),
        (HEADER + b"\x00", "section of 0 bytes"),
        (HEADER + b"\xff" * 12, "does not end"),
        (HEADER + section(b"\x01\x55\x00\x01x", b""), "holds its own bytes"),
        (HEADER + section(b"\x01\x71\x12\x20" + bytes(32), b""), "dag-cbor"),
        (HEADER + section(NAME[:20], b""), "behind the end"),
        (HEADER + section(NAME, bytes((2 << 20) + 1)), "larger than"),
    ],
)
def test_a_car_that_breaks_a_limit_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        list(car.blocks([data]))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"\xa1\x67version\x02", "version 2"),
        (b"\xa1\x65roots\x80", "version None"),
        (b"\xa1\x67version\x01", "no roots"),
        (b"\xa2\x65roots\x00\x67version\x01", "no roots"),
        (b"\xa2\x65roots\x81\x01\x67version\x01", "no CID"),
        (b"\xa2\x67version\x01\x67version\x01", "twice"),
        (b"\xa2\x65roots\x80\x67version\x01\x00", "does not begin"),
        (b"\x01", "does not begin"),
        (b"\x9f", "without a length"),
        (b"\xa1\x61\xff\x01", "not UTF-8"),
        (b"\xf5", "what no header does"),
        (b"\x81" * 20, "too deep"),
        (b"\x9a\xff\xff\xff\xff", "too long"),
        (b"\x59\xff", "cut"),
        (b"\x45ab", "cut"),
        (b"", "cut"),
    ],
)
def test_a_header_that_is_none_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        carheader.decode(body)


@pytest.mark.parametrize("count", [0, 1, 23, 24, 5000])
def test_a_header_keeps_its_roots(count: int) -> None:
    roots = tuple(cids.of(str(index).encode(), RAW) for index in range(count))
    encoded = carheader.encode(roots)
    sections = Sections()
    assert list(sections.feed(encoded)) == []
    assert sections.roots == roots


def test_a_header_with_one_root_is_the_well_known_one() -> None:
    cid = cids.of(b"x", RAW)
    expected = bytes.fromhex("3aa265") + b"roots" + bytes.fromhex("81d82a582500") + bytes(cid)
    assert carheader.encode((cid,)) == expected + b"\x67version\x01"


def test_an_empty_answer_is_a_cut_car() -> None:
    with pytest.raises(Interrupted) as caught:
        list(car.blocks([]))
    assert isinstance(caught.value, EaiError)
