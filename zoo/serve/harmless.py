"""What no engine may be asked for in a request, whoever asks.

Engines take most of their settings from a request too. What cannot do harm passes unseen; this is what
can, by the source of llama.cpp's server at b11549, beside media, which are looked after on their own:

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

Tokens = Annotated[int, Meta(ge=-1, le=2**20)]


class Harmless(msgspec.Struct, frozen=True):
    """Those fields, as far as they do no harm."""

    n_discard: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None
    id_slot: Annotated[int, Meta(ge=-1, le=-1)] | None = None
    grammar_triggers: Annotated[tuple[None, ...], Meta(max_length=0)] | None = None
    repeat_last_n: Tokens | None = None
    dry_penalty_last_n: Tokens | None = None
    grammar: Annotated[str, Meta(max_length=2**16)] | None = None
