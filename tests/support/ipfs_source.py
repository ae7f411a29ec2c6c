"""The source `ipfs` over gateways of the tests, and what it gives."""

from __future__ import annotations

from collections.abc import Callable

from support.gateway import (
    noise,
)

from zoo.sources.http import Patience
from zoo.sources.ipfs import Ipfs

DATA = noise(300_000)
BRIEF = Patience(connect=5, first=1, stall=1)

Make = Callable[..., Ipfs]


def whole(source: Ipfs, uri: str, size: int | None = None) -> bytes:
    with source.open(uri, size=size) as download, download.read(0, None) as body:
        return b"".join(body.chunks)
