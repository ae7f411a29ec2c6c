"""Fixtures of the toolchains' tests: tiny models, and engines that end with the test."""

from __future__ import annotations

import contextlib
import socket
import threading
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
