"""Values of a JSON body are changed in place, and nothing else is."""

from __future__ import annotations

import json

import msgspec
import pytest

from zoo.serve import splice


def upper(url: str) -> str | None:
    return url.upper() if url.startswith("x:") else None


def test_what_is_not_changed_is_left_as_it_was_written() -> None:
    body = (
        b'{"seed": 123456789012345678901234567890, "t": 1e400, "u": 0.10, "e": "\\u00e9", '
        b'"messages": [{"content": [{"type": "text", "text":  "\\/"}, '
        b'{"type": "image_url", "image_url": {"detail" : "low", "url": "x:a"}}]}]}'
    )
    assert splice.images(body, upper) == (
        b'{"seed":123456789012345678901234567890,"t":1e400,"u":0.10,"e":"\\u00e9",'
        b'"messages":[{"content":[{"type": "text", "text":  "\\/"},'
        b'{"type":"image_url","image_url":{"detail":"low","url":"X:A"}}]}]}'
    )


def test_a_body_without_a_change_is_the_same_bytes() -> None:
    body = b'{ "messages" : [ {"content": [{"type":"image_url","image_url":{"url":"data:,"}}]} ] }'
    assert splice.images(body, upper) == body


@pytest.mark.parametrize(
    ("part", "changed"),
    [
        (
            {"type": "image_url", "image_url": {"url": "x:a"}},
            {"type": "image_url", "image_url": {"url": "X:A"}},
        ),
        ({"type": "image_url", "image_url": "x:a"}, {"type": "image_url", "image_url": {"url": "X:A"}}),
        ({"type": "input_image", "image_url": "x:a"}, {"type": "input_image", "image_url": "X:A"}),
        (
            {"type": "image", "source": {"type": "url", "url": "x:a"}},
            {"type": "image", "source": {"type": "url", "url": "X:A"}},
        ),
        (
            {"type": "tool_result", "content": [{"type": "image", "source": {"type": "url", "url": "x:a"}}]},
            {"type": "tool_result", "content": [{"type": "image", "source": {"type": "url", "url": "X:A"}}]},
        ),
    ],
)
def test_images_of_every_api_are_found(part: object, changed: object) -> None:
    body = json.dumps({"input": [{"content": [{"type": "text", "text": "x:a"}, part]}]}).encode()
    expected = {"input": [{"content": [{"type": "text", "text": "x:a"}, changed]}]}
    assert json.loads(splice.images(body, upper)) == expected


@pytest.mark.parametrize(
    "part",
    [
        {"type": "text", "image_url": {"url": "x:a"}},
        {"type": "video_url", "video_url": {"url": "x:a"}},
        {"type": "image_url", "image_url": ["x:a"]},
        {"type": "image_url"},
        {"type": 1, "image_url": "x:a"},
        {"type": "image", "source": {"type": "base64", "data": "x:a"}},
    ],
)
def test_what_is_no_image_stays(part: object) -> None:
    body = json.dumps([part]).encode()
    assert splice.images(body, upper) == body


def test_it_looks_only_so_deep() -> None:
    part = b'{"type":"image_url","image_url":"x:a"}'
    deep = b"[" * splice.DEPTH + part + b"]" * splice.DEPTH
    assert splice.images(deep, upper) == deep
    assert splice.images(deep[1:-1], upper) != deep[1:-1]


def test_a_text_is_put_in_the_place_of_another() -> None:
    assert splice.put(b'{ "a": 1e400, "model": "x", "b": [ 1 ]}', "model", "é") == (
        '{"a":1e400,"model":"é","b":[ 1 ]}'.encode()
    )


def test_what_is_no_object_takes_no_text() -> None:
    with pytest.raises(msgspec.ValidationError):
        splice.put(b"[]", "model", "x")
