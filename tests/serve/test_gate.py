"""The gate, byte by byte: what it carries, what it lends to aiohttp, and what neither lets through."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest
from aiohttp import web
from support.bench import a_model
from support.front import Front, front

from zoo.serve.limits import Limits

SHORT = Limits(head=0.1, silence=0.1, idle=0.2)
CHAT = a_model("main", main=True)
MODELS = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"


def lent(f: Front) -> int:
    """Requests that aiohttp was given."""
    return f.aiohttps.requests_count


async def stream(request: web.Request) -> web.StreamResponse:
    """Two events, of an engine that says no length."""
    out = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await out.prepare(request)
    await out.write(b"data: 1\n\n")
    await out.write(b"data: 2\n\n")
    await out.write_eof()
    return out


async def test_plain_requests_on_one_connection_are_carried_past_aiohttp() -> None:
    async with front(CHAT, loaded=True) as f:
        talk = await f.connect()
        for number in range(3):
            body = b'{"k": %d}' % number
            talk.ask(body)
            status, headers, said = await talk.answer()
            assert (status, said, headers["x-eai-model"]) == (200, body, "main")
            assert headers["x-eai-environment"] == "e" * 64
            assert "date" in headers
        assert lent(f) == 0
        assert f.holds == 0
        await talk.close()


async def test_a_connection_comes_back_from_aiohttp() -> None:
    async with front(CHAT) as f:
        talk = await f.connect()
        talk.ask()  # the model must be loaded first
        assert (await talk.answer())[0] == 200
        talk.say(MODELS)
        assert (await talk.answer())[0] == 200
        assert lent(f) == 2
        for _ in range(2):
            talk.ask()
            assert (await talk.answer())[0] == 200
        assert lent(f) == 2
        talk.say(MODELS)
        assert (await talk.answer())[0] == 200
        assert lent(f) == 3
        await talk.close()


async def test_a_request_that_comes_in_pieces_is_carried() -> None:
    async with front(CHAT, loaded=True) as f:
        talk = await f.connect()
        for byte in POST + b"Content-Length: 13\r\n\r\n" + b'{"some": "x"}':
            talk.say(bytes((byte,)))
            await asyncio.sleep(0)
        assert (await talk.answer())[2] == b'{"some": "x"}'
        assert lent(f) == 0
        await talk.close()


async def test_requests_sent_at_once_are_answered_in_order() -> None:
    async with front(CHAT, loaded=True) as f:
        talk = await f.connect()
        for number in range(5):
            talk.ask(b'{"k": %d}' % number)
        assert [json.loads((await talk.answer())[2])["k"] for _ in range(5)] == [0, 1, 2, 3, 4]
        await talk.close()


async def test_requests_sent_while_another_is_answered_wait_and_are_answered() -> None:
    go_on, began = asyncio.Event(), asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        began.set()
        await go_on.wait()
        return web.Response(body=await request.read())

    async with front(CHAT, answer=answer, loaded=True) as f:
        talk = await f.connect()
        talk.ask(b'{"k": 0}')
        await began.wait()
        large = b'{"k": 1, "x": "' + b"x" * 2**20 + b'"}'
        talk.ask(large)
        talk.ask(b'{"k": 2}')
        while len(f.seen) < 1:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)
        go_on.set()
        assert [(await talk.answer())[2] for _ in range(3)] == [b'{"k": 0}', large, b'{"k": 2}']
        await talk.close()


async def test_a_client_of_http_1_0_gets_no_chunks_and_the_end_of_the_connection() -> None:
    async with front(CHAT, answer=stream, loaded=True) as f:
        talk = await f.connect()
        talk.ask(version="1.0")
        status, headers = await talk.head()
        assert status == 200
        assert not {"transfer-encoding", "content-length"} & headers.keys()
        assert await talk.rest() == b"data: 1\n\ndata: 2\n\n"
        assert lent(f) == 0
        await talk.close()


async def test_a_client_of_http_1_0_may_keep_its_connection() -> None:
    async with front(CHAT, loaded=True) as f:
        talk = await f.connect()
        for _ in range(2):
            talk.ask(b"{}", "Connection: keep-alive", version="1.0")
            _, headers, _ = await talk.answer()
            assert headers["connection"] == "keep-alive"
        talk.ask(version="1.0")
        assert (await talk.answer())[0] == 200
        assert await talk.rest() == b""
        assert lent(f) == 0
        await talk.close()


async def test_a_client_that_wants_its_connection_closed_has_it_closed() -> None:
    async with front(CHAT, answer=stream, loaded=True) as f:
        talk = await f.connect()
        talk.ask(b"{}", "Connection: close")
        assert (await talk.head())[1]["connection"] == "close"
        assert (await talk.rest()).endswith(b"0\r\n\r\n")
        await talk.close()


async def test_a_body_in_chunks_is_read_by_aiohttp_and_answered_over_the_gate() -> None:
    async with front(CHAT, loaded=True) as f:
        talk = await f.connect()
        talk.say(POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\n{ }\r\n0\r\n\r\n")
        assert (await talk.answer())[2] == b"{ }"
        talk.ask(b'{"k": 1}')  # whose bytes these are only aiohttp knows now
        assert (await talk.answer())[2] == b'{"k": 1}'
        assert lent(f) == 2
        await talk.close()


async def test_a_client_may_ask_whether_its_body_is_wanted() -> None:
    async with front(CHAT, loaded=True) as f:
        talk = await f.connect()
        talk.say(POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert (await talk.head())[0] == 100
        talk.say(b"{}")
        assert (await talk.answer())[2] == b"{}"
        await talk.close()


SMUGGLED = {
    "two lengths": b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
    "the same length twice": b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "two lengths in one": b"Content-Length: 2, 2\r\n\r\n{}",
    "a length with a sign": b"Content-Length: +2\r\n\r\n{}",
    "a length that is none": b"Content-Length: two\r\n\r\n{}",
    "an endless length": b"Content-Length: 99999999999999999999999\r\n\r\n{}",
    "length and chunks": b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
    "chunks that are not last": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "a bare line feed": b"A: b\nContent-Length: 2\r\n\r\n{}",
    "a bare carriage return": b"A: b\rc\r\nContent-Length: 2\r\n\r\n{}",
    "a folded line": b"A: b\r\n c\r\nContent-Length: 2\r\n\r\n{}",
    "a space before the colon": b"Content-Length : 2\r\n\r\n{}",
    "a zero byte": b"A: \x00\r\nContent-Length: 2\r\n\r\n{}",
    "a chunk size that is none": b"Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("shape", SMUGGLED)
async def test_framing_that_two_servers_could_read_differently_is_refused(
    shape: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with front(CHAT, loaded=True) as f:
        talk = await f.connect()
        talk.say(POST + SMUGGLED[shape])
        status, _, body = await talk.answer()
        error = json.loads(body)["error"]
        assert (status, error["type"]) == (400, "invalid_request_error")
        assert set(error) == {"message", "type", "param", "code"}
        assert await talk.rest() == b""
        assert f.seen == []
        await talk.close()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_what_is_no_http_is_refused_without_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    async with front(CHAT) as f:
        talk = await f.connect()
        talk.say(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 no HTTP at all \r\n\r\n")
        status, _, body = await talk.answer()
        assert (status, json.loads(body)["error"]["code"]) == (400, "bad_request")
        await talk.close()
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize("size", [9000, 20_000, 200_000])
async def test_a_huge_head_is_refused(size: int) -> None:
    async with front(CHAT, loaded=True) as f:
        talk = await f.connect()
        talk.say(POST + b"A: " + b"b" * size + b"\r\nContent-Length: 2\r\n\r\n{}")
        assert (await talk.head())[0] == 400
        assert f.seen == []
        await talk.close()


async def test_a_request_that_never_comes_whole_is_given_up_and_others_go_on() -> None:
    stay = asyncio.Event()

    async def answer(_: web.Request) -> web.StreamResponse:
        await stay.wait()
        return web.Response(body=b"late")

    async with front(CHAT, answer=answer, loaded=True, limits=SHORT) as f:
        slow, body, silent, busy = [await f.connect() for _ in range(4)]
        slow.say(POST)
        body.say(POST + b"Content-Length: 100\r\n\r\n{")
        busy.ask()
        late, stopped, nothing = await asyncio.gather(slow.rest(), body.rest(), silent.rest())
        assert late.startswith(b"HTTP/1.1 408 ")
        assert stopped.startswith(b"HTTP/1.1 408 ")
        assert nothing == b""
        stay.set()
        assert (await busy.answer())[2] == b"late"
        for talk in (slow, body, silent, busy):
            await talk.close()


async def test_a_client_that_leaves_while_its_request_comes_leaves_nothing() -> None:
    async with front(CHAT, loaded=True) as f:
        for part in (POST, POST + b"Content-Length: 100\r\n\r\n{", MODELS, b"P"):
            talk = await f.connect()
            talk.say(part)
            await talk.close()
        talk = await f.connect()
        talk.ask()
        assert (await talk.answer())[0] == 200
        assert f.holds == 0
        await talk.close()


async def test_what_was_carried_is_counted_and_logged() -> None:
    async with front(CHAT, loaded=True) as f:
        talk = await f.connect()
        talk.ask()
        await talk.answer()
        talk.say(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        text = (await talk.answer())[2].decode()
        assert 'eai_requests_total{model="main",path="/v1/chat/completions",status="200"} 1.0' in text
        assert (
            'eai_first_byte_seconds_bucket{le="300.0",model="main",path="/v1/chat/completions"} 1.0' in text
        )
        f.proxy.journal.flush()
        (line,) = f.log
        assert "INFO /v1/chat/completions main 200 " in line
        assert line.endswith(" ms\n")
        await talk.close()
