"""Answers on their way back: as they come, whole, or visibly broken."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest
from aiohttp import web
from support.bench import GIB, a_model, settle
from support.front import Front, front

CHAT = a_model("main", main=True)
SSE = {"Content-Type": "text/event-stream"}


@pytest.fixture(params=[False, True], ids=["after a load", "carried by the gate"])
def loaded(request: pytest.FixtureRequest) -> bool:
    """Each of these holds for what comes through aiohttp, and for what never does."""
    return bool(request.param)


async def open_stream(f: Front) -> aiohttp.ClientResponse:
    return await f.client.post(f.url + "/v1/chat/completions", json={"stream": True})


async def test_each_piece_of_a_stream_passes_before_the_next_is_made(*, loaded: bool) -> None:
    go_on = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        out = web.StreamResponse(headers=SSE)
        await out.prepare(request)
        for number in range(50):
            await out.write(b"data: %d\n\n" % number)
            await go_on.wait()
            go_on.clear()
        await out.write_eof()
        return out

    async with front(CHAT, answer=answer, loaded=loaded) as f, await open_stream(f) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        for number in range(50):
            assert await response.content.readany() == b"data: %d\n\n" % number
            go_on.set()
        assert await response.content.read() == b""


async def test_a_client_that_leaves_ends_the_engines_work(*, loaded: bool) -> None:
    ended = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        out = web.StreamResponse(headers=SSE)
        await out.prepare(request)
        try:
            await out.write(b"data: 1\n\n")
            await asyncio.Event().wait()
        finally:
            ended.set()
        return out

    async with front(CHAT, answer=answer, loaded=loaded) as f:
        response = await open_stream(f)
        await response.content.readany()
        response.close()
        await asyncio.wait_for(ended.wait(), 5)
        while f.proxy.scheduler.seen()[0].holds:  # noqa: ASYNC110 - letting go sets no event
            await asyncio.sleep(0)


async def test_a_client_that_leaves_before_the_first_byte_ends_the_engines_work(*, loaded: bool) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    async with front(CHAT, answer=answer, loaded=loaded) as f:
        asking = asyncio.create_task(open_stream(f))
        await began.wait()
        asking.cancel()
        await asyncio.wait_for(ended.wait(), 5)


async def test_a_slow_client_slows_the_engine_down(*, loaded: bool) -> None:
    written = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal written
        out = web.StreamResponse(headers=SSE)
        await out.prepare(request)
        while written < 2**27:
            await out.write(b"x" * 2**16)
            written += 2**16
        return out

    async with front(CHAT, answer=answer, loaded=loaded) as f, await open_stream(f) as response:
        before = -1
        while before != written:  # until nothing moves any more
            before = written
            await asyncio.sleep(0.2)
        assert written < 2**25
        await response.content.readexactly(2**26)
        assert written >= 2**26


async def test_a_whole_answer_keeps_its_length(*, loaded: bool) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"x" * 300_000, content_type="application/json")

    async with front(CHAT, answer=answer, loaded=loaded) as f, await open_stream(f) as response:
        assert response.headers["Content-Length"] == "300000"
        assert len(await response.read()) == 300_000


async def test_an_engines_error_gets_openais_shape(*, loaded: bool) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        error = {"code": 400, "message": "too long", "type": "exceed_context_size_error", "n_ctx": 4}
        return web.json_response({"error": error}, status=400)

    async with front(CHAT, answer=answer, loaded=loaded) as f:
        status, headers, body = await f.post("/v1/chat/completions")
        assert status == 400
        assert headers["x-eai-model"] == "main"
        assert body["error"] == {
            "message": "too long",
            "type": "invalid_request_error",
            "param": None,
            "code": "context_length_exceeded",
        }


async def test_an_error_that_is_no_json_is_passed_on_as_text(*, loaded: bool) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=501, text="not today")

    async with front(CHAT, answer=answer, loaded=loaded) as f:
        status, _, body = await f.post("/v1/chat/completions")
        assert (status, body["error"]["message"]) == (501, "not today")


async def test_a_request_is_asked_again_where_no_byte_of_an_answer_came(*, loaded: bool) -> None:
    asked = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        if asked == 1:
            assert request.transport is not None
            request.transport.abort()
            await asyncio.sleep(0)
        return web.json_response({"asked": asked})

    async with front(CHAT, answer=answer, loaded=loaded) as f:
        status, _, body = await f.post("/v1/chat/completions")
        assert (status, body) == (200, {"asked": 2})


async def test_an_engine_that_never_answers_is_a_502_that_says_how_it_died(*, loaded: bool) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        f.processes[0].dead.set()
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with front(CHAT, answer=answer, loaded=loaded) as f:
        status, _, body = await f.post("/v1/chat/completions")
        assert (status, body["error"]["code"]) == (502, "engine_died")
        assert "signal SIGKILL\n    out of luck" in body["error"]["message"]
        assert len(f.seen) == 2


async def test_a_request_to_an_engine_that_is_gone_already_is_a_502() -> None:
    async with front(CHAT) as f:
        await f.post("/v1/chat/completions")
        f.processes[0].noticed = False
        async with f.proxy.scheduler.hold("main") as engine:
            await engine.stop()
        status, _, body = await f.post("/v1/chat/completions")
        assert (status, body["error"]["code"]) == (502, "engine_died")


class Breaking:
    """Answers with a first piece, and breaks off when the client has seen it."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.headers, self.seen = headers, asyncio.Event()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        out = web.StreamResponse(headers=self.headers)
        await out.prepare(request)
        await out.write(b"data: 1\n\n")
        await self.seen.wait()
        assert request.transport is not None
        request.transport.close()
        return out


async def test_a_stream_that_the_engine_breaks_off_ends_with_an_error_and_not_as_if_whole(
    *, loaded: bool
) -> None:
    breaking = Breaking(SSE)
    async with front(CHAT, answer=breaking, loaded=loaded) as f, await open_stream(f) as response:
        assert await response.content.readany() == b"data: 1\n\n"
        breaking.seen.set()
        f.processes[0].dead.set()
        assert json.loads((await response.content.readany())[6:])["error"]["code"] == "engine_died"
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.content.readany()


async def test_a_whole_answer_that_the_engine_breaks_off_is_visibly_broken(*, loaded: bool) -> None:
    breaking = Breaking({"Content-Type": "application/json", "Content-Length": "100"})
    async with front(CHAT, answer=breaking, loaded=loaded) as f, await open_stream(f) as response:
        assert await response.content.readany() == b"data: 1\n\n"
        breaking.seen.set()
        f.processes[0].dead.set()
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.content.readany()


async def test_no_room_is_a_503_that_says_when_to_ask_again() -> None:
    stay = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        await stay.wait()
        return web.json_response({})

    big = (a_model("main", 2 * GIB, main=True), a_model("other", 2 * GIB), a_model("huge", 3 * GIB))
    async with front(*big, answer=answer) as f:
        stream = asyncio.create_task(f.post("/v1/chat/completions", model="main"))
        await settle()
        status, headers, body = await f.post("/v1/chat/completions", model="other")
        assert (status, body["error"]["code"]) == (503, "no_room")
        assert int(headers["Retry-After"]) > 0
        status, headers, body = await f.post("/v1/chat/completions", model="huge")
        assert (status, body["error"]["code"]) == (503, "model_too_large")
        assert "Retry-After" not in headers
        stay.set()
        assert (await stream)[0] == 200
