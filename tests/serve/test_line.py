"""Engines that answer badly, early, late or not at all; each request is carried by the gate."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest
from support.bench import a_model
from support.front import Front, Raw, front

CHAT = a_model("main", main=True)
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
SSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


async def a_request(reader: asyncio.StreamReader) -> bytes:
    """Read one request; its body."""
    head = await reader.readuntil(b"\r\n\r\n")
    return await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split()[0]))


def saying(*pieces: bytes, requests: int = 1) -> Raw:
    """An engine that answers each request with these pieces, and closes after so many."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(requests):
            await a_request(reader)
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.005)

    return script


async def ask(f: Front) -> tuple[int, dict[str, str], bytes]:
    async with f.client.post(f.url + "/v1/chat/completions", data=b"{}") as response:
        return response.status, dict(response.headers), await response.read()


@pytest.mark.parametrize("requests", [1, 2, 3])
async def test_an_engine_that_closes_connections_as_it_likes_loses_nothing(requests: int) -> None:
    async with front(CHAT, rough=saying(OK, requests=requests), loaded=True) as f:
        for _ in range(20):
            assert (await ask(f))[2] == b"{}"
        answers = await asyncio.gather(*(ask(f) for _ in range(100)))
        assert {(status, body) for status, _, body in answers} == {(200, b"{}")}
        assert f.holds == 0


async def test_a_connection_that_works_is_used_again() -> None:
    connections = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await saying(OK, requests=100)(reader, writer)

    async with front(CHAT, rough=script, loaded=True) as f:
        for _ in range(10):
            assert (await ask(f))[0] == 200
    assert connections == 1


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" + OK, 200, b"{}"),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, b"until the end"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", 200, b"abc"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, b""),
        (OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", 200, b"{}"),
        (OK + b"garbage", 200, b"{}"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
    ],
)
@pytest.mark.parametrize("cut", [1, 7, 10_000])
async def test_every_way_to_frame_an_answer_is_understood(
    answer: bytes, status: int, body: bytes, cut: int
) -> None:
    pieces = [answer[at : at + cut] for at in range(0, len(answer), cut)]

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await a_request(reader)
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0)

    async with front(CHAT, rough=script, loaded=True) as f:
        for _ in range(3):
            seen, _, said = await ask(f)
            assert (seen, said) == (status, body)


@pytest.mark.parametrize(
    ("answer", "times"),
    [
        (b"", 2),  # not a byte came: asked once more
        (b"H", 1),
        (b"HTTP/1.1 200 OK\r\nContent-Le", 1),
        (b"HTTP/1.1 100 Continue\r\n\r\n", 1),
        (b"this is no HTTP\r\n\r\n", 1),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc", 1),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 1),
        (b"HTTP/1.1 500 No\r\nContent-Length: 100\r\n\r\n{", 1),
    ],
)
async def test_no_answer_is_a_502_and_only_silence_is_asked_again(answer: bytes, times: int) -> None:
    asked = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        await a_request(reader)
        asked += 1
        writer.write(answer)

    async with front(CHAT, rough=script, loaded=True) as f:
        f.processes[0].dead.set()
        status, headers, body = await ask(f)
        assert (status, json.loads(body)["error"]["code"]) == (502, "engine_died")
        assert headers["x-eai-model"] == "main"
        assert asked == times
        assert f.holds == 0


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        SSE + b"9\r\ndata: 1\n\n\r\n",
        SSE + b"9\r\ndata: 1\n\n\r\n, no chunk\r\n",
    ],
)
async def test_half_an_answer_never_looks_whole(answer: bytes) -> None:
    async with front(CHAT, rough=saying(*answer.split(b", ")), loaded=True) as f:
        f.processes[0].dead.set()
        talk = await f.connect()
        talk.ask()
        status, headers = await talk.head()
        assert status == 200
        rest = await talk.rest()
        assert not rest.endswith(b"0\r\n\r\n")
        assert len(rest) < int(headers.get("content-length", 10**9))
        assert (b"engine_died" in rest) == headers["content-type"].startswith("text/event-stream")
        assert f.holds == 0
        await talk.close()


async def test_an_errors_body_is_read_only_so_far() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await a_request(reader)
        writer.write(b"HTTP/1.1 500 No\r\n\r\n")
        while True:
            writer.write(b"x" * 2**16)
            await writer.drain()

    async with front(CHAT, rough=script, loaded=True) as f:
        status, _, body = await ask(f)
        assert status == 500
        assert json.loads(body)["error"]["message"] == "x" * 1000


async def test_an_engine_may_answer_before_it_has_read_the_request() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(100)
        writer.write(b"HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\n{}")

    async with front(CHAT, rough=script, loaded=True) as f:
        talk = await f.connect()
        talk.ask(b'{"x": "' + b"x" * 2**23 + b'"}')
        assert (await talk.answer())[0] == 413
        await talk.close()


async def test_a_large_request_waits_for_a_slow_engine() -> None:
    body = b'{"x": "' + b"x" * 2**23 + b'"}'
    go_on = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        assert await a_request(reader) == body
        writer.write(OK)

    async with front(CHAT, rough=script, loaded=True) as f:
        talk = await f.connect()
        talk.ask(body)
        await asyncio.sleep(0.05)
        go_on.set()
        assert (await talk.answer())[2] == b"{}"
        await talk.close()


async def test_an_engine_whose_queue_of_connections_is_full_is_waited_for() -> None:
    async with front(CHAT, rough=saying(OK), loaded=True) as f:
        (process,) = f.processes
        process.socket.unlink()
        with socket.socket(socket.AF_UNIX) as full:
            full.bind(str(process.socket))
            full.listen(0)
            asking = [asyncio.create_task(ask(f)) for _ in range(8)]
            full.setblocking(False)  # noqa: FBT003 - its only argument
            loop = asyncio.get_running_loop()
            for _ in asking:
                one, _ = await loop.sock_accept(full)
                with one:
                    await loop.sock_recv(one, 10_000)
                    await loop.sock_sendall(one, OK)
            assert [(await answer)[0] for answer in asking] == [200] * 8


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 200", SSE, SSE + b"9\r\ndata: 1\n\n\r\n"])
async def test_a_client_that_leaves_closes_the_engines_connection_at_once(before: bytes) -> None:
    began, left = asyncio.Event(), asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await a_request(reader)
        writer.write(before)
        began.set()
        assert await reader.read() == b""
        left.set()

    async with front(CHAT, rough=script, loaded=True) as f:
        talk = await f.connect()
        talk.ask()
        await began.wait()
        await talk.close()
        await asyncio.wait_for(left.wait(), 5)
        assert f.holds == 0
        f.proxy.journal.flush()
        assert " 499 " in f.log[-1]
