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
# What llama.cpp answers with 500 although the request is wrong, and not the server; and what it is then.
_REQUESTS_OWN = {
    "is not supported": "invalid_request_error",
    "Invalid base64": "invalid_request_error",
    "Failed to load image": "invalid_request_error",
    "Unknown reasoning format": "invalid_request_error",
    "too large to process": "exceed_context_size_error",
}
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
    except (msgspec.DecodeError, UnicodeDecodeError, LookupError, TypeError, AttributeError):
        message, kind = raw[:_SHOWN].decode(errors="replace") or f"the engine said {status}", "engine_error"
    own = next((code for words, code in _REQUESTS_OWN.items() if words in message), None)
    if status == _SERVER_ERROR and own is not None:
        status, kind = _BAD_REQUEST, own
    at = _PARAM.match(message) if status == _BAD_REQUEST else None
    return Problem(
        status, _CODES.get(kind, kind), message, param=at["param"] if at else None, headers=headers
    )
