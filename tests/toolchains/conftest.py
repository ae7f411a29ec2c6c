"""Fixtures of the toolchains' tests: tiny models, and engines that end with the test."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import tiny_project
from support.engine import Engines, Models, engine_tree, engines_over

from zoo.lock.model import Build
from zoo.store import Store
from zoo.toolchains import derive, events


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[Engines]:
    with engines_over(engine_tree(tmp_path)) as made:
        yield made


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    return Models.write(tmp_path_factory.mktemp("models"))


@pytest.fixture
def listener() -> Iterator[tuple[int, list[object]]]:
    """A server's port, and who came to it."""
    came: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def wait() -> None:
            with contextlib.suppress(OSError):
                connection, address = server.accept()
                came.append(address)
                connection.close()

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        yield server.getsockname()[1], came
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.fixture(scope="session")
def compilers() -> None:
    tiny_project.require_tools()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def told() -> list[events.Event]:
    """What a build has said of itself."""
    return []


@pytest.fixture
def workshop(told: list[events.Event]) -> derive.Workshop:
    return derive.Workshop(search=os.environ["PATH"], tell=told.append, jobs=lambda: 2)


@pytest.fixture
def tiny(tmp_path: Path, store: Store) -> Build:
    """A program of one file, in the store as source code."""
    return tiny_project.build(store, tiny_project.archive(tmp_path / "tiny.tar.gz"))
