"""The source `ipfs` over gateways of the tests, and what it gives."""

from __future__ import annotations

from collections.abc import Callable

from support.gateway import (
    noise,
)

from zoo.sources.ipfs import Ipfs
from zoo.sources.web import Wait

DATA = noise(300_000)
BRIEF = Wait(connect=5, more=1)

Make = Callable[..., Ipfs]


def whole(source: Ipfs, uri: str, size: int | None = None) -> bytes:
    with source.open(uri, size=size) as download, download.read(0, None) as body:
        return b"".join(body.chunks)
