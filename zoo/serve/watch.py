"""Closes connections that take too long or are too many; aiohttp itself waits for ever."""

from __future__ import annotations

import asyncio
from typing import cast

from zoo.serve.limits import Connections, Deadline, Limits
from zoo.serve.refusal import Refusal

_CROWDED = Refusal(503, "too_many_connections", "too many connections are open", {"Retry-After": "1"})
_LATE = Refusal(408, "request_timeout", "the request did not come whole in time")


class _Watched:
    """One connection, and what of its answers was last seen to wait for the client."""

    __slots__ = ("address", "deadline", "pending", "since")

    def __init__(self, address: str, deadline: Deadline, now: float) -> None:
        self.address, self.deadline = address, deadline
        self.pending, self.since = 0, now


class Watch:
    """Looks after the connections of one server.

    Args:
        limits: What they may take.
        loop: The running event loop.
    """

    def __init__(self, limits: Limits, loop: asyncio.AbstractEventLoop) -> None:
        self._limits, self._loop = limits, loop
        self._connections = Connections(limits)
        self._watched: dict[asyncio.Transport, _Watched] = {}
        self._timer: asyncio.TimerHandle | None = None

    def admit(self, transport: asyncio.Transport) -> Deadline | None:
        """Take a new connection; None where there are too many, and then it is being closed."""
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if isinstance(peer, tuple) else ""
        if not self._connections.enter(address):
            transport.write(_CROWDED.raw())
            transport.close()
            return None
        now = self._loop.time()
        self._watched[transport] = _Watched(address, Deadline(self._limits, now), now)
        if self._timer is None:
            self._timer = self._loop.call_later(self._limits.look, self._look)
        return self._watched[transport].deadline

    def gone(self, transport: asyncio.Transport) -> None:
        """Let go of a connection that is closed; one that was not taken may be named too."""
        if (watched := self._watched.pop(transport, None)) is not None:
            self._connections.leave(watched.address)

    def of(self, transport: asyncio.BaseTransport | None) -> Deadline | None:
        """The deadline of a connection; None where it is gone."""
        watched = self._watched.get(cast("asyncio.Transport", transport))
        return None if watched is None else watched.deadline

    def _look(self) -> None:
        """Close who is late."""
        now = self._loop.time()
        for transport, watched in tuple(self._watched.items()):
            self._judge(transport, watched, now)
        self._timer = self._loop.call_later(self._limits.look, self._look) if self._watched else None

    def _judge(self, transport: asyncio.Transport, watched: _Watched, now: float) -> None:
        pending = 0 if transport.is_closing() else transport.get_write_buffer_size()
        if pending != watched.pending:
            watched.pending, watched.since = pending, now
        if pending:
            if watched.deadline.stage == "idle":
                watched.deadline.answered(now)
            if now - watched.since > self._limits.stall:
                transport.abort()
        elif watched.deadline.due() < now:
            if transport.is_closing():
                transport.abort()
                return
            if watched.deadline.stage != "idle":
                transport.write(_LATE.raw())
            transport.close()
