"""Fixtures of the toolchains' tests: tiny models, and engines that end with the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.engine import Engines, Models, engine_tree, engines_over


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[Engines]:
    with engines_over(engine_tree(tmp_path)) as made:
        yield made


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    return Models.write(tmp_path_factory.mktemp("models"))
