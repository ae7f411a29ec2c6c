"""`eai store serve` as a process, and what is in a store that tests serve by themselves."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import ClientResponse

import zoo
from zoo.ipfs.builder import Dag, build
from zoo.share.index import Index

DATA = os.urandom((2 << 20) + 12345)
"""Three leaves, and a node above them."""
MIDDLING = os.urandom((1 << 20) + 7)
"""Two leaves, and small enough to be one block too."""
SMALL = b"small"
STALL = 0.2
"""Seconds in which a client must take a block."""
CONNECTIONS = 8
"""How many there may be."""

Ask = Callable[..., Awaitable[tuple[ClientResponse, bytes]]]
"""Ask for a path, with a method and headers; the answer, and its body."""


@dataclass
class Shared:
    """A store that is served in this process."""

    port: int
    index: Index


def dag(data: bytes) -> Dag:
    return build(lambda at, length: data[at : at + length], len(data))


def hex_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextmanager
def store_served(home: Path, *words: str, number: signal.Signals = signal.SIGTERM) -> Iterator[str]:
    """Serve the store of a data folder; gives the address once every object can be had by CID.

    Args:
        home: The data folder.
        words: More of the command.
        number: The signal that ends it.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "zoo", "store", "serve", "--port", "0", *words],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(zoo.__file__).parents[1]),
            "EAI_HOME": str(home),
            "HOME": str(home),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        url = process.stdout.readline().strip()
        said = [url]
        while url and "by CID" not in said[-1]:
            said.append(process.stderr.readline())
        assert url, process.stderr.read()
        yield url
    finally:
        process.send_signal(number)
        _, rest = process.communicate(timeout=30)
    assert process.returncode == 0, rest
    assert "Traceback" not in rest
