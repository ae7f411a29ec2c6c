"""Finds objects for many who ask at once: each is looked at once, and hashed once where it must be."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from zoo.digest import Digest
from zoo.errors import EaiError
from zoo.store import Store

_State = tuple[int, ...]
"""What `stat` says of a file that changes whenever its bytes do."""


class Objects:
    """The objects of a store, for one event loop.

    The store remembers which objects it has verified beside them, where it can. Here it is remembered
    too: where nothing can be written, every range that is asked for would else be a reason to hash all of it.

    Args:
        store: The store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._right: dict[Digest, _State] = {}
        self._looking: dict[Digest, asyncio.Task[Path | None]] = {}

    async def find(self, digest: Digest) -> Path | None:
        """Give an object's path; None where it is not there, or cannot be read, or is not right."""
        if digest not in self._looking:
            looking = asyncio.create_task(self._look(digest))
            self._looking[digest] = looking
            looking.add_done_callback(lambda _: self._looking.pop(digest))
        # Whoever leaves must not end what others wait for.
        return await asyncio.shield(self._looking[digest])

    async def _look(self, digest: Digest) -> Path | None:
        path = self._store.object(digest)
        try:
            state = _state(path)
        except OSError:
            return None
        if self._right.get(digest) == state:
            return path
        if not await _aside(lambda: self._store.has(digest)):
            return None
        self._right[digest] = state
        return path


def _state(path: Path) -> _State:
    status = path.lstat()
    return status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


async def _aside(find_out: Callable[[], bool]) -> bool:
    """Find something out on a thread that nobody waits for at the end: a large file takes minutes to hash."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[bool] = loop.create_future()

    def told(answer: bool) -> None:  # noqa: FBT001 - called by the loop
        if not found.done():
            found.set_result(answer)

    def work() -> None:
        answer = False
        try:
            with suppress(EaiError):  # it cannot be read, so it cannot be given
                answer = find_out()
        finally:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(told, answer)

    threading.Thread(target=work, name="eai-object", daemon=True).start()
    return await found
