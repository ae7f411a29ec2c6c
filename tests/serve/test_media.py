"""What an engine would fetch itself, however it is written."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest

from zoo.serve.answers import Problem
from zoo.serve.media import inlined, remote

URL = "http://169.254.169.254/latest/meta-data"


def chat(*parts: object) -> bytes:
    return json.dumps({"messages": [{"role": "user", "content": list(parts)}]}).encode()


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": URL}},
        {"type": "image_url", "image_url": URL},
        {"type": "image_url", "image_url": {"url": " HTTPS://x.example/a.png"}},
        {"type": "image_url", "image_url": {"url": "file:///etc/passwd"}},
        {"type": "image_url", "image_url": {"url": "gopher://x.example/"}},
        {"type": "input_audio", "input_audio": {"data": URL, "format": "wav"}},
        {"type": "input_audio", "input_audio": {"url": URL}},
        {"type": "input_video", "input_video": {"data": URL}},
        {"type": "video_url", "video_url": {"url": URL}},
        {"type": "input_image", "image_url": URL},
        {"type": "image", "source": {"type": "url", "url": URL}},
        {"type": "tool_result", "content": [{"type": "image", "source": {"type": "url", "url": URL}}]},
    ],
)
def test_media_that_would_be_fetched_is_found(part: dict[str, object]) -> None:
    assert remote(chat({"type": "text", "text": "what is this?"}, part)) is not None


@pytest.mark.parametrize("noise", [":", "\\n", ": \\n"])
def test_noise_hides_nothing(noise: str) -> None:
    part = {"type": "image_url", "image_url": {"url": URL}}
    text = chat({"type": "text", "text": "@"}, part).replace(b"@", noise.encode() * 9999)
    assert remote(text) == URL


def test_escapes_hide_nothing() -> None:
    text = (
        r'{"messages":[{"content":[{"type":"im\u0061ge_url","image_url":{"\u0075rl":"\u0068ttp:\/\/x"}}]}]}'
    )
    assert remote(text.encode()) == "http://x"


def test_of_two_values_for_a_key_the_last_counts_as_it_does_for_the_engine() -> None:
    text = '{"content":[{"type":"text","type":"image_url","image_url":{"url":"data:x","url":"http://x"}}]}'
    assert remote(text.encode()) == "http://x"


@pytest.mark.parametrize(
    "body",
    [
        chat({"type": "image_url", "image_url": {"url": "data:image/png;base64,aHR0cDovLw=="}}),
        chat({"type": "text", "text": "read http://x.example/ for me"}),
        chat({"type": "tool_use", "name": "fetch", "input": {"url": URL}}),
        json.dumps({"prompt": URL}).encode(),
        json.dumps({"messages": [{"role": "user", "content": URL}]}).encode(),
    ],
)
def test_what_is_in_the_request_or_is_no_media_passes(body: bytes) -> None:
    assert remote(body) is None


async def inline(body: bytes) -> bytes:
    async def get(urls: Iterable[str]) -> dict[str, str]:
        return {url: f"data:image/png;base64,{len(url)}" for url in urls}

    return await inlined(body, get)


async def test_images_are_put_in_the_place_of_their_urls() -> None:
    part = {"type": "image_url", "image_url": {"url": URL, "detail": "low"}}
    expected = {
        "type": "image_url",
        "image_url": {"url": f"data:image/png;base64,{len(URL)}", "detail": "low"},
    }
    assert json.loads(await inline(chat(part))) == json.loads(chat(expected))


async def test_without_media_to_fetch_the_body_stays_as_it_is() -> None:
    body = chat({"type": "text", "text": "read http://x.example/ for me"})
    assert await inline(body) is body


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_audio", "input_audio": {"data": URL, "format": "wav"}},
        {"type": "video_url", "video_url": {"url": URL}},
        {"type": "image_url", "image_url": {"url": "file:///etc/passwd"}},
        {"type": "image_url", "image_url": {"url": "ftp://x.example/a.png"}},
        {"type": "image_url", "image_url": {"url": URL, "preview": URL}},
        {"type": "image_url", "image_url": [URL]},
    ],
)
async def test_what_is_not_fetched_is_refused_before_anything_is(part: dict[str, object]) -> None:
    async def get(urls: Iterable[str]) -> dict[str, str]:
        raise AssertionError

    with pytest.raises(Problem) as caught:
        await inlined(chat({"type": "image_url", "image_url": {"url": URL}}, part), get)
    assert (caught.value.status, caught.value.code) == (400, "remote_media")
