"""Tells events to whoever listens, as server-sent events; who does not keep up is cut off."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

LISTENERS, BEHIND = 32, 128


class Listener:
    """One who listens, and what is still to be sent."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(BEHIND)

    def put(self, event: bytes) -> bool:
        """Have an event sent; false where too many wait already, and then nothing more comes."""
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            self.end()
            return False
        return True

    def end(self) -> None:
        """Send nothing more, not even what waits."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    async def get(self) -> bytes | None:
        """The next event; None where there will be none."""
        return await self._queue.get()


class Broadcast:
    """All who listen."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()

    def __len__(self) -> int:
        return len(self._listeners)

    def join(self) -> Listener | None:
        """Listen from now on; None where too many do."""
        if len(self._listeners) >= LISTENERS:
            return None
        listener = Listener()
        self._listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """Listen no more."""
        self._listeners.discard(listener)

    def tell(self, kind: str, value: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
        """Send an event to everybody."""
        if self._listeners:
            told = event(kind, value)
            self._listeners = {listener for listener in self._listeners if listener.put(told)}

    def close(self) -> None:
        """Send nobody anything more."""
        for listener in self._listeners:
            listener.end()
        self._listeners.clear()


def event(kind: str, value: Any) -> bytes:  # noqa: ANN401 - whatever JSON can hold
    """A server-sent event."""
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), msgspec.json.encode(value))
