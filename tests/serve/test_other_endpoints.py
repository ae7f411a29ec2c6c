"""Every other endpoint before the real engine, by the real clients of OpenAI and Anthropic."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from models.chat import SENTENCE
from support.kinds import SAID, THOUGHT
from support.serving import Proxy

pytestmark = pytest.mark.engine

HELLO: list[Any] = [{"role": "user", "content": "hello"}]
CITY: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}}


@pytest.fixture(scope="module")
def claude(proxy: Proxy) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=proxy.url, api_key="none", max_retries=0) as made:
        yield made


# Responses


def test_a_response_is_given(client: openai.OpenAI) -> None:
    answer = client.responses.create(model="gpt-5", input="hello", max_output_tokens=64)
    assert (answer.output_text, answer.model, answer.status) == (SENTENCE, "chat", "completed")
    assert answer.id.startswith("resp_")
    assert answer.usage is not None
    assert answer.usage.output_tokens > 0


def test_a_response_is_streamed(client: openai.OpenAI) -> None:
    events: list[Any] = list(client.responses.create(model="gpt-5", input="hello", stream=True))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == SENTENCE
    assert [event.sequence_number for event in events] == list(range(len(events)))
    named = {event.response.model for event in events if hasattr(event, "response")}
    assert named == {"chat"}


def test_a_streamed_response_can_be_put_together_again(client: openai.OpenAI) -> None:
    with client.responses.stream(model="thinker", input="hello") as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        whole = stream.get_final_response()
    assert text == whole.output_text == SAID
    assert [item.type for item in whole.output] == ["reasoning", "message"]
    assert whole.output[0].content[0].text.strip() == THOUGHT  # type: ignore[union-attr,index] - what it thought comes first


def test_a_response_calls_a_tool(client: openai.OpenAI) -> None:
    tools: Any = [{"type": "function", "name": "get_weather", "parameters": CITY}]
    with client.responses.stream(model="tools", input="hello", tools=tools) as stream:
        stream.until_done()
        (call,) = stream.get_final_response().output
    assert call.type == "function_call"
    assert (call.name, json.loads(call.arguments)) == ("get_weather", {"city": "Paris"})


# Anthropic's messages


def test_a_message_is_answered(claude: anthropic.Anthropic) -> None:
    answer = claude.messages.create(model="claude", max_tokens=64, messages=HELLO)
    assert [block.text for block in answer.content if block.type == "text"] == [SENTENCE]
    assert (answer.model, answer.stop_reason) == ("chat", "end_turn")


def test_an_answer_to_a_message_is_streamed(claude: anthropic.Anthropic) -> None:
    with claude.messages.stream(model="claude", max_tokens=64, messages=HELLO) as stream:
        assert "".join(stream.text_stream) == SENTENCE
        answer = stream.get_final_message()
    assert (answer.model, answer.stop_reason) == ("chat", "end_turn")
    assert answer.usage.output_tokens > 0


def test_thoughts_and_calls_are_blocks_of_their_own(claude: anthropic.Anthropic) -> None:
    with claude.messages.stream(model="thinker", max_tokens=64, messages=HELLO) as stream:
        thought, said = stream.get_final_message().content
    assert thought.type == "thinking"
    assert thought.thinking.strip() == THOUGHT
    assert said.type == "text"
    assert said.text == SAID
    tools: Any = [{"name": "get_weather", "input_schema": CITY}]
    called = claude.messages.create(model="tools", max_tokens=64, messages=HELLO, tools=tools)
    assert called.stop_reason == "tool_use"
    assert [block.input for block in called.content if block.type == "tool_use"] == [{"city": "Paris"}]


def test_the_tokens_of_a_message_are_counted(claude: anthropic.Anthropic) -> None:
    counted = claude.messages.count_tokens(model="claude", messages=HELLO)
    answer = claude.messages.create(model="claude", max_tokens=1, messages=HELLO)
    read = answer.usage.input_tokens + (answer.usage.cache_read_input_tokens or 0)
    assert counted.input_tokens == read


def test_anthropics_client_understands_errors(claude: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match="exceeds the available context size"):
        claude.messages.create(
            model="claude", max_tokens=1, messages=[{"role": "user", "content": "x " * 9999}]
        )


# Vectors


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True)) / math.hypot(*one) / math.hypot(*other)


def test_texts_of_one_subject_are_near_each_other(client: openai.OpenAI) -> None:
    texts = ["a cat sat on the kitten", "the dog and a mouse", "the stock market fell"]
    answer = client.embeddings.create(model="text-embedding-3-small", input=texts)
    cat, dog, stock = (each.embedding for each in answer.data)
    assert cosine(cat, dog) > 0.6
    assert cosine(cat, stock) < 0.5
    assert answer.model == "embedder"
    assert [each.index for each in answer.data] == [0, 1, 2]


def test_vectors_are_the_same_in_base64(client: openai.OpenAI) -> None:
    # The client asks for base64 where nothing is said, and unpacks it.
    packed = client.embeddings.create(model="embedder", input="cat").data[0].embedding
    plain = client.embeddings.create(model="embedder", input="cat", encoding_format="float").data[0].embedding
    assert packed == pytest.approx(plain, abs=1e-6)
    raw: Any = client.embeddings.create(model="embedder", input="cat", encoding_format="base64")
    assert isinstance(raw.data[0].embedding, str)


def test_tokens_can_be_embedded_as_well_as_text(proxy: Proxy, client: openai.OpenAI) -> None:
    body = {"model": "embedder", "content": "cat", "add_special": True}
    tokens = httpx2.post(f"{proxy.url}/tokenize", json=body).json()["tokens"]
    (one,) = client.embeddings.create(model="embedder", input=tokens).data
    (other,) = client.embeddings.create(model="embedder", input="cat").data
    assert one.embedding == pytest.approx(other.embedding, abs=1e-5)


def test_a_text_that_is_too_long_is_told_by_openais_code(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model="embedder", input="cat " * 1000)
    assert caught.value.code == "context_length_exceeded"


@pytest.mark.parametrize("path", ["/v1/rerank", "/rerank"])
def test_documents_are_ranked(proxy: Proxy, path: str) -> None:
    body = {"model": "rerank-3", "query": "cat", "documents": ["the stock", "a kitten", "dog and bank"]}
    answer = httpx2.post(proxy.url + path, json=body).json()
    assert [each["index"] for each in answer["results"]] == [1, 2, 0]
    assert answer["model"] == "ranker"
    first = httpx2.post(proxy.url + path, json={**body, "top_n": 1}).json()
    assert [each["index"] for each in first["results"]] == [1]


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/v1/embeddings", {"input": []}, "input"),
        ("/v1/embeddings", {"input": ["x"] * 2049}, "input"),
        ("/v1/rerank", {"query": "x"}, "documents"),
        ("/v1/rerank", {"query": "x", "documents": ["x"] * 1025}, "documents"),
        ("/v1/responses", {}, "input"),
        ("/v1/messages", {"messages": [{}] * 4097}, "messages"),
    ],
)
def test_what_is_wrong_with_a_request_is_named(
    proxy: Proxy, path: str, body: dict[str, object], param: str
) -> None:
    answer = httpx2.post(proxy.url + path, json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["param"]) == (400, "invalid_request_error", param)


# Tokens and models


def test_text_becomes_tokens_and_text_again(proxy: Proxy) -> None:
    tokens = httpx2.post(f"{proxy.url}/tokenize", json={"content": "hello how are"}).json()["tokens"]
    assert (
        httpx2.post(f"{proxy.url}/detokenize", json={"tokens": tokens}).json()["content"] == "hello how are"
    )


def test_models_are_listed_with_what_they_are_for(client: openai.OpenAI) -> None:
    listed: list[Any] = list(client.models.list())
    assert {each.id: each.task for each in listed} == {
        "chat": "chat",
        "tools": "chat",
        "thinker": "chat",
        "embedder": "embed",
        "ranker": "rerank",
    }
    assert [each.id for each in listed if each.multimodal] == ["chat"]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/embeddings", "/v1/rerank", "/v1/responses"])
def test_no_answer_names_a_path_of_this_machine(proxy: Proxy, path: str) -> None:
    body = {"messages": HELLO, "input": "cat", "query": "cat", "documents": ["dog"], "max_tokens": 2}
    answer = httpx2.post(proxy.url + path, json=body)
    listed = httpx2.get(f"{proxy.url}/v1/models")
    assert answer.status_code == 200
    for text in (answer.text, str(answer.headers), listed.text):
        assert "/tmp" not in text
        assert ".sock" not in text
