"""The page's files and its events, as any client sees them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from support.bench import a_model
from support.front import Front, front

import zoo.serve
from zoo.serve.broadcast import BEHIND, LISTENERS, Broadcast
from zoo.serve.logfile import LogFile

CHAT = a_model("main", main=True)
FILES = Path(zoo.serve.__file__).parent / "page"


async def test_the_page_may_load_nothing_from_elsewhere() -> None:
    async with front(CHAT) as f, f.client.get(f.url) as response:
        assert response.content_type == "text/html"
        policy = response.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'self';")
        assert "unsafe" not in policy
        text = await response.text()
        named = re.findall(r'(?:src|href)="([^"]*)"', text)
        assert named
        assert all(url.startswith("/page/") for url in named)
        for url in named:
            async with f.client.get(f.url + url) as file:
                assert file.status == 200


async def test_a_file_is_sent_once_until_it_changes() -> None:
    async with front(CHAT) as f:
        async with f.client.get(f.url + "/page/app.js") as first:
            assert (first.status, first.content_type) == (200, "text/javascript")
            assert first.headers["Cache-Control"] == "no-cache"
            tag = first.headers["ETag"]
        for given in (tag, f"W/{tag}", f'"other", {tag}'):
            async with f.client.get(f.url + "/page/app.js", headers={"If-None-Match": given}) as again:
                assert (again.status, await again.read()) == (304, b"")


@pytest.mark.parametrize("name", ["..%2fapp.py", "nothing.js", "app.js%00"])
async def test_nothing_else_is_given(name: str) -> None:
    async with front(CHAT) as f:
        assert (await f.get(f"/page/{name}"))[0] == 404


@pytest.mark.parametrize("path", sorted(FILES.iterdir()), ids=lambda path: path.name)
def test_a_file_is_small_plain_and_of_its_own(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 350
    assert "innerHTML" not in text
    assert [url for url in re.findall(r"https?://[^\s\"']+", text) if "www.w3.org" not in url] == []


async def events(response: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, object]]:
    while True:
        kind = (await response.content.readuntil(b"\n")).decode().removeprefix("event: ").strip()
        data = (await response.content.readuntil(b"\n\n")).decode().removeprefix("data: ")
        yield kind, json.loads(data)


async def until(found: AsyncIterator[tuple[str, object]], kind: str) -> object:
    async with asyncio.timeout(10):
        async for each, value in found:
            if each == kind:
                return value
    raise AssertionError(kind)


async def test_who_listens_is_told_what_there_is_and_then_what_is_new(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "proxy.log")
    log.path.write_text("old\n")
    async with (
        front(CHAT, logs={"proxy": log}) as f,
        f.client.get(f.url + "/api/events") as response,
    ):
        assert response.content_type == "text/event-stream"
        told = events(response)
        status = await until(told, "status")
        assert isinstance(status, dict)
        assert status["models"][0]["state"] == "unloaded"
        assert await until(told, "swap") == []
        assert await until(told, "request") == []
        assert await until(told, "log") == {"source": "proxy", "lines": ["old"]}
        with log.path.open("a") as file:
            file.write("new\n")
        assert await until(told, "log") == {"source": "proxy", "lines": ["new"]}
        await f.post("/v1/chat/completions")
        swap = await until(told, "swap")
        assert isinstance(swap, list)
        assert (swap[0]["model"], swap[0]["what"]) == ("main", "loaded")
        request = await until(told, "request")
        assert isinstance(request, list)
        assert (request[0]["path"], request[0]["status"]) == ("/v1/chat/completions", 200)
        assert await until(told, "flow")


async def test_so_many_may_listen_and_no_more() -> None:
    async def listen(f: Front) -> aiohttp.ClientResponse:
        return await f.client.get(f.url + "/api/events")

    async with front(CHAT) as f:
        f.client.connector._limit = 0  # type: ignore[union-attr] # noqa: SLF001 - as many as the test wants
        listening = [await listen(f) for _ in range(LISTENERS)]
        assert {response.status for response in listening} == {200}
        status, body = await f.get("/api/events")
        assert (status, body["error"]["code"]) == (503, "too_many_listeners")
        for response in listening:
            response.close()


async def test_who_does_not_keep_up_is_cut_off_and_the_others_are_not() -> None:
    broadcast = Broadcast()
    slow, quick = broadcast.join(), broadcast.join()
    assert slow is not None
    assert quick is not None
    much = "x" * (BEHIND // 8)
    for _ in range(8):
        broadcast.tell("n", much)
        assert await quick.get() == b'event: n\ndata: "%s"\n\n' % much.encode()
    assert await slow.get() is None
    assert len(broadcast) == 1
    broadcast.close()
    assert await quick.get() is None
