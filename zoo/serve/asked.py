"""What the proxy reads of a request's body: what decides its way, and how much it asks for."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec
from msgspec import Meta, Raw

from zoo.serve.answers import Problem
from zoo.serve.harmless import Harmless

MESSAGES, INPUTS, DOCUMENTS, TOOLS = 4096, 2048, 1024, 512
CHOICES, LOGPROBS, STOPS = 128, 20, 64

VALUES = 2**21
"""Commas and brackets of a request: more than a text for any context has, and what reading it costs.

Python takes a hundred bytes or so for each value of a list, and JSON may have one in two bytes.
"""

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for what is no JSON, or none that can be read."""

_AT = re.compile(r" - at `\$\.(?P<param>\w+)")

Documents = Annotated[list[Raw], Meta(max_length=DOCUMENTS)]
Logprobs = Annotated[float, Meta(ge=0, le=LOGPROBS)]


class Asked(Harmless, frozen=True):
    """The fields of a request that decide its way or multiply its work; all others pass unseen.

    An engine checks what they mean. Here they are bounded, so that one request cannot ask for more than
    anybody means to: by OpenAI's own limits where it has one.
    """

    model: str | None = None
    stream: bool | None = None
    messages: Annotated[list[Raw], Meta(max_length=MESSAGES)] | None = None
    input: Raw = Raw()
    prompt: Raw = Raw()
    documents: Documents | None = None
    texts: Documents | None = None
    tools: Annotated[list[Raw], Meta(max_length=TOOLS)] | None = None
    stop: str | Annotated[list[Raw], Meta(max_length=STOPS)] | None = None
    n: Annotated[float, Meta(ge=1, le=CHOICES)] | None = None
    logprobs: bool | Logprobs | None = None
    top_logprobs: Logprobs | None = None
    n_probs: Logprobs | None = None


_decoder = msgspec.json.Decoder(Asked)


def read(body: bytes) -> Asked:
    """Read what decides the way of a request.

    Raises:
        Problem: It is no JSON object, a field has the wrong type, or it asks for too much.
    """
    if len(body) > VALUES and sum(map(body.count, (b",", b"[", b"{"))) > VALUES:
        raise Problem(400, "too_many_values", f"the request holds more than {VALUES:,} commas and brackets")
    try:
        asked = _decoder.decode(body)
        _bounded("input", asked.input)
        _bounded("prompt", asked.prompt)
    except msgspec.ValidationError as error:
        at = _AT.search(str(error))
        raise Problem(
            400,
            "invalid_type" if "got" in str(error) else "invalid_value",
            f"the request is not as it must be: {error}",
            param=at["param"] if at else None,
        ) from error
    except UNREADABLE as error:
        raise unreadable(error) from error
    return asked


def unreadable(error: Exception) -> Problem:
    """What is said of a request that is no JSON."""
    return Problem(400, "invalid_json", f"the request is no JSON: {error}")


def _bounded(param: str, raw: Raw) -> None:
    """Bound a list of texts, or of lists of tokens; one of tokens is bounded by the model's context."""
    if not raw or bytes(memoryview(raw)[:1]) != b"[":
        return
    items = msgspec.json.decode(raw, type=list[Raw])
    if len(items) > INPUTS and bytes(memoryview(items[0])[:1]) in b'"[{':
        raise Problem(
            400, "invalid_value", f"{param!r} may hold {INPUTS} items, not {len(items)}", param=param
        )
