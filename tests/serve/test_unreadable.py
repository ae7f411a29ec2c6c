"""Requests that nobody can read: whoever sends them is told, and nothing fails on them."""

from __future__ import annotations

import json
import logging

import pytest
from support.bench import a_model
from support.front import front

from zoo.serve import asked, responses
from zoo.serve.answers import Problem

CHAT = a_model("main", main=True)
UNREADABLE = {
    "a name that is no UTF-8": b'{"model": "\xff"}',
    "a text that is no UTF-8 beside a URL": b'{"a": "\xff", "b": "http://a"}',
    "a key that is no UTF-8 beside a URL": b'{"\xff": "http://a"}',
    "a number too large for a float beside a URL": b'{"a": 1e999, "b": "http://a"}',
    "a number of many digits beside a URL": b'{"a": %b, "b": "http://a"}' % (b"9" * 5000),
    "more depth than there is beside a URL": b'{"a": %b%b, "b": "http://a"}' % (b"[" * 5000, b"]" * 5000),
}


@pytest.mark.parametrize("loaded", [True, False])
@pytest.mark.parametrize("shape", UNREADABLE)
async def test_a_body_that_cannot_be_read_is_refused_in_words(
    shape: str, *, loaded: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with front(CHAT, loaded=loaded) as f:
        talk = await f.connect()
        for _ in range(2):  # the connection lives on
            talk.ask(UNREADABLE[shape])
            status, _, body = await talk.answer()
            assert (status, json.loads(body)["error"]["code"]) == (400, "invalid_json")
        assert f.seen == []
        assert f.holds == 0
        await talk.close()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("path", ["/api/models/load", "/api/models/lora"])
async def test_what_is_for_eai_itself_is_read_as_carefully(path: str) -> None:
    async with front(CHAT) as f, f.client.post(f.url + path, data=b'{"model": "\xff"}') as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (400, "invalid_json")


async def test_a_body_that_cannot_be_unpacked_is_refused_in_words(caplog: pytest.LogCaptureFixture) -> None:
    async with front(CHAT, loaded=True) as f:
        talk = await f.connect()
        talk.ask(b"no gzip", "Content-Encoding: gzip")
        status, _, body = await talk.answer()
        assert (status, json.loads(body)["error"]["code"]) == (400, "bad_request")
        await talk.close()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("digits", [4301, 5000])
async def test_a_length_of_many_zeros_fails_nothing(digits: int, caplog: pytest.LogCaptureFixture) -> None:
    async with front(CHAT, loaded=True) as f:
        talk = await f.connect()
        head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %b2\r\n\r\n{}"
        talk.say(head % (b"0" * digits))
        assert (await talk.head())[0] in {200, 400}
        await talk.close()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("value", [b"1", b"[]", b"{}", b"[[[[1]]]]"])
def test_more_values_than_any_context_holds_are_refused_before_they_are_read(value: bytes) -> None:
    body = b'{"messages": [%b]}' % b",".join([value] * asked.VALUES)
    with pytest.raises(Problem) as caught:
        asked.read(body)
    assert caught.value.code == "too_many_values"


def test_a_large_text_and_a_large_image_are_read() -> None:
    asked.read(b'{"messages": ["%b"]}' % (b"Well, so be it. " * 500_000))
    asked.read(b'{"messages": ["%b"]}' % (b"iVBORw0KGgo/" * 2_500_000))


def test_an_event_of_an_engine_that_is_no_utf_8_passes_as_it_is() -> None:
    event = b'data: {"type": "\xff"}\n\n'
    assert responses.Events("main", 0.0).feed(event) == event


async def test_a_key_that_is_no_utf_8_is_refused_where_the_request_is_written_anew() -> None:
    async with front(a_model("main", main=True, task="embed"), loaded=True) as f:
        body = b'{"\xff": 1, "model": "another name"}'
        async with f.client.post(f.url + "/v1/embeddings", data=body) as answer:
            assert (answer.status, (await answer.json())["error"]["code"]) == (400, "invalid_json")
