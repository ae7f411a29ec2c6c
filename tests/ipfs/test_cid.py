"""CIDs: one text for one value, and nothing that cannot name a part of a file."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import EaiError, IntegrityError, Malformed
from zoo.ipfs import bases
from zoo.ipfs import cid as cids
from zoo.ipfs.cid import BLAKE3, DAG_PB, IDENTITY, RAW, SHA2_256, Cid

# `hello world` under ipfs add --cid-version 1 --raw-leaves.
HELLO = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"
# The empty directory, version 0.
EMPTY_DIRECTORY = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"

valid = st.one_of(
    st.builds(Cid, st.just(0), st.just(DAG_PB), st.just(SHA2_256), st.binary(min_size=32, max_size=32)),
    st.builds(
        Cid,
        st.just(1),
        st.sampled_from([RAW, DAG_PB]),
        st.sampled_from([SHA2_256, BLAKE3]),
        st.binary(min_size=32, max_size=32),
    ),
    st.builds(Cid, st.just(1), st.sampled_from([RAW, DAG_PB]), st.just(IDENTITY), st.binary(max_size=128)),
)


@given(valid)
def test_a_cid_survives_text_and_bytes(cid: Cid) -> None:
    assert cids.parse(str(cid)) == cid
    assert cids.from_bytes(bytes(cid)) == cid
    assert cids.read(b"xx" + bytes(cid) + b"yy", 2) == (cid, 2 + len(bytes(cid)))


@given(valid.filter(lambda cid: cid.version == 1))
def test_every_known_base_gives_the_same_cid(cid: Cid) -> None:
    raw = bytes(cid)
    texts = {
        "b" + bases.to_base32(raw),
        "B" + bases.to_base32(raw).upper(),
        "k" + bases.to_base(raw, bases.BASE36),
        "K" + bases.to_base(raw, bases.BASE36).upper(),
        "z" + bases.to_base(raw, bases.BASE58),
    }
    assert {cids.parse(text) for text in texts} == {cid}


@given(st.binary(max_size=200))
def test_any_bytes_are_a_cid_or_malformed(data: bytes) -> None:
    try:
        cid = cids.from_bytes(data)
    except Malformed:
        return
    assert bytes(cid) == data


@given(st.one_of(st.text(max_size=300), st.from_regex(r"[bBkKzQ][0-9a-zA-Z]{1,80}", fullmatch=True)))
def test_any_text_is_a_cid_or_malformed(text: str) -> None:
    try:
        cid = cids.parse(text)
    except Malformed:
        return
    assert cids.parse(str(cid)) == cid


def test_a_block_is_named_by_its_hash() -> None:
    assert str(cids.of(b"hello world", RAW)) == HELLO
    assert str(cids.of(bytes.fromhex("0a020801"), DAG_PB, version=0)) == EMPTY_DIRECTORY
    cids.check(cids.parse(HELLO), b"hello world")


def test_another_block_is_found_out() -> None:
    with pytest.raises(IntegrityError, match="not the one that"):
        cids.check(cids.parse(HELLO), b"hello worle")


def test_blake3_blocks_are_checked_too() -> None:
    # The test vector of BLAKE3 for no input.
    digest = bytes.fromhex("af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262")
    cids.check(Cid(1, RAW, BLAKE3, digest), b"")
    with pytest.raises(IntegrityError):
        cids.check(Cid(1, RAW, BLAKE3, digest), b"x")


def test_an_identity_cid_holds_its_block() -> None:
    cid = cids.parse("bafkqaaa")
    assert cid.inline == b""
    assert cids.parse(HELLO).inline is None
    with pytest.raises(IntegrityError):
        cids.check(cid, b"x")


def _multihash(code: bytes, digest: bytes) -> bytes:
    return b"\x01\x55" + code + bytes((len(digest),)) + digest


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"\x01\x71\x12\x20" + bytes(32), "dag-cbor"),
        (b"\x01\xa9\x02\x12\x20" + bytes(32), "dag-json"),
        (b"\x01\x90\x03\x12\x20" + bytes(32), "0x190"),
        (_multihash(b"\x11", bytes(20)), "sha1"),
        (_multihash(b"\x12", bytes(31)), "cut"),
        (_multihash(b"\x12", bytes(8)), "cut"),
        (_multihash(b"\x1e", bytes(20)), "cut"),
        (_multihash(b"\xa0\xe4\x02", bytes(32)), "blake2b-256"),
        (b"\x01\x55\x00\x81\x01" + bytes(129), "129 bytes"),
        (b"\x02\x55\x12\x20" + bytes(32), "version 2"),
        (b"\x12\x20" + bytes(31), "behind the end"),
        (b"\x81\x00\x55\x12\x20" + bytes(32), "longer than it need be"),
        (b"\x01\x55\x12\x20" + bytes(33), "bytes follow"),
        (b"\xff" * 20, "does not end"),
        (b"", "does not end"),
    ],
)
def test_what_names_no_part_of_a_file_is_refused_by_name(raw: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        cids.from_bytes(raw)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "b",
        "hello",
        HELLO[:-1],
        HELLO[:-1] + "f",  # the same bytes but for bits that stand for nothing
        HELLO[:1] + HELLO[1:].upper(),
        "B" + HELLO[1:],
        HELLO + "=",
        "z" + EMPTY_DIRECTORY,
        "Q" + HELLO,
        "b" + "a" * 300,
        EMPTY_DIRECTORY[:-1] + "0",
        "/ipfs/" + HELLO,
    ],
)
def test_a_text_with_a_flaw_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(Malformed, match="is no CID") as caught:
        cids.parse(text)
    assert isinstance(caught.value, EaiError)
    assert caught.value.hint is not None
    assert len(caught.value.message) < 400


def test_equal_cids_are_one_key() -> None:
    digest = hashlib.sha256(b"x").digest()
    assert len({Cid(1, RAW, SHA2_256, digest), cids.of(b"x", RAW), Cid(1, DAG_PB, SHA2_256, digest)}) == 2


def test_a_text_that_is_far_too_long_is_not_even_decoded() -> None:
    with pytest.raises(Malformed, match="301 characters"):
        cids.parse("z" + "1" * 300)
