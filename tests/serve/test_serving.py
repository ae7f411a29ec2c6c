"""The whole proxy as a process, before the real llama.cpp, asked by the real OpenAI client."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import httpx2
import openai
import pytest
from models.chat import SENTENCE
from support.proxies import ASK, FOREVER, Weights, engines_of, three
from support.serving import Proxies, Proxy, until

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def shared(weights: Weights) -> Iterator[Proxy]:
    """One proxy for all tests that leave it as it was; all its models fit into memory."""
    with tempfile.TemporaryDirectory(prefix="eai") as folder:
        made = Proxies(Path(folder))
        yield three(made, weights)
        made.close()


def client_of(proxy: Proxy) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{proxy.url}/v1", api_key="none", max_retries=0)


async def said(stream: openai.AsyncStream[openai.types.chat.ChatCompletionChunk]) -> str:
    return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])


async def all_come_whole(proxy: Proxy, streams: int, *, at_once: int) -> None:
    """Stream from two models in turns, so many at once, and see that every answer is whole."""
    async with client_of(proxy) as client:
        gate = asyncio.Semaphore(at_once)

        async def one(name: str) -> str:
            async with gate:
                return await said(await client.chat.completions.create(model=name, stream=True, **ASK))

        answers = await asyncio.gather(*(one(("chat", "other")[number % 2]) for number in range(streams)))
    assert answers == [SENTENCE, "I am the other one."] * (streams // 2)


async def test_the_openai_client_chats(shared: Proxy) -> None:
    async with client_of(shared) as client:
        raw = await client.chat.completions.with_raw_response.create(model="chat", **ASK)
        answer = raw.parse()
        assert answer.choices[0].message.content == SENTENCE
        assert answer.model == "chat"
        assert raw.headers["x-eai-model"] == "chat"
        assert raw.headers["x-eai-environment"] == "e" * 64


async def test_the_openai_client_streams_piece_by_piece(shared: Proxy) -> None:
    async with client_of(shared) as client:
        stream = await client.chat.completions.create(**FOREVER)
        pieces = []
        async for chunk in stream:
            pieces.append(chunk.choices[0].delta.content)
            if len(pieces) == 20:  # the model never ends: these came while it was going on
                break
        await stream.close()
        assert "one two three" in "".join(piece or "" for piece in pieces)


async def test_the_openai_client_embeds(shared: Proxy) -> None:
    async with client_of(shared) as client:
        answer = await client.embeddings.create(model="embedder", input=["one", "two"])
        assert [len(item.embedding) for item in answer.data] == [64, 64]


async def test_the_openai_client_lists_models(shared: Proxy) -> None:
    async with client_of(shared) as client:
        assert [model.id async for model in client.models.list()] == ["chat", "other", "endless", "embedder"]
        assert (await client.models.retrieve("Chat-F32.gguf")).id == "chat"


async def test_the_openai_client_understands_errors(shared: Proxy) -> None:
    async with client_of(shared) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.chat.completions.create(model="chat", messages="x")  # type: ignore[arg-type] - what no server takes
        assert caught.value.type == "invalid_request_error"
        with pytest.raises(openai.NotFoundError) as missing:
            await client.images.generate(prompt="a cat")
        assert missing.value.code == "no_model_for_task"
        with pytest.raises(openai.BadRequestError) as long:
            await client.chat.completions.create(
                model="chat", messages=[{"role": "user", "content": "x " * 9999}]
            )
        assert long.value.code == "context_length_exceeded"


@pytest.mark.parametrize(
    ("path", "body", "has"),
    [
        ("/v1/completions", {"prompt": "hello", "max_tokens": 4}, b'"text"'),
        ("/v1/responses", {"input": "hello", "max_output_tokens": 64}, SENTENCE.encode()),
        ("/v1/messages", ASK, SENTENCE.encode()),
        ("/v1/messages/count_tokens", ASK, b'"input_tokens"'),
        ("/tokenize", {"content": "hello"}, b'"tokens"'),
        ("/detokenize", {"tokens": [50]}, b'"content"'),
    ],
)
def test_the_engines_other_endpoints_answer(shared: Proxy, path: str, body: object, has: bytes) -> None:
    answer = httpx2.post(shared.url + path, json=body)
    assert answer.status_code == 200, answer.text
    assert has in answer.content


async def test_two_hundred_streams_side_by_side_all_come_whole(shared: Proxy) -> None:
    await all_come_whole(shared, 240, at_once=16)


async def test_a_client_that_leaves_frees_its_slot(shared: Proxy) -> None:
    async with client_of(shared) as client:
        for _ in range(4):  # the engine has two slots; none would be left for the third
            stream = await client.chat.completions.create(**FOREVER)
            await anext(aiter(stream))
            await stream.close()
        until(lambda: shared.state_of("endless")["streams"] == 0)
        short = await client.chat.completions.create(
            **{**FOREVER, "max_tokens": 8, "stream": False}, timeout=20
        )
        assert short.usage is not None
        assert short.usage.completion_tokens == 8


async def test_a_switch_waits_for_the_stream_under_way(proxies: Proxies, weights: Weights) -> None:
    proxy = three(proxies, weights, memory="150MiB")
    async with client_of(proxy) as client:
        body = {**FOREVER, "max_tokens": 800}
        stream = await client.chat.completions.create(**body)
        first = await anext(aiter(stream))
        switch = asyncio.create_task(client.chat.completions.create(model="other", **ASK))
        pieces = [first, *[chunk async for chunk in stream]]
        assert pieces[-1].choices[0].finish_reason == "length"
        assert len(pieces) >= 800
        assert (await switch).choices[0].message.content == "I am the other one."
    assert [model["state"] for model in proxy.status()["models"]] == [
        "unloaded",
        "ready",
        "unloaded",
        "unloaded",
    ]


async def test_models_that_have_room_one_at_a_time_take_turns_and_every_answer_is_whole(
    proxies: Proxies, weights: Weights
) -> None:
    proxy = three(proxies, weights, memory="150MiB")
    await all_come_whole(proxy, 40, at_once=8)
    loads = sum(model["loads"] for model in proxy.status()["models"])
    assert loads <= 21  # those who wait for one model are served by one load


async def test_a_request_waits_only_so_long_for_room(proxies: Proxies, weights: Weights) -> None:
    proxy = three(proxies, weights, memory="150MiB", drain_timeout="200ms")
    async with client_of(proxy) as client:
        stream = await client.chat.completions.create(**FOREVER)
        await anext(aiter(stream))
        with pytest.raises(openai.InternalServerError) as caught:
            await client.chat.completions.create(model="other", **ASK)
        assert caught.value.status_code == 503
        assert 1 <= int(caught.value.response.headers["Retry-After"]) <= 120
        assert "endless did not leave" in str(caught.value)
        assert (await anext(aiter(stream))).choices  # the stream goes on
        await stream.close()


async def test_an_engine_that_was_killed_is_an_error_that_says_so_and_then_comes_back(
    proxies: Proxies, weights: Weights
) -> None:
    proxy = three(proxies, weights)
    async with client_of(proxy) as client:
        stream = await client.chat.completions.create(**FOREVER)
        await anext(aiter(stream))
        (engine,) = [engine for engine in engines_of(proxy) if "endless" in engine.cmdline()]
        engine.kill()
        with pytest.raises(openai.APIError, match=r"endless ended before its answer was whole.*SIGKILL"):
            await said(stream)
        short = {**FOREVER, "max_tokens": 8, "stream": False}
        answer = await client.chat.completions.create(**short)
        assert answer.choices[0].finish_reason == "length"
    assert proxy.state_of("endless")["crashes"] == 1


@pytest.mark.parametrize("side_by_side", [8, 32])
async def test_of_a_thousand_requests_none_is_lost(shared: Proxy, side_by_side: int) -> None:
    """The engine closes connections as it likes; whoever reuses one just then loses a request."""
    numbers = iter(range(1000))
    answers: list[str] = []

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:

        async def some() -> None:
            for number in numbers:
                body = {**ASK, "max_tokens": 1, "stream": number % 2 == 1}
                async with client.post(f"{shared.url}/v1/chat/completions", json=body) as answer:
                    text = await answer.text()
                    end = "data: [DONE]\n\n" if body["stream"] else "}"
                    answers.append("whole" if answer.status == 200 and text.endswith(end) else text)

        await asyncio.gather(*(some() for _ in range(side_by_side)))
    assert answers == ["whole"] * 1000
    assert shared.state_of("chat")["streams"] == 0
