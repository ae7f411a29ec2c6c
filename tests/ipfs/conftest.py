"""Vectors that other tools made, files to build from, and a real Kubo where there is one."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.kubo import program as kubo_program

from zoo.ipfs import listing, walk
from zoo.ipfs.builder import Reader
from zoo.ipfs.cid import Cid

DATA = json.loads((Path(__file__).parent / "data" / "vectors.json").read_text(encoding="utf-8"))
PERIOD = 65_536
_PATTERN = bytes((i * 31 + i // 256) & 0xFF for i in range(PERIOD)) * 17
_SHAKE = hashlib.shake_128(b"eai-ipfs-vector").digest(5 << 20)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for a `*_vector` with each one of its kind."""
    for kind in DATA:
        if (name := f"{kind}_vector") in metafunc.fixturenames:
            ids = [str(one.get("name", f"{one.get('input')}-{one.get('size')}")) for one in DATA[kind]]
            metafunc.parametrize(name, DATA[kind], ids=ids)


def _pattern(offset: int, length: int) -> bytes:
    start = offset % PERIOD
    return _PATTERN[start : start + length]


def _shake(offset: int, length: int) -> bytes:
    return _SHAKE[offset : offset + length]


@pytest.fixture(scope="session")
def vectors() -> dict[str, Any]:
    return DATA


@pytest.fixture(scope="session")
def shake() -> bytes:
    return _SHAKE


@pytest.fixture(scope="session")
def readers() -> dict[str, Reader]:
    """Readers of the vectors' inputs, which never hold the large ones in memory."""
    return {"pattern": _pattern, "shake128": _shake}


@pytest.fixture(scope="session")
def export() -> Callable[[Cid, walk.Get], dict[str, bytes]]:
    """Read everything below a CID, as a fetch without a lock would."""

    def export(root: Cid, get: walk.Get) -> dict[str, bytes]:
        return {
            file.path: b"".join(walk.read(walk.Walk(file.cid, size=file.size, max_size=1 << 30), get))
            for file in listing.files(root, get)
        }

    return export


@pytest.fixture(scope="session")
def kubo(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[str]]:
    """Give the command line of a real Kubo with an empty repository of its own, that opens no connection."""
    common = [kubo_program(), "--repo-dir", str(tmp_path_factory.mktemp("kubo")), "--offline"]
    subprocess.run([*common, "init", "--empty-repo"], check=True, capture_output=True, timeout=60)
    return lambda *args: [*common, *args]
