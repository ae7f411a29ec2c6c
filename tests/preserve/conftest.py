"""Contents to preserve, and services that answer as a test tells them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import httpx2
import pytest
from support.answering import Service, answering

from zoo.ipfs import builder
from zoo.preserve.api import Api, new_client
from zoo.preserve.content import Content
from zoo.preserve.events import Event
from zoo.preserve.retry import Patience

MIB = 1 << 20

MakeContent = Callable[..., Content]
MakeApi = Callable[..., Api]


@pytest.fixture
def make_content() -> MakeContent:
    """Make so many bytes a file that can be preserved."""

    def make(size: int = 3 * MIB + 5, *, seed: int = 0, name: str = "m.gguf") -> Content:
        data = random.Random(seed).randbytes(size)

        def read(offset: int, length: int) -> bytes:
            return data[offset : offset + length]

        return Content(name, builder.build(read, size), read)

    return make


@pytest.fixture
def content(make_content: MakeContent) -> Content:
    return make_content()


@pytest.fixture
def service() -> Iterator[Service]:
    with answering() as running:
        yield running


@pytest.fixture
def client() -> Iterator[httpx2.Client]:
    with new_client() as made:
        yield made


@pytest.fixture
def make_api(client: httpx2.Client) -> MakeApi:
    """Talk to a service, by its URL."""

    def make(base: str, label: str = "kubo", **headers: str) -> Api:
        return Api(client, base, label, "set THE_KEY", headers)

    return make


@pytest.fixture
def waits() -> list[float]:
    """Every wait, in seconds."""
    return []


@pytest.fixture
def patience(waits: list[float]) -> Patience:
    """Try again twice; time only passes while it is waited."""
    return Patience(retries=2, first=1, longest=60, pinning=100, sleep=waits.append, clock=lambda: sum(waits))


@pytest.fixture
def events() -> list[Event]:
    return []
