"""Errors of engines, as llama.cpp words them, become OpenAI's."""

from __future__ import annotations

import json

import pytest

from zoo.serve.complaints import problem


def said(message: str, kind: str = "invalid_request_error") -> bytes:
    return json.dumps({"error": {"message": message, "type": kind, "code": 400}}).encode()


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ("'messages' is required", "messages"),
        ('"documents" must be a non-empty string array', "documents"),
        ("Field 'n': Value must be between 1 <= value <= 1, but got 3", "n"),
        ("[json.exception.out_of_range.403] key 'prompt' not found", "prompt"),
        ("Failed to parse tools", None),
    ],
)
def test_the_field_that_is_wrong_is_named(message: str, param: str | None) -> None:
    made = problem(400, said(message), {})
    assert (made.status, made.code, made.param) == (400, "invalid_request_error", param)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("image input is not supported - hint: you may need to provide the mmproj", "invalid_request_error"),
        ("Invalid base64 value", "invalid_request_error"),
        ("Unknown reasoning format: x", "invalid_request_error"),
        ("input (600 tokens) is too large to process. increase the batch size", "context_length_exceeded"),
    ],
)
def test_what_the_request_has_wrong_is_no_fault_of_the_server(message: str, code: str) -> None:
    made = problem(500, said(message, "server_error"), {})
    assert (made.status, made.code) == (400, code)


def test_what_the_server_has_wrong_stays_so() -> None:
    made = problem(500, said("out of memory", "server_error"), {"x-eai-model": "m"})
    assert (made.status, made.code, made.headers) == (500, "server_error", {"x-eai-model": "m"})


def test_a_context_that_is_too_small_has_openais_code() -> None:
    assert problem(400, said("too long", "exceed_context_size_error"), {}).code == "context_length_exceeded"


@pytest.mark.parametrize("raw", [b"", b"Bad gateway", b"[]", b'{"error": "no"}', b'{"error": {}}', b"\xff"])
def test_an_answer_of_another_shape_is_passed_on_as_text(raw: bytes) -> None:
    assert problem(502, raw, {}).code == "engine_error"
