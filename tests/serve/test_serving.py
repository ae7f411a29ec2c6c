"""The whole proxy as a process, before the real llama.cpp, asked by the real OpenAI client."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import openai
import psutil
import pytest
from models.chat import SENTENCE, write_chat
from support.serving import LAUNCHER, MIB, Proxies, Proxy, environment, served, until

from zoo.serve import state

pytestmark = pytest.mark.engine

ASK = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 64}
FOREVER = {**ASK, "model": "endless", "max_tokens": 1_000_000, "stream": True}
COUNT = "one two three four five six seven eight nine ten, "


class Weights:
    """The tiny models of these tests."""

    def __init__(self, folder: Path) -> None:
        (self.chat,) = write_chat(folder / "Chat-F32.gguf")
        (self.other,) = write_chat(folder / "other.gguf", say="I am the other one.")
        (self.endless,) = write_chat(folder / "endless.gguf", say=COUNT, endless=True)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return Weights(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def proxies() -> Iterator[Proxies]:
    with tempfile.TemporaryDirectory(prefix="eai") as folder:
        made = Proxies(Path(folder))
        yield made
        made.close()


@pytest.fixture(scope="module")
def shared(weights: Weights) -> Iterator[Proxy]:
    """One proxy for all tests that leave it as it was; all its models fit into memory."""
    with tempfile.TemporaryDirectory(prefix="eai") as folder:
        made = Proxies(Path(folder))
        yield three(made, weights)
        made.close()


def three(proxies: Proxies, weights: Weights, *, memory: str = "1GiB", **more: str) -> Proxy:
    """A proxy of a main model, another one, one that never ends, and one for embeddings."""
    proxy = proxies.start(
        environment(
            served(weights.chat, "chat", main=True),
            served(weights.other, "other"),
            served(weights.endless, "endless"),
            served(weights.chat, "embedder", "--embeddings", "--pooling", "mean", task="embed"),
            memory=memory,
            **more,
        )
    )
    proxy.until_ready()
    return proxy


def client_of(proxy: Proxy) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{proxy.url}/v1", api_key="none", max_retries=0)


async def said(stream: openai.AsyncStream[openai.types.chat.ChatCompletionChunk]) -> str:
    return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])


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
            await client.chat.completions.create(model="chat", messages="x")  # type: ignore[arg-type]
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
    async with client_of(shared) as client:
        gate = asyncio.Semaphore(16)

        async def one(name: str) -> str:
            async with gate:
                return await said(await client.chat.completions.create(model=name, stream=True, **ASK))

        answers = await asyncio.gather(*(one(("chat", "other")[number % 2]) for number in range(240)))
    assert answers == [SENTENCE, "I am the other one."] * 120


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
    async with client_of(proxy) as client:
        gate = asyncio.Semaphore(8)

        async def one(name: str) -> str:
            async with gate:
                return await said(await client.chat.completions.create(model=name, stream=True, **ASK))

        answers = await asyncio.gather(*(one(("chat", "other")[number % 2]) for number in range(40)))
    assert answers == [SENTENCE, "I am the other one."] * 20
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
        assert caught.value.response.headers["Retry-After"] == "5"
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
        answer = await client.chat.completions.create(**{**FOREVER, "max_tokens": 8, "stream": False})
        assert answer.choices[0].finish_reason == "length"
    assert proxy.state_of("endless")["crashes"] == 1


def test_killing_the_proxy_ends_its_engines(proxies: Proxies, weights: Weights) -> None:
    proxy = three(proxies, weights)
    httpx2.post(f"{proxy.url}/v1/chat/completions", json={**ASK, "model": "other"})
    engines = engines_of(proxy)
    assert len(engines) == 2
    proxy.end(signal.SIGKILL)
    until(lambda: not any(map(runs, engines)), within=5)


def test_what_a_killed_proxy_left_behind_hinders_nobody(proxies: Proxies, weights: Weights) -> None:
    first = proxies.start(environment(served(weights.chat, "chat", main=True)))
    first.until_ready()
    left = state.read(first.run)
    assert left is not None
    assert state.running(first.run) == left
    first.end(signal.SIGKILL)
    assert state.running(first.run) is None
    second = proxies.start(environment(served(weights.chat, "chat", main=True)))
    second.until_ready()
    assert second.url
    assert not Path(left.sockets).exists()


def test_ending_waits_for_streams_and_leaves_nothing(proxies: Proxies, weights: Weights) -> None:
    proxy = three(proxies, weights)
    sockets = Path(running(proxy).sockets)
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    body = {**FOREVER, "max_tokens": 1000}
    with httpx2.stream("POST", f"{proxy.url}/v1/chat/completions", json=body, timeout=30) as answer:
        lines = answer.iter_lines()
        next(lines)
        engines = engines_of(proxy)
        proxy.process.terminate()
        assert list(lines)[-2:] == ["data: [DONE]", ""]
    assert proxy.end() == 0
    assert proxy.said[1:] == [{"stopping": 1}, {"whole": True}]
    assert not any(map(runs, engines))
    assert not sockets.exists()
    assert not proxy.run.state.exists()


def test_a_second_signal_ends_at_once(proxies: Proxies, weights: Weights) -> None:
    proxy = three(proxies, weights)
    with httpx2.stream("POST", f"{proxy.url}/v1/chat/completions", json=FOREVER, timeout=30) as answer:
        lines = answer.iter_lines()
        next(lines)
        proxy.process.terminate()
        until(lambda: "stopping" in json.loads(proxy.process.stdout.readline()))  # type: ignore[union-attr]
        assert proxy.end(signal.SIGINT) == 0
        assert proxy.said[-1] == {"whole": False}
        with pytest.raises(httpx2.RemoteProtocolError):
            list(lines)


def test_a_main_model_that_does_not_load_ends_it_with_the_engines_words(
    proxies: Proxies, weights: Weights, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(weights.chat.read_bytes()[:100_000])
    proxy = proxies.start(environment(served(broken, "broken", main=True)))
    proxy.until_ready()
    assert proxy.process.returncode == 1
    assert "the engine of broken ended while loading: exit code 1" in proxy.said[-1]["error"]
    assert "corrupted or incomplete" in proxy.said[-1]["error"]
    assert not proxy.run.state.exists()


def test_an_on_demand_model_that_does_not_load_is_a_503_and_the_rest_goes_on(
    proxies: Proxies, weights: Weights, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF")
    proxy = proxies.start(environment(served(weights.chat, "chat", main=True), served(broken, "broken")))
    proxy.until_ready()
    answer = httpx2.post(f"{proxy.url}/v1/chat/completions", json={**ASK, "model": "broken"})
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "engine_failed"
    assert httpx2.post(f"{proxy.url}/v1/chat/completions", json=ASK).status_code == 200


def test_a_main_model_that_is_too_large_is_refused_before_it_is_loaded(
    proxies: Proxies, weights: Weights
) -> None:
    large = served(weights.chat, "chat", main=True, memory=300 * MIB)
    proxy = proxies.start(environment(large, memory="200MiB"))
    proxy.until_ready()
    assert proxy.process.returncode == 1
    assert "chat needs 300 MiB of memory, and the loaded models may take 200 MiB" in proxy.said[-1]["error"]
    assert not proxy.run.engine_log("chat").path.exists()


def test_a_port_that_is_taken_is_an_error_that_says_by_whom(proxies: Proxies, weights: Weights) -> None:
    env = environment(served(weights.chat, "chat", main=True))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        proxy = proxies.start(env, port=port)
        proxy.until_ready()
        assert f"port {port} of 127.0.0.1 is taken by " in proxy.said[-1]["error"]
        assert f"(pid {os.getpid()})" in proxy.said[-1]["error"]
    first = proxies.start(env, project="first")
    first.until_ready()
    second = proxies.start(env, project="second", port=running(first).port)
    second.until_ready()
    assert f"taken by the eai that serves {proxies.folder / 'first'}" in second.said[-1]["error"]


def test_a_project_is_served_once(proxies: Proxies, weights: Weights) -> None:
    env = environment(served(weights.chat, "chat", main=True))
    first = proxies.start(env)
    first.until_ready()
    second = proxies.start(env)
    second.until_ready()
    assert f"is being served already at {first.url}" in second.said[-1]["error"]
    assert httpx2.get(f"{first.url}/health").status_code == 200


def test_health_says_loading_until_the_main_model_answers(proxies: Proxies, weights: Weights) -> None:
    go = proxies.folder / "go"
    waits = f'while [ ! -e {go} ]; do sleep 0.02; done; exec "$0" "$@"'
    slow = served(weights.chat, "chat", main=True, program=("/bin/sh", "-c", waits, *LAUNCHER))
    proxy = proxies.start(environment(slow))
    until(lambda: state.running(proxy.run))
    url = running(proxy).url
    answer = httpx2.get(f"{url}/health")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "loading")
    go.touch()
    proxy.until_ready()
    assert httpx2.get(f"{url}/health").json() == {"status": "ok"}


def running(proxy: Proxy) -> state.RunState:
    found = state.running(proxy.run)
    assert found is not None
    return found


def engines_of(proxy: Proxy) -> list[psutil.Process]:
    """The engine processes that a proxy started."""
    return psutil.Process(proxy.process.pid).children()


def runs(process: psutil.Process) -> bool:
    """Whether it runs; one that nobody has waited for yet does not."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
