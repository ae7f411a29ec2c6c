"""What the tests of the sources share: a server, and a client without the environment's proxies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import httpx2
import pytest
from support.gateway import Blocks
from support.hub import hub  # noqa: F401 - a fixture
from support.ipfs_source import BRIEF, Make
from support.lying import Server, serving

from zoo.config import Ipfs as Settings
from zoo.sources.ipfs import Ipfs
from zoo.sources.web import Web


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
def web() -> Iterator[Web]:
    with closing(Web({})) as made:
        yield made


@pytest.fixture
def make(web: Web) -> Make:
    return lambda *urls, **more: Ipfs(lambda: web, Settings(gateways=urls or None, **more), BRIEF)


@pytest.fixture
def blocks() -> Blocks:
    return Blocks()
