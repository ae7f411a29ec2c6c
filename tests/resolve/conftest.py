"""Files to lock: models that are real but say nothing, and files that are no models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import pytest
from models.shapes import write_shape
from support.hub import hub  # noqa: F401 - a fixture
from support.locking import REPO, TAIL, Bench
from support.shelf import Shelf

from zoo.store import Store


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_shape(tmp_path_factory.mktemp("models") / "llama.gguf", "llama", blocks=2).read_bytes()


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., bytes]:
    """Give a model of an architecture; one of another number of blocks is other bytes."""
    folder = tmp_path_factory.mktemp("shapes")

    def shape(architecture: str = "llama", blocks: int = 2) -> bytes:
        path = folder / f"{architecture}-{blocks}.gguf"
        return (path if path.exists() else write_shape(path, architecture, blocks=blocks)).read_bytes()

    return shape


@pytest.fixture
def bench(tmp_path: Path, shapes: Callable[..., bytes]) -> Bench:
    shelf = Shelf({REPO: {"lion.gguf": shapes() + TAIL, "cub.gguf": shapes(blocks=1)}})
    web = Shelf({}, kind="url", states=False)
    disk = Shelf({}, kind="path", states=False, local=True)
    return Bench(Store(tmp_path / "store"), shelf, web, disk)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., bytes]:
    """Give a file of hardly more than a header."""

    def written(architecture: str, *, adapter: bool = False, note: str = "") -> bytes:
        writer = gguf.GGUFWriter(tmp_path / "written.gguf", architecture)
        if adapter:
            writer.add_type(gguf.GGUFType.ADAPTER)
            writer.add_string("adapter.type", "lora")
        elif architecture == "clip":
            writer.add_type(gguf.GGUFType.MMPROJ)
        else:
            writer.add_context_length(512)
            writer.add_block_count(1)
        writer.add_description(note)
        return _closed(writer, tmp_path / "written.gguf")

    return written


@pytest.fixture
def shards(tmp_path: Path) -> tuple[bytes, ...]:
    """Give a model in three parts, as gguf-split makes them."""
    every = []
    for at in range(3):
        path = tmp_path / f"shard-{at}.gguf"
        writer = gguf.GGUFWriter(path, "llama")
        if at == 0:
            writer.add_context_length(512)
            writer.add_block_count(1)
        writer.add_uint16("split.no", at)
        writer.add_uint16("split.count", 3)
        every.append(_closed(writer, path))
    return tuple(every)


def _closed(writer: gguf.GGUFWriter, path: Path) -> bytes:
    writer.add_tensor("weights", np.zeros(32, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path.read_bytes()
