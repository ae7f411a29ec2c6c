"""Takes a form apart that has come whole: multipart/form-data, as RFC 7578 has it and clients write it."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import Message
from email.parser import BytesHeaderParser
from typing import NamedTuple

from zoo.serve.limits import LINE

MOST_PARTS = 64
"""More than any field and every picture of a request together."""

KIND = "multipart/form-data"
_LONGEST_BOUNDARY = 70  # RFC 2046
_AS_IT_IS = {"7bit", "8bit", "binary"}


class Malformed(ValueError):
    """What came is no such form; says why."""


class Part(NamedTuple):
    """One field, or one file."""

    name: str
    data: bytes


def parts(body: bytes, content_type: str) -> Iterator[Part]:
    """Give the parts of a form in their order, whatever their values are.

    Args:
        body: All of it.
        content_type: The header that names the boundary.

    Raises:
        Malformed: It is no form, or has too many parts.
    """
    mark = b"\r\n--" + _boundary(content_type)
    # What comes before the first mark, and behind the last one, means nothing.
    _, *pieces = (b"\r\n" + body).split(mark, MOST_PARTS + 1)
    if not pieces or not pieces[-1].startswith(b"--"):
        many = len(pieces) > MOST_PARTS
        raise Malformed(f"it has more than {MOST_PARTS} parts" if many else "its end is missing")
    for piece in pieces[:-1]:
        yield _part(piece)


def _boundary(content_type: str) -> bytes:
    message = Message()
    message["Content-Type"] = content_type
    boundary = message.get_boundary("").encode("utf-8", "surrogateescape")
    if message.get_content_type() != KIND or not 0 < len(boundary) <= _LONGEST_BOUNDARY:
        raise Malformed(f"it is not sent as {KIND} with a boundary of up to {_LONGEST_BOUNDARY} characters")
    return boundary


def _part(piece: bytes) -> Part:
    """Take apart what stands between two marks: the rest of a mark's line, headers, the value."""
    end = piece.find(b"\r\n\r\n", 0, LINE)
    if end < 0 or piece[: piece.find(b"\r\n")].strip(b" \t"):
        raise Malformed("the head of a part has no end, or is too long")
    head = BytesHeaderParser().parsebytes(piece[piece.find(b"\r\n") + 2 : end])
    name = head.get_param("name", header="Content-Disposition")
    if head.get_content_disposition() != "form-data" or not isinstance(name, str):
        raise Malformed("a part of it has no name")
    if head.get("Content-Transfer-Encoding", "binary").strip().lower() not in _AS_IT_IS:
        raise Malformed(f"the part {name[:100]!r} is encoded: send it as it is")
    return Part(name, piece[end + 4 :])
