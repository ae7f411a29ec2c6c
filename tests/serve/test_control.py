"""Loading and unloading over HTTP, before engines that are none."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from support.bench import GIB, a_model
from support.front import Front, front

CHAT = a_model("main", main=True, aliases=("main.gguf",))
OTHER = a_model("other")
LARGE = a_model("large", 9 * GIB)


def state(f: Front, name: str) -> str:
    return next(seen.state for seen in f.proxy.scheduler.seen() if seen.name == name)


async def test_a_model_is_loaded_and_unloaded_by_any_of_its_names() -> None:
    async with front(CHAT, OTHER) as f:
        status, _, body = await f.post("/api/models/load", model="main.gguf")
        assert (status, body) == (200, {"model": "main", "state": "ready"})
        status, _, body = await f.post("/api/models/unload", model="main")
        assert (status, body) == (200, {"model": "main", "state": "unloaded"})
        status, _, _ = await f.post("/v1/chat/completions", model="main")
        assert status == 200


async def test_nobody_needs_to_wait_for_a_load() -> None:
    async with front(CHAT, OTHER) as f:
        status, _, body = await f.post("/api/models/load", model="other", wait=False)
        assert (status, body["model"]) == (202, "other")
        await f.post("/api/models/load", model="other")
        assert f.proxy.scheduler.seen()[1].loads == 1


async def test_a_stream_under_way_is_never_cut_by_an_unload() -> None:
    go = asyncio.Event()

    async def slowly(request: web.Request) -> web.StreamResponse:
        out = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await out.prepare(request)
        await out.write(b"data: 1\n\n")
        await go.wait()
        await out.write(b"data: 2\n\n")
        return out

    async with front(CHAT, answer=slowly, drain_timeout="1h") as f:
        async with f.client.post(f.url + "/v1/chat/completions", json={}) as stream:
            assert await stream.content.readuntil(b"\n\n") == b"data: 1\n\n"
            status, headers, body = await f.post(
                "/api/models/unload", model="main", **{"drain-timeout": "20ms"}
            )
            assert (status, body["error"]["code"]) == (409, "model_in_use")
            assert "still answering after 20ms (under way: 1), and stays loaded" in body["error"]["message"]
            assert headers["Retry-After"] == "1"
            unloading = asyncio.create_task(f.post("/api/models/unload", model="main"))
            await asyncio.sleep(0)
            go.set()
            assert await stream.content.read() == b"data: 2\n\n"
        assert (await unloading)[0] == 200
        assert state(f, "main") == "unloaded"


@pytest.mark.parametrize("path", ["/api/models/load", "/api/models/unload"])
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"model": "nothing"}, 404, "model_not_found"),
        ({}, 400, "invalid_value"),
        ({"model": 5}, 400, "invalid_type"),
        ({"model": "main", "force": True}, 400, "invalid_value"),
        ({"model": "x" * 70_000}, 413, "body_too_large"),
    ],
)
async def test_what_cannot_be_is_refused(path: str, body: dict[str, object], status: int, code: str) -> None:
    async with front(CHAT) as f:
        got, _, answer = await f.post(path, **body)
        assert (got, answer["error"]["code"]) == (status, code)


async def test_other_refusals_have_openais_shape_too() -> None:
    async with front(CHAT, LARGE) as f:
        status, _, body = await f.post("/api/models/load", model="large")
        assert (status, body["error"]["code"]) == (503, "model_too_large")
        status, _, body = await f.post("/api/models/load", model="large", wait=False)
        assert (status, body["error"]["code"]) == (503, "model_too_large")
        status, _, body = await f.post("/api/models/unload", model="main", **{"drain-timeout": "soon"})
        assert (status, body["error"]["param"]) == (400, "drain-timeout")
        async with f.client.post(f.url + "/api/models/load", data=b"{") as answer:
            assert (answer.status, (await answer.json())["error"]["code"]) == (400, "invalid_json")
        async with f.client.get(f.url + "/api/models/load") as answer:
            assert answer.status == 405


async def test_a_foreign_page_can_neither_load_nor_unload() -> None:
    async with front(CHAT) as f:
        for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
            for path in ("/api/models/load", "/api/models/unload"):
                async with f.client.post(f.url + path, json={"model": "main"}, headers=headers) as answer:
                    assert answer.status == 403
        assert state(f, "main") == "unloaded"
