"""Reads the head of a request with llhttp, and says whether its framing is plain enough for the gate."""

from __future__ import annotations

from dataclasses import dataclass

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from multidict import CIMultiDict, CIMultiDictProxy

from zoo.serve.limits import DIGITS, LINE

END = b"\r\n\r\n"
LIMIT = LINE
_VERSIONS = {"1.0", "1.1"}
_ODD = ("Transfer-Encoding", "Expect", "Upgrade", "Content-Encoding")


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """The head of a request whose body is as long as it says, and comes as it is.

    Attributes:
        method: Of HTTP.
        target: The path, with a query where there is one.
        headers: As they came.
        length: Bytes of the body.
        chunks: Whether the client understands chunks, as of HTTP/1.1.
        keep: Whether the client's connection stays open after the answer.
    """

    method: bytes
    target: bytes
    headers: CIMultiDictProxy[str]
    length: int
    chunks: bool
    keep: bool


def read(head: bytes) -> Head | None:
    """Read all up to and with the empty line.

    Returns:
        None where it is malformed, or where its framing needs more thought than to count bytes.
    """
    notes = _Notes()
    try:
        notes.parser.feed_data(head)
    except (HttpParserError, HttpParserUpgrade):
        return None
    headers = notes.headers
    length = headers.get("Content-Length", "0").strip(" \t")
    if notes.version not in _VERSIONS or notes.more or any(name in headers for name in _ODD):
        return None
    if not (length.isascii() and length.isdigit() and len(length) <= DIGITS):
        return None
    return Head(
        method=notes.parser.get_method(),
        target=notes.target,
        headers=CIMultiDictProxy(headers),
        length=int(length),
        chunks=notes.version == "1.1",
        keep=notes.keep,
    )


class _Notes:
    """What llhttp tells."""

    def __init__(self) -> None:
        self.parser = HttpRequestParser(self)
        self.target, self.headers, self.version = b"", CIMultiDict[str](), ""
        self.keep = self.more = False

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.add(name.decode("latin-1"), value.decode("utf-8", "surrogateescape"))

    def on_headers_complete(self) -> None:
        self.version, self.keep = self.parser.get_http_version(), self.parser.should_keep_alive()

    def on_body(self, _: bytes) -> None:
        self.more = True
