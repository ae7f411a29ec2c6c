"""What the tests of fetching share: a small store, a server that does as it is told, and a fetcher."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest
from support.fetching import PIECE, Fetcher, client  # noqa: F401 - a fixture
from support.lying import server  # noqa: F401 - a fixture

from zoo.lock.model import SourceKind
from zoo.sources.base import Source
from zoo.sources.http import Patience
from zoo.sources.path import Local
from zoo.sources.url import Url
from zoo.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", piece=PIECE)


@pytest.fixture
def fetcher(store: Store, client: httpx2.Client, tmp_path: Path) -> Fetcher:  # noqa: F811 - asks for the fixture
    found: dict[SourceKind, Source] = {
        "url": Url(lambda: client, Patience(first=5, stall=5)),
        "path": Local(tmp_path),
    }
    return Fetcher(store, found)
