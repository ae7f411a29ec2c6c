"""`/v1/chat/completions` and `/v1/completions` before the real engine, by the real OpenAI client."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import openai
import pytest
from models.chat import SENTENCE
from support.kinds import SAID, THOUGHT
from support.serving import Proxy

pytestmark = pytest.mark.engine

HELLO: list[Any] = [{"role": "user", "content": "hello"}]
SCHEMA = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def chunks(proxy: Proxy, path: str, **body: object) -> list[dict[str, Any]]:
    """All events of a stream but the last, which says that it is over."""
    answer = httpx2.post(proxy.url + path, json={**body, "stream": True})
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


@pytest.mark.parametrize("prefix", ["/v1", ""])
@pytest.mark.parametrize("asked", ["chat", "chat.gguf", "gpt-5", None])
def test_every_chunk_names_the_model_that_answers(proxy: Proxy, prefix: str, asked: str | None) -> None:
    body = {} if asked is None else {"model": asked}
    for path, more in (("/chat/completions", {"messages": HELLO}), ("/completions", {"prompt": "hello"})):
        whole = httpx2.post(f"{proxy.url}{prefix}{path}", json={**body, **more, "max_tokens": 3}).json()
        pieces = chunks(proxy, f"{prefix}{path}", max_tokens=3, **body, **more)
        assert {each["model"] for each in (whole, *pieces)} == {"chat"}
        assert len({each["id"] for each in pieces}) == 1
        assert str(whole["id"]).startswith("chatcmpl-")


def test_usage_comes_with_a_stream_where_it_is_asked_for(client: openai.OpenAI) -> None:
    for asked in (True, False):
        options: Any = {"include_usage": True} if asked else openai.omit
        stream = client.chat.completions.create(
            model="chat", messages=HELLO, max_tokens=3, stream=True, stream_options=options
        )
        usages = [chunk.usage for chunk in stream if chunk.usage]
        assert [usage.completion_tokens for usage in usages] == ([3] if asked else [])


def test_logprobs_are_given(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="chat", messages=HELLO, max_tokens=2, logprobs=True, top_logprobs=2
    )
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    assert [each.token for each in logprobs.content] == ["Hello", " from"]
    assert [len(each.top_logprobs) for each in logprobs.content] == [2, 2]


def test_several_choices_are_given_as_far_as_there_are_slots(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="chat", messages=HELLO, n=2)
    assert [choice.message.content for choice in answer.choices] == [SENTENCE, SENTENCE]
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="chat", messages=HELLO, n=3)
    assert caught.value.param == "n"


def test_a_stop_word_stops(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="chat", messages=HELLO, stop=["test"])
    assert answer.choices[0].message.content == "Hello from a tiny "
    assert answer.choices[0].finish_reason == "stop"


def test_one_seed_gives_one_answer_and_another_another(client: openai.OpenAI) -> None:
    def say(seed: int) -> str | None:
        answer = client.chat.completions.create(
            model="chat",
            messages=HELLO,
            max_tokens=16,
            seed=seed,
            temperature=50,
            top_p=1,
            extra_body={"min_p": 0, "top_k": 0},
        )
        return answer.choices[0].message.content

    assert say(1) == say(1)
    assert len({say(seed) for seed in (1, 2, 3)}) > 1


def test_a_json_schema_is_kept(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="chat",
        messages=HELLO,
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "person", "schema": SCHEMA, "strict": True},
        },
        max_tokens=200,
        temperature=0,
    )
    said = json.loads(answer.choices[0].message.content or "")
    assert isinstance(said["age"], int)


def test_a_tool_is_called(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="tools", messages=HELLO, tools=[WEATHER])
    (call,) = answer.choices[0].message.tool_calls or ()
    assert answer.choices[0].finish_reason == "tool_calls"
    assert call.type == "function"
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": "Paris"})


def test_a_tools_arguments_come_piece_by_piece(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(model="tools", messages=HELLO, tools=[WEATHER], stream=True)
    pieces = [
        call.function.arguments or ""
        for chunk in stream
        for call in chunk.choices[0].delta.tool_calls or ()
        if call.function
    ]
    assert json.loads("".join(pieces)) == {"city": "Paris"}
    assert len(pieces) > 2


def test_what_a_tool_said_is_understood(client: openai.OpenAI) -> None:
    call: Any = {"id": "1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    told: list[Any] = [
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "rain"},
    ]
    before = client.chat.completions.create(model="tools", messages=HELLO, tools=[WEATHER]).usage
    after = client.chat.completions.create(model="tools", messages=HELLO + told, tools=[WEATHER]).usage
    assert before is not None
    assert after is not None
    assert after.prompt_tokens > before.prompt_tokens


def test_what_a_model_thinks_is_no_part_of_what_it_says(client: openai.OpenAI) -> None:
    message: Any = client.chat.completions.create(model="thinker", messages=HELLO).choices[0].message
    assert (message.reasoning_content.strip(), message.content) == (THOUGHT, SAID)


def test_what_a_model_thinks_is_streamed_apart(client: openai.OpenAI) -> None:
    deltas: list[Any] = [
        chunk.choices[0].delta
        for chunk in client.chat.completions.create(model="thinker", messages=HELLO, stream=True)
    ]
    thought = "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas)
    assert thought.strip() == THOUGHT
    assert "".join(delta.content or "" for delta in deltas) == SAID


def test_a_request_may_want_the_thoughts_as_they_were_said(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="thinker", messages=HELLO, extra_body={"reasoning_format": "none"}
    )
    assert answer.choices[0].message.content == f"<think>\n{THOUGHT}\n</think>\n\n{SAID}"


def test_a_prompt_is_completed(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="chat", prompt="hello", max_tokens=64)
    assert (answer.choices[0].text, answer.model) == (SENTENCE, "chat")
    pieces = client.completions.create(model="chat", prompt="hello", max_tokens=64, stream=True)
    assert "".join(piece.choices[0].text for piece in pieces) == SENTENCE


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/v1/chat/completions", {}, "messages"),
        ("/v1/chat/completions", {"messages": [{}] * 4097}, "messages"),
        ("/v1/chat/completions", {"messages": HELLO, "top_logprobs": 21, "logprobs": True}, "top_logprobs"),
        ("/v1/chat/completions", {"messages": HELLO, "n": 129}, "n"),
        ("/v1/completions", {}, "prompt"),
        ("/v1/completions", {"prompt": ["x"] * 2049}, "prompt"),
    ],
)
def test_what_is_wrong_with_a_request_is_named(
    proxy: Proxy, path: str, body: dict[str, object], param: str
) -> None:
    answer = httpx2.post(proxy.url + path, json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["param"]) == (400, "invalid_request_error", param)
