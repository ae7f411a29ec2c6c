"""Whatever fails, and whenever, nobody waits for ever: many fetches of the same files in one process."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import pytest
from support.fetching import HASTY, PIECE, digest_of

from zoo.errors import EaiError, Interrupted, NotThere, SourceChanged
from zoo.fetch.plan import plan
from zoo.fetch.run import fetch
from zoo.fetch.unknown import fetch_unknown
from zoo.lock.model import Artifact, SourceKind
from zoo.sources.base import Body, Found
from zoo.store import Store
from zoo.zoofile.model import Origin

FILES = [random.Random(seed).randbytes(size) for seed, size in enumerate((0, 1, PIECE, 9 * PIECE + 5))]
ROUNDS = 25
CROWD = 6
LIMIT = 30.0


class Moody:
    """A source that gives a file, a part of it, other bytes, or any error, as chance will have it."""

    kind: ClassVar[SourceKind] = "url"
    local: ClassVar[bool] = False

    def __init__(self, chance: random.Random) -> None:
        self._chance, self._lock = chance, threading.Lock()

    def find(self, origin: Origin) -> tuple[Found, ...]:
        raise NotThere(str(origin))

    @contextmanager
    def open(self, uri: str, *, size: int | None) -> Iterator[_Download]:
        self.fail_sometimes(0.1)
        yield _Download(self, FILES[int(uri)], size)

    def draw(self) -> float:
        with self._lock:
            return self._chance.random()

    def fail_sometimes(self, share: float) -> None:
        drawn = self.draw()
        errors: list[BaseException] = [
            NotThere("gone"),
            Interrupted("cut"),
            SourceChanged("changed"),
            OSError(errno.ENOSPC, "full"),
        ]
        if drawn < share:
            raise errors[int(drawn / share * len(errors))]


class _Download:
    def __init__(self, source: Moody, data: bytes, size: int | None) -> None:
        self._source, self._data = source, data
        self.size: int | None = size
        self.validator: str | None = "same" if source.draw() < 0.5 else None

    @contextmanager
    def read(self, start: int, stop: int | None) -> Iterator[Body]:
        self._source.fail_sometimes(0.1)
        wrong = self._source.draw() < 0.1
        data = bytes(len(self._data)) if wrong else self._data
        whole = self._source.draw() < 0.2
        start, stop = (0, len(data)) if whole else (start, len(data) if stop is None else stop)
        yield Body(start, self._portions(data[start:stop]), stop)

    def _portions(self, data: bytes) -> Iterator[bytes]:
        for at in range(0, len(data), 1000):
            self._source.fail_sometimes(0.01)
            yield data[at : at + 1000]


def failing_disk(chance: random.Random) -> Callable[[int, bytes | bytearray | memoryview, int], int]:
    lock = threading.Lock()

    def pwrite(fd: int, data: bytes | bytearray | memoryview, offset: int) -> int:
        with lock:
            full = chance.random() < 0.02
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.pwrite(fd, data, offset)

    return pwrite


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_a_crowd_in_one_process_always_comes_to_an_end(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    store = Store(tmp_path / "store", piece=PIECE, pwrite=failing_disk(chance))
    sources = {"url": Moody(chance)}
    artifacts = [
        Artifact(digest=digest_of(data), size=len(data), url=(str(at),)) for at, data in enumerate(FILES)
    ]
    bugs: list[BaseException] = []

    def known() -> None:
        fetch(plan(artifacts, store), store, sources, progress=_nobody, offline=False, jobs=3, manners=HASTY)

    def unknown() -> None:
        at = chance.randrange(len(FILES))
        fetch_unknown("url", str(at), store, sources, name="f", progress=_nobody, manners=HASTY)

    def run(do: Callable[[], None]) -> None:
        try:
            do()
        except EaiError:
            pass
        except BaseException as error:  # noqa: BLE001 - shown by the test itself
            bugs.append(error)

    crowd = [
        threading.Thread(target=run, args=(known if at % 2 else unknown,), daemon=True) for at in range(CROWD)
    ]
    until = time.monotonic() + LIMIT
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join(max(0.0, until - time.monotonic()))

    assert [thread for thread in crowd if thread.is_alive()] == []
    assert bugs == []
    for digest in store.sizes():
        assert hashlib.sha256(store.object(digest).read_bytes()).hexdigest() == digest.hex
    assert not [path for path in store.layout.ingest.glob("*/owner.*") if path.name != "owner.free"]


def _nobody(event: object) -> None:
    """Listen to nothing."""
