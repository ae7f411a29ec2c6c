"""Changes single values of a JSON body, and leaves every other value as it was written.

What is not changed is never read into numbers or text: a number that no float can hold, or an escape
that somebody chose, reaches the engine as the client sent it. Of a key that comes twice the last stays,
which is the one that counts for the engine too.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec import Raw

# How deep images are looked for. A tool's result in an Anthropic message is 9 deep; each level more
# costs another look at all that is below it.
DEPTH = 16

# The parts of messages that are images, by their type, and the key that the URL is at or below.
_PARTS = {"image_url": "image_url", "input_image": "image_url", "image": "source"}

Change = Callable[[str], str | None]
Fields = dict[str, Raw]


def put(body: bytes, key: str, value: str) -> bytes:
    """Set a text of the outermost object.

    Raises:
        msgspec.DecodeError: The body is no JSON object.
    """
    fields = msgspec.json.decode(body, type=Fields)
    fields[key] = _raw(value)
    return msgspec.json.encode(fields)


def images(body: bytes, change: Change) -> bytes:
    """Change the URLs of images, in messages of whichever API.

    Args:
        body: JSON.
        change: Gives what a URL becomes; None where it stays.

    Raises:
        msgspec.DecodeError: The body is no JSON.
    """
    return bytes(_value(Raw(body.strip()), change, DEPTH))


def _value(raw: Raw, change: Change, depth: int) -> Raw:
    begins = bytes(memoryview(raw)[:1])
    if depth == 0 or begins not in b"{[":
        return raw
    if begins == b"[":
        items = msgspec.json.decode(raw, type=list[Raw])
        new = [_value(item, change, depth - 1) for item in items]
        return raw if _same(items, new) else _raw(new)
    fields = msgspec.json.decode(raw, type=Fields)
    changed = _part(fields, change) or {
        key: _value(value, change, depth - 1) for key, value in fields.items()
    }
    return raw if _same(list(fields.values()), list(changed.values())) else _raw(changed)


def _part(fields: Fields, change: Change) -> Fields | None:
    """The part with its image changed; None where it is no image, or its URL stays."""
    kind = _text(fields.get("type"))
    key = _PARTS.get(kind or "")
    raw = fields.get(key) if key else None
    if key is None or raw is None:
        return None
    if (url := _text(raw)) is not None:
        new = change(url)
        # llama.cpp takes the URL of a chat message in an object only, where OpenAI's clients put it.
        return None if new is None else fields | {key: _raw({"url": new} if kind == "image_url" else new)}
    inner = msgspec.json.decode(raw, type=Fields) if bytes(memoryview(raw)[:1]) == b"{" else {}
    url = _text(inner.get("url"))
    new = None if url is None else change(url)
    return None if new is None else fields | {key: _raw(inner | {"url": _raw(new)})}


def _text(raw: Raw | None) -> str | None:
    if raw is None or bytes(memoryview(raw)[:1]) != b'"':
        return None
    return msgspec.json.decode(raw, type=str)


def _raw(value: object) -> Raw:
    return Raw(msgspec.json.encode(value))


def _same(before: list[Raw], after: list[Raw]) -> bool:
    return all(old is new for old, new in zip(before, after, strict=True))
