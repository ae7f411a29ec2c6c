"""A real file to break."""

from __future__ import annotations

import pytest
from models.shapes import write_shape


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_shape(tmp_path_factory.mktemp("models") / "llama.gguf", "llama", blocks=2).read_bytes()
