"""Varints and length-delimited fields, which CIDs, dag-pb, UnixFS and CAR are all made of.

Every writer of these formats makes the shortest varints there are, so longer ones are refused: that
leaves one way to write a thing, and nothing to hide in the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

from zoo.errors import Malformed

VARINT_MAX = 10
"""The most bytes that a varint of 64 bits takes."""

LIMIT = 1 << 63
"""Every number in these formats is below this: sizes, codes and lengths alike."""

VARINT, BYTES = 0, 2
"""The wire types of protobuf that are used."""

_MORE = 0x80


def varint(number: int) -> bytes:
    """Encode a number from 0 as an unsigned LEB128 varint."""
    if number < _MORE:
        return bytes((number,))
    out = bytearray()
    while number >= _MORE:
        out.append(number & 0x7F | _MORE)
        number >>= 7
    out.append(number)
    return bytes(out)


def read_varint(buffer: bytes, at: int) -> tuple[int, int]:
    """Decode the varint at an offset; give it and the offset behind it.

    Raises:
        Malformed: It does not end, is not the shortest form, or is 2^63 or more.
    """
    if at < len(buffer) and (first := buffer[at]) < _MORE:
        return first, at + 1
    number = 0
    for index, byte in enumerate(buffer[at : at + VARINT_MAX]):
        number |= (byte & 0x7F) << (7 * index)
        if byte < _MORE:
            if (byte == 0 and index) or number >= LIMIT:
                raise Malformed("a varint is too large, or longer than it need be")
            return number, at + index + 1
    raise Malformed("a varint does not end")


def read_bytes(buffer: bytes, at: int) -> tuple[bytes, int]:
    """Decode the length and the bytes at an offset; give the bytes and the offset behind them.

    Raises:
        Malformed: There are fewer bytes than the length says.
    """
    length, start = read_varint(buffer, at)
    stop = start + length
    if stop > len(buffer):
        raise Malformed("a length points behind the end")
    return buffer[start:stop], stop


def delimited(tag: int, value: bytes) -> bytes:
    """Encode a length-delimited field behind its one-byte tag."""
    return bytes((tag,)) + varint(len(value)) + value


def fields(buffer: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Decode a protobuf message into (field number, wire type, value), in the order of the bytes.

    Raises:
        Malformed: A field is cut, or has a wire type that these formats do not use.
    """
    at, end = 0, len(buffer)
    while at < end:
        tag, at = read_varint(buffer, at)
        number, kind = tag >> 3, tag & 7
        if kind == BYTES:
            value, at = read_bytes(buffer, at)
            yield number, kind, value
        elif kind == VARINT:
            whole, at = read_varint(buffer, at)
            yield number, kind, whole
        else:
            raise Malformed(f"field {number} has wire type {kind}, which has no place here")


def as_bytes(value: int | bytes, what: str) -> bytes:
    """Take a field's value as bytes.

    Raises:
        Malformed: The field holds a number.
    """
    return value if isinstance(value, bytes) else _wrong(what)


def as_int(value: int | bytes, what: str) -> int:
    """Take a field's value as a number.

    Raises:
        Malformed: The field holds bytes.
    """
    return value if isinstance(value, int) else _wrong(what)


def _wrong(what: str) -> NoReturn:
    raise Malformed(f"{what} has the wrong wire type")
