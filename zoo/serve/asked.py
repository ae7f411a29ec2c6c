"""What the proxy reads of a request's body: the model's name, and what no engine may be asked.

Engines take most of their settings from a request too. What cannot do harm passes unseen; this is what
can, by the source of llama.cpp's server at b11549, beside media, which zoo/serve/media.py looks after:

=================== ==========================================================================
n_discard           written behind a buffer where it is negative (CVE-2026-21869)
id_slot             waits for the slot that it names, behind another's stream, while others are free
grammar_triggers    compiled as std::regex, which a short pattern makes run for years or overflow
repeat_last_n       so many tokens are reserved at once: 8 GiB for the largest number
dry_penalty_last_n  the same
grammar             parsed at once, on the thread that answers everybody
=================== ==========================================================================

No field names a file: slots are saved by an endpoint that is not passed on, adapters go by number.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from zoo.serve import media
from zoo.serve.answers import Problem

Tokens = Annotated[int, Meta(ge=-1, le=2**20)]


class Asked(msgspec.Struct, frozen=True):
    """The fields of a request that decide its way, and those that engines must not be asked freely."""

    model: str | None = None
    stream: bool | None = None
    n_discard: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None
    id_slot: Annotated[int, Meta(ge=-1, le=-1)] | None = None
    grammar_triggers: Annotated[tuple[None, ...], Meta(max_length=0)] | None = None
    repeat_last_n: Tokens | None = None
    dry_penalty_last_n: Tokens | None = None
    grammar: Annotated[str, Meta(max_length=2**16)] | None = None


_decoder = msgspec.json.Decoder(Asked)


def read(body: bytes) -> Asked:
    """Read what decides the way of a request.

    Raises:
        Problem: It is no JSON object, a field has the wrong type, or media in it is not in it.
    """
    try:
        asked = _decoder.decode(body)
        url = media.remote(body)
    except msgspec.ValidationError as error:
        raise Problem(400, "invalid_type", f"the request is not as it must be: {error}") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise Problem(400, "invalid_json", f"the request is no JSON: {error}") from error
    if url is not None:
        raise Problem(
            400,
            "remote_media",
            f"{url[:100]} would have to be fetched, and engines fetch nothing: "
            "send the bytes in the request, as a data: URL",
        )
    return asked
