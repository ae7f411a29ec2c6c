"""What the tests of the sources share: a server, and a client without the environment's proxies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest
from support.fetching import client  # noqa: F401 - a fixture
from support.gateway import Blocks
from support.github import github  # noqa: F401 - a fixture
from support.hub import hub  # noqa: F401 - a fixture
from support.ipfs_source import BRIEF, Make
from support.lying import Server, server, serving  # noqa: F401 - a fixture

from zoo.config import Ipfs as Settings
from zoo.sources.ipfs import Ipfs
from zoo.sources.web import Web


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
