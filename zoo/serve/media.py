"""Media that a request names by URL: found, so that no engine fetches it, and images put in their place.

llama.cpp downloads `http…` URLs of images, audio and video on its own, also where it is started with
`--offline`: who may ask it something could make it ask other hosts. So only bytes that are in the request
reach an engine. Images the proxy fetches itself, from where it may (see `zoo.serve.pictures`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

import msgspec

from zoo.serve import asked, splice
from zoo.serve.answers import Problem

_TYPES = ("image", "audio", "video")
_REMOTE = ("http", "ftp", "file:")
_FETCHED = ("http://", "https://")
_SHOWN = 100
_LOOKS = 4096
_BEFORE, _AFTER = frozenset(b"pPsSeE"), frozenset((b"/", b"\\"))

Get = Callable[[Iterable[str]], Awaitable[dict[str, str]]]


def remote(body: bytes) -> str | None:
    """The first URL of media in this JSON that an engine would fetch; None where there is none.

    Raises:
        Problem: It is no JSON, or holds a text or a number that cannot be read.
    """
    if not _may_name(body):
        return None
    try:
        value = msgspec.json.decode(body)
    except asked.UNREADABLE as error:
        raise asked.unreadable(error) from error
    return next(filter(_is_remote, _media(value)), None)


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

    require_inlined(splice.images(body, collect))
    return splice.images(body, (await get(wanted)).get)


def require_inlined(body: bytes) -> None:
    """See that nothing is left that an engine would fetch.

    Raises:
        Problem: Something is.
    """
    if (left := remote(body)) is not None:
        raise Problem(
            400,
            "remote_media",
            f"{left[:_SHOWN]} would have to be fetched, and only images are, over http and https: "
            "send the bytes in the request",
        )


def _may_name(body: bytes) -> bool:
    """Whether there may be a URL, at a glance: mostly there is none, and the body may be a large image.

    Either a colon stands where one stands in a URL, or an escape hides letters. Single bytes are found
    30 times as fast as longer texts; where there are too many, somebody has to read it all.
    """
    at = escape = -1
    for _ in range(_LOOKS):
        if (at := body.find(b":", at + 1)) < 0:
            break
        if body[at - 1] in _BEFORE or body[at + 1 : at + 2] in _AFTER:
            return True
    for _ in range(_LOOKS):
        if (escape := body.find(b"\\", escape + 1)) < 0:
            break
        if body[escape + 1 : escape + 2] == b"u":
            return True
    return at >= 0 or escape >= 0


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
