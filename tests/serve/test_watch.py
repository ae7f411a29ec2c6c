"""Connections that take too long, and their ends, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib

from aiohttp import web
from support.bench import a_model
from support.front import front

from zoo.serve.limits import Limits

CHAT = a_model("main", main=True)
SHORT = Limits(head=0.2, silence=0.2, rate=10_000, idle=0.2, stall=0.2)
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"


async def told(port: int, *pieces: bytes, every: float = 0.0) -> bytes:
    """Send pieces, and read until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(every)
        async with asyncio.timeout(10):
            return await reader.read()
    except ConnectionError:
        return b"reset"
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_a_connection_that_says_nothing_is_closed() -> None:
    async with front(CHAT, limits=SHORT) as f:
        assert await told(f.port) == b""


async def test_headers_that_do_not_come_whole_in_time_are_refused() -> None:
    async with front(CHAT, limits=SHORT) as f:
        answer = await told(f.port, HEAD)
        assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert b'"code":"request_timeout"' in answer
        drip = [HEAD, *(b"X-%d: 1\r\n" % number for number in range(12))]
        assert (await told(f.port, *drip, every=0.05))[:12] in {b"HTTP/1.1 408", b"reset"}
        assert f.seen == []


async def test_a_body_that_stops_or_drips_is_refused() -> None:
    async with front(CHAT, limits=SHORT) as f:
        assert (await told(f.port, HEAD + b"\r\n{")).startswith(b"HTTP/1.1 408")
        drip = [HEAD + b"\r\n", *[b" "] * 12]
        assert (await told(f.port, *drip, every=0.05))[:12] in {b"HTTP/1.1 408", b"reset"}
        assert f.seen == []


async def test_a_body_that_comes_slowly_but_steadily_is_taken() -> None:
    async with front(CHAT, limits=Limits(silence=0.3, rate=1)) as f:
        body = b"{" + b" " * 998 + b"}"
        pieces = [HEAD + b"Connection: close\r\n\r\n", *(body[at : at + 100] for at in range(0, 1000, 100))]
        assert (await told(f.port, *pieces, every=0.05)).startswith(b"HTTP/1.1 200")


async def test_an_answer_may_take_longer_than_every_limit() -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.8)
        return web.json_response({"slow": True})

    async with front(CHAT, limits=SHORT, answer=slow) as f:
        status, _, body = await f.post("/v1/chat/completions")
        assert (status, body) == (200, {"slow": True})


async def test_a_client_that_takes_nothing_of_its_answer_is_let_go_with_its_engine() -> None:
    left = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 65536)
        finally:
            left.set()

    async with front(CHAT, limits=SHORT, answer=endless) as f:
        _, writer = await asyncio.open_connection("127.0.0.1", f.port, limit=1024)
        writer.write(HEAD.replace(b"1000", b"2") + b"\r\n{}")
        await asyncio.wait_for(left.wait(), 10)
        writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_one_connection_too_many_is_told_to_come_back() -> None:
    async with front(CHAT, limits=Limits(connections=1)) as f:
        _, writer = await asyncio.open_connection("127.0.0.1", f.port)
        answer = await told(f.port)
        assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert b"\r\nRetry-After: 1\r\n" in answer
        writer.close()
        await writer.wait_closed()
        for _ in range(1000):
            answer = await told(f.port, b"GET /health HTTP/1.0\r\n\r\n")
            if b"too_many_connections" not in answer:
                break
        assert b'"code":"loading"' in answer
