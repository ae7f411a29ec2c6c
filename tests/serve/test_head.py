"""Heads of requests: which are plain, and which are left to aiohttp."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.serve import head

PLAIN = (
    b"POST /v1/chat/completions HTTP/1.1\r\n"
    b"Host: a\r\nX-Two: 1\r\nx-two: \xc3\xa9\r\nContent-Length: 12\r\n\r\n"
)


def test_a_plain_head_is_read() -> None:
    seen = head.read(PLAIN)
    assert seen is not None
    assert (seen.method, seen.target, seen.length) == (b"POST", b"/v1/chat/completions", 12)
    assert (seen.chunks, seen.keep) == (True, True)
    assert seen.headers.getall("X-TWO") == ["1", "é"]


@pytest.mark.parametrize(
    ("start", "chunks", "keep"),
    [
        (b"GET / HTTP/1.0\r\n", False, False),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n", False, True),
        (b"GET / HTTP/1.1\r\nConnection: close\r\n", True, False),
    ],
)
def test_what_becomes_of_the_connection_is_read(start: bytes, *, chunks: bool, keep: bool) -> None:
    seen = head.read(start + b"\r\n")
    assert seen is not None
    assert (seen.length, seen.chunks, seen.keep) == (0, chunks, keep)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Encoding: gzip\r\n\r\n",
        b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
        b"POST / HTTP/2.0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n",
    ],
)
def test_what_takes_more_thought_is_left_to_aiohttp(data: bytes) -> None:
    assert head.read(data) is None


@given(st.binary(max_size=60), st.integers(0, len(PLAIN)), st.integers(0, 8))
def test_nothing_makes_it_fail(noise: bytes, at: int, cut: int) -> None:
    seen = head.read(PLAIN[:at] + noise + PLAIN[at + cut :])
    assert seen is None or seen.length >= 0
