"""Asks the source `hf` as eai does: finds what an origin names, reads what a URI names."""

from __future__ import annotations

from support.hub import Hub

from zoo.sources.base import Download, Found
from zoo.sources.http import new_client
from zoo.sources.huggingface import HuggingFace
from zoo.zoofile.model import Origin

MODEL = b"GGUF" + bytes(range(256)) * 400
TOKEN = "hf_good"
LION = Origin(hf="zoo/lion", file="lion.gguf")


def find(hub: Hub, origin: Origin, **env: str) -> tuple[Found, ...]:
    """Find the files of an origin."""
    return HuggingFace({"HF_ENDPOINT": hub.url, **env}, new_client).find(origin)


def read(
    hub: Hub, uri: str, *ranges: tuple[int, int | None], size: int | None = None, **env: str
) -> list[bytes]:
    """Read ranges of one opened file, or all of it."""
    with new_client() as client:
        source = HuggingFace({"HF_ENDPOINT": hub.url, **env}, lambda: client)
        with source.open(uri, size=size) as download:
            return [_range(download, start, stop) for start, stop in ranges or ((0, None),)]


def _range(download: Download, start: int, stop: int | None) -> bytes:
    with download.read(start, stop) as body:
        return b"".join(body.chunks)
