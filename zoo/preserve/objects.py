"""Objects of the store as files to preserve: one read makes the DAG and checks its bytes."""

from __future__ import annotations

import threading
from dataclasses import replace

from zoo.errors import IntegrityError
from zoo.ipfs.builder import Reader
from zoo.preserve import choose
from zoo.preserve.choose import Item
from zoo.preserve.content import Content, build, reader_at
from zoo.preserve.events import Progress
from zoo.store import Store

_AHEAD = 32 << 20
"""How many bytes may be read ahead of a piece that is missing; they are held in memory."""

_PATIENCE = 1.0
"""Seconds to wait for a piece that is missing: whoever was to bring it may have failed."""


def content_of(item: Item, store: Store, tell: Progress) -> Content:
    """Make the DAG of an object: a CID of other bytes than its digest names must never get into a lock.

    Raises:
        IntegrityError: The object is corrupt, and was set aside; or each read of it gives other bytes.
        EaiError: It cannot be read.
    """
    path = store.object(item.digest)
    read, size = reader_at(path)
    witness = Witness(read)
    content = build(item.name, witness.read, size, tell)
    seen = witness.blake3()
    if seen is None or seen != store.blake3(item.digest):
        choose.require_intact(item, store)
        if seen is not None and seen != (store.blake3(item.digest) or seen):
            raise IntegrityError(
                f"{item.name}: {path} gives other bytes each time that it is read",
                hint="its disk or the memory of this machine is failing",
            )
    return replace(content, read=read)


class Witness:
    """Hashes with BLAKE3 what several threads read of a file, each piece once, in the file's order.

    Whoever brings the piece that comes next also hashes those that others brought before.

    Args:
        read: Reads the file.
    """

    def __init__(self, read: Reader) -> None:
        from blake3 import blake3  # noqa: PLC0415 - only for those who hash

        self._read, self._hasher = read, blake3()
        self._turn = threading.Condition()
        self._ahead: dict[int, bytes] = {}
        self._at = 0
        self._busy = self._lost = False

    def read(self, offset: int, length: int) -> bytes:
        """Read, and remember what was read; wait first where others are far behind."""
        with self._turn:
            if not self._turn.wait_for(lambda: self._lost or offset < self._at + _AHEAD, _PATIENCE):
                self._lost = True
                self._ahead.clear()
        data = self._read(offset, length)
        if self._brings(offset, data):
            while (piece := self._next()) is not None:
                self._hasher.update(piece)
        return data

    def blake3(self) -> str | None:
        """Give the hash of all that was read, or None if it was read too much out of order."""
        return None if self._lost or self._ahead else str(self._hasher.hexdigest())

    def _brings(self, offset: int, data: bytes) -> bool:
        """Note a piece; say whether nobody else is hashing."""
        with self._turn:
            if not self._lost:
                self._ahead[offset] = data
            idle, self._busy = not self._busy, True
            return idle

    def _next(self) -> bytes | None:
        with self._turn:
            piece = self._ahead.pop(self._at, None)
            if piece is None:
                self._busy = False
                return None
            self._at += len(piece)
            self._turn.notify_all()
            return piece
