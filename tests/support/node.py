"""Programs of other people for IPFS, from tests/node: a Helia gateway, and ipfs-car."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

HOME = Path(__file__).parents[1] / "node"
_PATIENCE = 60


def program() -> str:
    """Find a Node, and the modules; or skip the test that wants them, or fail it, as `kubo.program` does."""
    found = shutil.which("node")
    if found is None or not (HOME / "node_modules").is_dir():
        missing = "no Node" if found is None else "no modules for Node: `npm ci` in tests/node"
        _missing(missing)
    return found


def _missing(what: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def ipfs_car(*words: str) -> str:
    """Run ipfs-car with these words; what it prints."""
    command = [program(), str(HOME / "node_modules" / "ipfs-car" / "bin.js"), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def read(url: str, cid: str) -> bytes:
    """Read a file through Helia from a trustless gateway."""
    command = [program(), str(HOME / "read.mjs"), url, cid]
    done = subprocess.run(command, capture_output=True, check=False, timeout=_PATIENCE)
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass(frozen=True)
class Gateway:
    """A Helia that is a trustless gateway.

    Attributes:
        url: Where it is.
        roots: Those of the files that it serves, in their order.
    """

    url: str
    roots: tuple[str, ...]


@contextmanager
def helia(*paths: Path) -> Iterator[Gateway]:
    """Serve files, and the blocks of `.car` files, for as long as the context lasts."""
    process = subprocess.Popen(
        [program(), str(HOME / "gateway.mjs"), *map(str, paths)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    guard = threading.Timer(_PATIENCE, process.kill)
    guard.start()
    with process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            guard.cancel()
            if not line:
                pytest.fail(f"Helia did not start: exit code {process.wait()}")
            told = json.loads(line)
            yield Gateway(told["url"], tuple(told["roots"]))
        finally:
            guard.cancel()
            process.kill()
