"""Fetching as the tests do it: impatient, in small pieces, and remembering every event."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from zoo.digest import Digest
from zoo.fetch.artifact import Manners
from zoo.fetch.events import Event, Progress
from zoo.fetch.plan import plan
from zoo.fetch.run import fetch
from zoo.lock.model import Artifact, SourceKind
from zoo.sources.base import Source
from zoo.store import Store

PIECE = 4096
HASTY = Manners(tries=3, tries_elsewhere=2, first=0.001, longest=5, look=0.01, span=4 * PIECE)


@pytest.fixture(scope="session")
def client() -> Iterator[httpx2.Client]:
    """A client without the environment's proxies."""
    # It keeps nothing between tests but connections, and takes 50 ms to make.
    with httpx2.Client(trust_env=False, headers={"Accept-Encoding": "identity"}) as made:
        yield made


def digest_of(data: bytes) -> Digest:
    return Digest.of_hex(hashlib.sha256(data).hexdigest())


def artifact(data: bytes, *urls: str, path: tuple[str, ...] = ()) -> Artifact:
    return Artifact(digest=digest_of(data), size=len(data), url=urls, path=path)


@dataclass
class Fetcher:
    """Fetches into a store, and remembers what it was told meanwhile."""

    store: Store
    sources: dict[SourceKind, Source]
    events: list[Event] = field(default_factory=list)
    peers: tuple[str, ...] = ()

    def __call__(
        self,
        *artifacts: Artifact,
        offline: bool = False,
        jobs: int = 4,
        manners: Manners = HASTY,
        progress: Progress | None = None,
    ) -> None:
        todo = plan(artifacts, self.store)
        fetch(
            todo,
            self.store,
            self.sources,
            progress=progress or self.events.append,
            offline=offline,
            jobs=jobs,
            manners=manners,
            peers=self.peers,
        )

    def of(self, kind: type[Event]) -> list[Event]:
        """Give the events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]


def filling_up(root: Path, after: int) -> Store:
    """A store on a disk that takes so many writes, and no more."""
    left = after

    def pwrite(fd: int, data: bytes | bytearray | memoryview, offset: int) -> int:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.pwrite(fd, data, offset)

    return Store(root, piece=PIECE, pwrite=pwrite)
