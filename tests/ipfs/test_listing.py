"""Directories of strangers: listed, searched, and refused where a name or a shard is a trap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import EaiError, IntegrityError, Malformed, NotThere
from zoo.ipfs import cid as cids
from zoo.ipfs import dagpb, directory, listing, unixfs
from zoo.ipfs.cid import DAG_PB, IDENTITY, RAW, Cid
from zoo.ipfs.dagpb import Link, Node
from zoo.ipfs.unixfs import Entry, Kind

LEAF = cids.of(b"x", RAW)


def put(blocks: dict[Cid, bytes], block: bytes) -> Cid:
    cid = cids.of(block, DAG_PB)
    blocks[cid] = block
    return cid


def folder(blocks: dict[Cid, bytes], **entries: Cid) -> Cid:
    cid, block, _ = directory.build((name, cid, 1) for name, cid in entries.items())
    blocks[cid] = block
    return cid


def shard(children: dict[int, tuple[str, Cid]], *, fanout: int = 8, hash_type: int = 0x22) -> bytes:
    """Encode a shard from bucket to (name, or nothing for a shard below; CID)."""
    digits = -(-(fanout.bit_length() - 1) // 4)
    field = sum(1 << index for index in children)
    entry = Entry(
        kind=Kind.SHARD,
        data=field.to_bytes((field.bit_length() + 7) // 8, "big"),
        hash_type=hash_type,
        fanout=fanout,
    )
    links = tuple(
        Link(cid, f"{index:0{digits}X}{name}".encode(), 0) for index, (name, cid) in sorted(children.items())
    )
    return dagpb.encode(Node(links, unixfs.encode(entry)))


def listed(blocks: dict[Cid, bytes], cid: Cid) -> list[str]:
    return [item.name for item in listing.entries(cid, blocks.__getitem__)]


def test_a_directory_is_listed_by_name() -> None:
    blocks: dict[Cid, bytes] = {}
    assert listed(blocks, folder(blocks, b=LEAF, a=LEAF, é=LEAF)) == ["a", "b", "é"]


@pytest.mark.parametrize("fanout", [8, 16, 256, 1024])
def test_shards_are_listed_as_one_directory(fanout: int) -> None:
    blocks: dict[Cid, bytes] = {}
    low = put(blocks, shard({1: ("z", LEAF), 5: ("a", LEAF)}, fanout=fanout))
    root = put(blocks, shard({0: ("m", LEAF), 7: ("", low)}, fanout=fanout))
    assert listed(blocks, root) == ["a", "m", "z"]
    assert listing.resolve(root, "z", blocks.__getitem__) == LEAF


@pytest.mark.parametrize("fanout", [0, 1, 4, 12, 2048, 1 << 40])
def test_a_fanout_that_no_directory_has_is_refused(fanout: int) -> None:
    blocks: dict[Cid, bytes] = {}
    entry = Entry(kind=Kind.SHARD, hash_type=0x22, fanout=fanout)
    with pytest.raises(Malformed, match="buckets"):
        listed(blocks, put(blocks, dagpb.encode(Node((), unixfs.encode(entry)))))


def test_shards_of_several_kinds_are_refused() -> None:
    blocks: dict[Cid, bytes] = {}
    wide = put(blocks, shard({1: ("z", LEAF)}, fanout=16))
    with pytest.raises(Malformed, match="not of one kind"):
        listed(blocks, put(blocks, shard({0: ("", wide)})))
    plain = folder(blocks, a=LEAF)
    with pytest.raises(Malformed, match="not of one kind"):
        listed(blocks, put(blocks, shard({0: ("", plain)})))
    with pytest.raises(Malformed, match="not of one kind"):
        listed(blocks, put(blocks, shard({0: ("a", LEAF)}, hash_type=0x12)))


def test_shards_without_end_are_refused() -> None:
    blocks: dict[Cid, bytes] = {}
    cid = put(blocks, shard({0: ("a", LEAF)}))
    for _ in range(22):
        cid = put(blocks, shard({0: ("", cid)}))
    with pytest.raises(Malformed, match="too many shards"):
        listed(blocks, cid)


def test_shards_that_multiply_are_refused_soon() -> None:
    blocks: dict[Cid, bytes] = {}
    cid = put(blocks, shard({index: (f"n{index}", LEAF) for index in range(8)}))
    for _ in range(20):
        cid = put(blocks, shard(dict.fromkeys(range(8), ("", cid))))
    with pytest.raises(Malformed, match="too many shards"):
        listed(blocks, cid)


def test_an_empty_shard_below_is_refused() -> None:
    blocks: dict[Cid, bytes] = {}
    with pytest.raises(Malformed, match="empty shard"):
        listed(blocks, put(blocks, shard({0: ("", put(blocks, shard({})))})))


def test_a_shard_must_agree_with_its_bit_field() -> None:
    blocks: dict[Cid, bytes] = {}
    entry = Entry(kind=Kind.SHARD, data=b"\x01", hash_type=0x22, fanout=8)
    for name in (b"1a", b"xa", b"a", b""):
        block = dagpb.encode(Node((Link(LEAF, name, 0),), unixfs.encode(entry)))
        with pytest.raises(Malformed, match="bit field"):
            listed(blocks, put(blocks, block))
    long = Entry(kind=Kind.SHARD, data=b"\x00\x01", hash_type=0x22, fanout=8)
    with pytest.raises(Malformed, match="longer"):
        listed(blocks, put(blocks, dagpb.encode(Node((Link(LEAF, b"0a", 0),), unixfs.encode(long)))))


def test_one_name_in_two_shards_is_refused() -> None:
    blocks: dict[Cid, bytes] = {}
    low = put(blocks, shard({1: ("A", LEAF)}))
    with pytest.raises(Malformed, match="same name"):
        listed(blocks, put(blocks, shard({0: ("a", LEAF), 7: ("", low)})))


def test_a_path_is_followed() -> None:
    blocks: dict[Cid, bytes] = {}
    root = folder(blocks, models=folder(blocks, deep=LEAF))
    assert listing.resolve(root, "models/deep", blocks.__getitem__) == LEAF
    assert listing.resolve(root, "", blocks.__getitem__) == root


@pytest.mark.parametrize("path", ["nothing", "models/deep/er", "models/..", "."])
def test_what_is_not_there_is_said_with_what_is(path: str) -> None:
    blocks: dict[Cid, bytes] = {}
    root = folder(blocks, models=folder(blocks, deep=LEAF))
    with pytest.raises(NotThere):
        listing.resolve(root, path, blocks.__getitem__)


def test_a_path_of_many_parts_is_refused() -> None:
    with pytest.raises(Malformed, match="17 parts"):
        listing.resolve(LEAF, "a/" * 17, {}.__getitem__)


def test_the_hint_names_what_a_directory_has() -> None:
    blocks: dict[Cid, bytes] = {}
    with pytest.raises(NotThere) as caught:
        listing.resolve(folder(blocks, a=LEAF, b=LEAF), "c", blocks.__getitem__)
    assert caught.value.hint == "it has a, b"


def test_all_files_are_found_with_their_sizes() -> None:
    blocks: dict[Cid, bytes] = {}
    wrapped = put(blocks, unixfs.file_leaf(b"abc"))
    root = folder(blocks, b=folder(blocks, c=wrapped, d=folder(blocks)), a=LEAF)
    found = [(file.path, file.size) for file in listing.files(root, blocks.__getitem__)]
    assert found == [("a", None), ("b/c", 3)]
    assert [file.path for file in listing.files(wrapped, blocks.__getitem__)] == [""]


def test_a_directory_inside_a_cid_is_read() -> None:
    inline = Cid(1, DAG_PB, IDENTITY, dagpb.encode(Node((), unixfs.encode(Entry(kind=Kind.DIRECTORY)))))
    assert list(listing.files(inline, {}.__getitem__)) == []


def test_a_wrong_block_is_not_listed() -> None:
    blocks: dict[Cid, bytes] = {}
    root = folder(blocks, a=LEAF)
    with pytest.raises(IntegrityError):
        listing.entries(root, lambda _: directory.build([("b", LEAF, 1)])[1])


def test_directories_that_multiply_or_nest_too_deep_are_refused() -> None:
    blocks: dict[Cid, bytes] = {}
    cid = folder(blocks)
    for _ in range(17):
        cid = folder(blocks, a=cid)
    with pytest.raises(Malformed, match="too large a tree"):
        list(listing.files(cid, blocks.__getitem__))
    cid = folder(blocks, x=LEAF)
    for _ in range(10):
        cid = folder(blocks, **{f"n{index}": cid for index in range(8)})
    with pytest.raises(Malformed, match="too large a tree"):
        list(listing.files(cid, blocks.__getitem__))


def test_a_directory_of_too_many_is_refused() -> None:
    blocks: dict[Cid, bytes] = {}
    links = tuple(Link(LEAF, f"{index:05}".encode(), 0) for index in range(listing.ENTRIES_MAX + 1))
    with pytest.raises(Malformed, match="10001 entries"):
        listed(blocks, put(blocks, dagpb.encode(Node(links, unixfs.encode(Entry(kind=Kind.DIRECTORY))))))


def test_a_file_is_no_directory() -> None:
    blocks: dict[Cid, bytes] = {}
    for cid in (LEAF, put(blocks, unixfs.file_leaf(b"abc"))):
        with pytest.raises(NotThere, match="is a file, not a directory"):
            listing.entries(cid, blocks.__getitem__)


def test_a_block_over_two_mebibytes_is_refused() -> None:
    blocks: dict[Cid, bytes] = {}
    with pytest.raises(Malformed, match="larger than"):
        listing.entries(put(blocks, bytes(dagpb.BLOCK_MAX + 1)), blocks.__getitem__)


@given(st.binary(max_size=100), st.sampled_from(Kind), st.lists(st.binary(max_size=6), max_size=4))
def test_any_node_is_listed_or_one_of_our_errors(data: bytes, kind: Kind, found: list[bytes]) -> None:
    blocks: dict[Cid, bytes] = {}
    entry = Entry(kind=kind, data=data, hash_type=0x22, fanout=16)
    links = tuple(Link(LEAF, name, 0) for name in found)
    for block in (data, dagpb.encode(Node(links, unixfs.encode(entry)))):
        root = put(blocks, block)
        try:
            list(listing.files(root, blocks.__getitem__))
        except EaiError:
            continue
