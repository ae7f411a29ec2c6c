"""The project that end-to-end tests begin with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.engine import native_engine  # noqa: F401 - a fixture
from support.github import github  # noqa: F401 - a fixture
from support.world import World, whole_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with whole_world(tmp_path_factory.mktemp("world")) as made:
        yield made
