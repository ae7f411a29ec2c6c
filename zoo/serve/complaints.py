"""An engine's errors in OpenAI's shape: whose fault it was, and which field of the request it is about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from zoo.serve.answers import Problem

_SERVER_ERROR, _BAD_REQUEST = 500, 400
_SHOWN = 1000

_CODES = {"exceed_context_size_error": "context_length_exceeded"}
# What llama.cpp answers with 500 although the request is wrong, and not the server.
_REQUESTS_OWN = ("is not supported", "Invalid base64", "Failed to load image", "too large to process")
_PARAM = re.compile(r"""^(?:Field |\[[a-z_.0-9]+\] key )?["'](?P<param>[a-z_]+)["'](?: |:)""")


def problem(status: int, raw: bytes, headers: Mapping[str, str]) -> Problem:
    """What a client is told where an engine answers with an error.

    An engine's `code` is a number, and it names no `param`.

    Args:
        status: Of the engine's answer.
        raw: Its body.
        headers: More headers of our answer.
    """
    try:
        error: Any = msgspec.json.decode(raw)["error"]
        message, kind = str(error["message"]), str(error.get("type", "server_error"))
    except (msgspec.DecodeError, LookupError, TypeError, AttributeError):
        message, kind = raw[:_SHOWN].decode(errors="replace") or f"the engine said {status}", "engine_error"
    if status == _SERVER_ERROR and any(words in message for words in _REQUESTS_OWN):
        status, kind = _BAD_REQUEST, "invalid_request_error"
    at = _PARAM.match(message) if status == _BAD_REQUEST else None
    return Problem(
        status, _CODES.get(kind, kind), message, param=at["param"] if at else None, headers=headers
    )
