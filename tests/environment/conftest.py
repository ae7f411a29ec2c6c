"""A store with tiny models and the real engine in it, made once."""

from __future__ import annotations

import pytest
from support.locked import Stocked, stock


@pytest.fixture(scope="session")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Stocked:
    return stock(tmp_path_factory.mktemp("stocked"))
