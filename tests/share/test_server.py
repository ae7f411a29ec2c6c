"""Connections to a shared store: counted, and their troubles kept out of the log."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress

import pytest
from support.sharing import CONNECTIONS, DATA, MIDDLING, Ask, Shared, dag, hex_of

CAR = f"GET /ipfs/{dag(DATA).root}?format=car HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()

OBJECT = f"GET /eai/sha256/{hex_of(DATA)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """See that nothing that a client does is logged as if it were ours."""
    caplog.set_level(logging.WARNING)
    yield
    assert caplog.records == []


async def sent(port: int, data: bytes) -> bytes:
    """Send bytes, and give all that comes until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    answer = b""
    with suppress(ConnectionError):
        answer = await reader.read(-1)
    writer.close()
    return answer


async def admitted(port: int) -> None:
    """Wait until there may be one more connection."""
    async with asyncio.timeout(10):
        while (await sent(port, b"no HTTP\r\n\r\n")).startswith(b"HTTP/1.1 503"):
            pass


async def test_what_is_no_http_is_refused_without_a_word(shared: Shared) -> None:
    both = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    twice = b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"
    long = b"GET /ipfs/" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
    many = b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"x: y\r\n" * 1000 + b"\r\n"
    for data in (b"\x16\x03\x01\x00\xa5", both, twice, long, many, b"GET /\0 HTTP/1.1\r\n\r\n"):
        assert b" 400 " in (await sent(shared.port, data)).partition(b"\r\n")[0]


async def test_one_connection_too_many_is_told_to_come_again(shared: Shared, ask: Ask) -> None:
    socks = [socket.create_connection(("127.0.0.1", shared.port)) for _ in range(CONNECTIONS)]
    refused = await sent(shared.port, CAR)
    assert refused.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After: 1" in refused
    for sock in socks:
        sock.close()
    await admitted(shared.port)
    assert (await ask(f"/eai/sha256/{hex_of(MIDDLING)}"))[1] == MIDDLING


async def test_a_client_that_leaves_is_not_an_error(shared: Shared, ask: Ask) -> None:
    for _ in range(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", shared.port, limit=1 << 10)
        writer.write(CAR)
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()
    assert (await ask("/ipfs/bafkqaaa?format=raw"))[0].status == 200


@pytest.mark.parametrize("asking", [CAR, OBJECT], ids=["car", "object"])
async def test_clients_that_take_nothing_make_room_for_others(shared: Shared, asking: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(CONNECTIONS):
            sock = stack.enter_context(closing(socket.socket()))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect(("127.0.0.1", shared.port))
            sock.sendall(asking * 50)
        await admitted(shared.port)
