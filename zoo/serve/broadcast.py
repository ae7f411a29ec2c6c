"""Tells events to whoever listens, as server-sent events; who does not keep up is cut off."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import msgspec

LISTENERS, BEHIND = 32, 4 * 2**20  # how many, and how many bytes may wait for each


class Listener:
    """One who listens, and what is still to be sent."""

    def __init__(self) -> None:
        self._events: deque[bytes] = deque()
        self._waiting = 0
        self._ended = False
        self._news = asyncio.Event()

    def put(self, event: bytes) -> bool:
        """Have an event sent; false where too much waits already, and then nothing more comes."""
        self._waiting += len(event)
        if self._waiting > BEHIND:
            self.end()
            return False
        self._events.append(event)
        self._news.set()
        return True

    def end(self) -> None:
        """Send nothing more, not even what waits."""
        self._ended = True
        self._events.clear()
        self._news.set()

    async def get(self) -> bytes | None:
        """The next event; None where there will be none."""
        await self._news.wait()
        if self._ended:
            return None
        event = self._events.popleft()
        self._waiting -= len(event)
        if not self._events:
            self._news.clear()
        return event


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
