"""Fixtures of the toolchains' tests: tiny models, and engines that end with the test."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.engine import Engines, Models, engine_tree


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[Engines]:
    with tempfile.TemporaryDirectory(prefix="eai") as short:  # a socket's path is at most 107 bytes
        made = Engines(Path(short), engine_tree(tmp_path))
        yield made
        for engine in made.started:
            engine.close()


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    return Models.write(tmp_path_factory.mktemp("models"))
