"""What the tests of the sources share: a server, and a client without the environment's proxies."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest
from support.hub import hub  # noqa: F401 - a fixture
from support.lying import Server, serving


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture(scope="session")
def client() -> Iterator[httpx2.Client]:
    # It keeps nothing between tests but connections, and takes 50 ms to make.
    with httpx2.Client(trust_env=False, headers={"Accept-Encoding": "identity"}) as made:
        yield made
