"""The header of a CAR: a DAG-CBOR map of a version and of roots, written canonically, read tolerantly."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.errors import Malformed
from zoo.ipfs import cid as cids
from zoo.ipfs.cid import Cid
from zoo.ipfs.wire import varint

HEADER_MAX = 1 << 20
"""Bytes: some 25,000 roots, and a lock of many shards has one for each."""
VERSION = 1

_UINT, _BYTES, _TEXT, _ARRAY, _MAP, _TAG = 0, 2, 3, 4, 5, 6
_CID_TAG = 42
_DEPTH_MAX = 4
_SMALL = 24
_LONGEST = 27

_Value = int | bytes | str | list["_Value"] | dict[str, "_Value"]


def encode(roots: Sequence[Cid]) -> bytes:
    """Write the header of a CARv1 with its length in front."""
    links = b"".join(_head(_TAG, _CID_TAG) + _string(_BYTES, b"\0" + bytes(root)) for root in roots)
    body = (
        _head(_MAP, 2)
        + _string(_TEXT, b"roots")
        + _head(_ARRAY, len(roots))
        + links
        + _string(_TEXT, b"version")
        + _head(_UINT, VERSION)
    )
    return varint(len(body)) + body


def _head(major: int, number: int) -> bytes:
    if number < _SMALL:
        return bytes((major << 5 | number,))
    size = next(size for size in (1, 2, 4, 8) if number < 1 << 8 * size)
    return bytes((major << 5 | _SMALL + size.bit_length() - 1,)) + number.to_bytes(size, "big")


def _string(major: int, value: bytes) -> bytes:
    return _head(major, len(value)) + value


def decode(body: bytes) -> tuple[Cid, ...]:
    """Read the header of a CARv1; give its roots, which are a claim and no more.

    Raises:
        Malformed: It is no such header, or one of another version.
    """
    value, end = _read(body, 0, 0)
    if not isinstance(value, dict) or end != len(body):
        raise Malformed("a CAR does not begin with a header")
    if value.get("version") != VERSION:
        raise Malformed(f"a CAR has version {value.get('version')!r}; only {VERSION} is read here")
    roots = value.get("roots")
    if not isinstance(roots, list):
        raise Malformed("a CAR's header has no roots")
    return tuple(_root(root) for root in roots)


def _root(value: _Value) -> Cid:
    if not isinstance(value, bytes) or value[:1] != b"\0":
        raise Malformed("a root in a CAR's header is no CID")
    return cids.from_bytes(value[1:])


def _read(body: bytes, at: int, depth: int) -> tuple[_Value, int]:
    """Read the part of DAG-CBOR that headers use: numbers, strings, lists, maps and links."""
    major, number, at = _read_head(body, at)
    if major == _UINT:
        return number, at
    if major in {_BYTES, _TEXT}:
        return _read_string(body, at, number, text=major == _TEXT)
    if depth == _DEPTH_MAX or number > HEADER_MAX:
        raise Malformed("a CAR's header is too deep or too long")
    if major == _TAG and number == _CID_TAG:
        return _read(body, at, depth + 1)
    if major == _ARRAY:
        return _read_list(body, at, number, depth + 1)
    if major == _MAP:
        pairs, at = _read_list(body, at, 2 * number, depth + 1)
        keys = [key for key in pairs[::2] if isinstance(key, str)]
        if len(set(keys)) != number:
            raise Malformed("a CAR's header has a key twice, or one that is no text")
        return dict(zip(keys, pairs[1::2], strict=True)), at
    raise Malformed("a CAR's header holds what no header does")


def _read_head(body: bytes, at: int) -> tuple[int, int, int]:
    first = body[at : at + 1]
    if not first:
        raise Malformed("a CAR's header is cut")
    major, number = first[0] >> 5, first[0] & 0x1F
    if number < _SMALL:
        return major, number, at + 1
    if number > _LONGEST:
        raise Malformed("a CAR's header has an item without a length")
    size = 1 << number - _SMALL
    rest = body[at + 1 : at + 1 + size]
    if len(rest) < size:
        raise Malformed("a CAR's header is cut")
    return major, int.from_bytes(rest, "big"), at + 1 + size


def _read_string(body: bytes, at: int, length: int, *, text: bool) -> tuple[_Value, int]:
    value = body[at : at + length]
    if len(value) < length:
        raise Malformed("a CAR's header is cut")
    try:
        return value.decode() if text else value, at + length
    except UnicodeDecodeError:
        raise Malformed("a CAR's header has text that is not UTF-8") from None


def _read_list(body: bytes, at: int, count: int, depth: int) -> tuple[list[_Value], int]:
    out: list[_Value] = []
    for _ in range(count):
        value, at = _read(body, at, depth)
        out.append(value)
    return out, at
