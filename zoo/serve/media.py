"""Media that a request names by URL: found, so that no engine fetches it, and images put in their place.

llama.cpp downloads `http…` URLs of images, audio and video on its own, also where it is started with
`--offline`: who may ask it something could make it ask other hosts. So only bytes that are in the request
reach an engine. Images the proxy fetches itself, from where it may (see `zoo.serve.pictures`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

import msgspec

from zoo.serve import splice
from zoo.serve.answers import Problem

_TYPES = ("image", "audio", "video")
_REMOTE = ("http", "ftp", "file:")
_FETCHED = ("http://", "https://")
_SHOWN = 100

Get = Callable[[Iterable[str]], Awaitable[dict[str, str]]]


def remote(body: bytes) -> str | None:
    """The first URL of media in this JSON that an engine would fetch; None where there is none.

    Raises:
        msgspec.DecodeError: It is no JSON.
    """
    # Without an escaped letter, a key or a value that means a URL or base64 data stands there as it is.
    if b"\\u" not in body and b"http" not in body.lower() and b"://" not in body and b"file:" not in body:
        return None
    return next(filter(_is_remote, _media(msgspec.json.decode(body))), None)


async def inlined(body: bytes, get: Get) -> bytes:
    """Put the images that a request names by URL in their place, as `data:` URLs.

    Args:
        body: JSON that is some.
        get: Fetches images; see `Pictures.get`.

    Raises:
        Problem: Something in it is not to be had, or is no image.
    """
    if remote(body) is None:
        return body
    wanted: list[str] = []

    def collect(url: str) -> str | None:
        if not url[:_SHOWN].lstrip().lower().startswith(_FETCHED):
            return None
        wanted.append(url)
        return "data:,"

    if (left := remote(splice.images(body, collect))) is not None:
        raise Problem(
            400,
            "remote_media",
            f"{left[:_SHOWN]} would have to be fetched, and only images are, over http and https: "
            "send the bytes in the request",
        )
    return splice.images(body, (await get(wanted)).get)


def _is_remote(text: str) -> bool:
    start = text[:200].lstrip().lower()
    return start.startswith(_REMOTE) or ("://" in start and not start.startswith("data:"))


def _media(value: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Every text inside a part of a message that is media, wherever in the request it stands."""
    rest = [(value, False)]
    while rest:
        node, inside = rest.pop()
        if isinstance(node, str):
            if inside:
                yield node
        elif isinstance(node, list):
            rest += [(item, inside) for item in node]
        elif isinstance(node, dict):
            kind = node.get("type")
            here = inside or (isinstance(kind, str) and any(word in kind for word in _TYPES))
            rest += [(item, here) for item in node.values()]
