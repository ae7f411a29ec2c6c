"""Images that a request names by URL reach the real engine, which itself has no network."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from models.chat import SENTENCE
from support.bench import a_model
from support.front import front
from support.kinds import every_kind
from support.pictures import Gallery, data_url, gallery, png

CHAT = a_model("main", main=True)
RED = data_url(png())


@pytest.fixture
async def shop() -> AsyncIterator[Gallery]:
    async with gallery() as made:
        yield made


def body(*parts: object) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "what is it?"}, *parts]}]}


@pytest.mark.engine
async def test_the_real_engine_sees_them_through_every_api(shop: Gallery) -> None:
    url = shop.url("/red.png")
    with (
        tempfile.TemporaryDirectory() as folder,
        every_kind(Path(folder), remote_images=[f"127.0.0.1:{shop.port}"]) as proxy,
    ):
        async with openai.AsyncOpenAI(base_url=f"{proxy.url}/v1", api_key="none", max_retries=0) as client:

            async def look(part: Any) -> tuple[str | None, int]:  # noqa: ANN401 - JSON
                answer = await client.chat.completions.create(model="chat", **body(part))
                return answer.choices[0].message.content, answer.usage.prompt_tokens if answer.usage else 0

            seen = await look({"type": "image_url", "image_url": {"url": RED}})
            assert seen[0] == SENTENCE
            assert await look({"type": "image_url", "image_url": {"url": url}}) == seen
            assert await look({"type": "image_url", "image_url": url}) == seen

            image: Any = {"type": "input_image", "image_url": url, "detail": "auto"}
            said: Any = [{"role": "user", "content": [{"type": "input_text", "text": "what is it?"}, image]}]
            answer = await client.responses.create(model="chat", input=said)
            assert answer.output_text == SENTENCE
            assert answer.usage is not None
            assert answer.usage.input_tokens == seen[1]
        async with anthropic.AsyncAnthropic(base_url=proxy.url, api_key="none", max_retries=0) as claude:
            part: Any = {"type": "image", "source": {"type": "url", "url": url}}
            counted = await claude.messages.count_tokens(model="chat", **body(part))
            assert counted.input_tokens == seen[1]
            told = await claude.messages.create(model="chat", max_tokens=64, **body(part))
            assert [block.text for block in told.content if block.type == "text"] == [SENTENCE]
    assert len(shop.asked) == 5


async def test_only_the_url_is_changed_on_the_way(shop: Gallery) -> None:
    url = shop.url("/red.png")
    raw = '{"seed": 18446744073709551615, "top_p": 0.10, "messages": [{"content": [%s]}]}'
    part = '{"type":"image_url","image_url":{"url":"%s"}}'
    async with front(CHAT, remote_images=[f"127.0.0.1:{shop.port}"]) as f:
        async with f.client.post(f.url + "/v1/chat/completions", data=raw % (part % url)) as answer:
            assert answer.status == 200
        expected = raw.replace(": ", ":").replace(", ", ",") % (part % RED)
        assert f.seen[0][2].decode() == expected


async def test_a_private_address_is_refused_and_no_engine_asked(shop: Gallery) -> None:
    async with front(CHAT) as f:
        part = {"type": "image_url", "image_url": {"url": shop.url("/red.png")}}
        status, _, said = await f.post("/v1/chat/completions", **body(part))
        assert (status, said["error"]["code"], said["error"]["param"]) == (400, "remote_media", "url")
        assert f.seen == []
        assert shop.asked == []


async def test_media_of_other_kinds_are_refused(shop: Gallery) -> None:
    async with front(CHAT, remote_images=[f"127.0.0.1:{shop.port}"]) as f:
        part = {"type": "input_audio", "input_audio": {"data": shop.url("/a.wav"), "format": "wav"}}
        status, _, said = await f.post("/v1/chat/completions", **body(part))
        assert (status, said["error"]["code"]) == (400, "remote_media")
        assert shop.asked == []
