"""What the tests of the sources share: a server, and a client without the environment's proxies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx2
import pytest
from support.gateway import Blocks
from support.hub import hub  # noqa: F401 - a fixture
from support.ipfs_source import BRIEF, Make
from support.lying import Server, serving

from zoo.config import Ipfs as Settings
from zoo.sources.ipfs import Ipfs


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture(scope="session")
def client() -> Iterator[httpx2.Client]:
    # It keeps nothing between tests but connections, and takes 50 ms to make.
    with httpx2.Client(trust_env=False, headers={"Accept-Encoding": "identity"}) as made:
        yield made


@pytest.fixture
def servers() -> Iterator[Callable[[], Server]]:
    with ExitStack() as stack:
        yield lambda: stack.enter_context(serving())


@pytest.fixture
def make(client: httpx2.Client) -> Make:
    return lambda *urls, **more: Ipfs(lambda: client, Settings(gateways=urls or None, **more), patience=BRIEF)


@pytest.fixture
def blocks() -> Blocks:
    return Blocks()
