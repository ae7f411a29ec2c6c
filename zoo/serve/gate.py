"""What clients connect to: carries the plain requests itself, and lends the connection to aiohttp for others.

A plain request is a POST to an endpoint with a JSON body of a stated length, for a model that is ready.
It takes one look at the head, one at the body, and then bytes pass from socket to socket. Whatever takes
more, or must be refused, is given to aiohttp with all bytes so far, so each of those has one place where
it is done; what aiohttp's handlers send to an engine comes back over this connection by the same `Carry`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, cast

from aiohttp import web

from zoo.serve import head, media
from zoo.serve.answers import Problem
from zoo.serve.endpoints import ENDPOINTS, Endpoint
from zoo.serve.forward import Carry, Client, Forward, answer_of
from zoo.serve.handlers import GONE, forward_of, note
from zoo.serve.keys import Key
from zoo.serve.limits import Deadline
from zoo.serve.proxy import Proxy
from zoo.serve.server import Handler
from zoo.serve.slot import Hold
from zoo.serve.upstream import Upstream

_EARLY = 2**16
_KEPT = 256
_PATHS = {path.encode(): endpoint for endpoint in ENDPOINTS for path in endpoint.paths}


class Judged(NamedTuple):
    """What a head says, and where its request goes; None where that is aiohttp."""

    head: head.Head
    endpoint: Endpoint | None


class Gate:
    """Makes the protocol of each connection, for `loop.create_server`.

    Args:
        proxy: What serves.
        server: aiohttp's, for what the gate does not carry.

    Attributes:
        judge: Says of a head what becomes of its request; None where it takes more than the gate knows.
    """

    def __init__(self, proxy: Proxy, server: web.Server) -> None:
        self.proxy, self.server = proxy, server
        self.loop = asyncio.get_running_loop()
        self.doors: set[Door] = set()
        # A client sends much the same head again and again, and what is said of it depends on nothing
        # else. But to remember heads is to remember keys, where there are any.
        keys = proxy.guard.keyring.keys
        self.judge: Callable[[bytes], Judged | None] = self._judge if keys else lru_cache(_KEPT)(self._judge)
        self._body_limit = proxy.body_limit

    def __call__(self) -> Door:
        """Make the protocol of a new connection."""
        return Door(self)

    def _judge(self, data: bytes) -> Judged | None:
        seen = head.read(data)
        if seen is None:
            return None
        endpoint = _PATHS.get(seen.target) if seen.method == b"POST" else None
        mine = endpoint is not None and seen.length <= self._body_limit and self._welcome(seen)
        return Judged(seen, endpoint if mine else None)

    def _welcome(self, seen: head.Head) -> bool:
        """Whether there is nothing to say about who asks: aiohttp says it, and what browsers are told."""
        path = seen.target.decode("latin-1")
        refused = self.proxy.guard.refusal("POST", path, seen.headers)
        return "Origin" not in seen.headers and refused is None

    async def close(self, within: float) -> None:
        """End every connection; what is written already has this many seconds to leave."""
        doors = tuple(self.doors)
        for door in doors:
            door.close()
        if doors:
            await asyncio.wait([door.lost for door in doors], timeout=within)
        for door in doors:
            door.transport.abort()


class Door(Client, asyncio.Protocol):
    """One connection.

    Attributes:
        since: When the first bytes of a request came, on the monotonic clock.
        lost: Done when the connection has ended.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._parts: list[bytes] = []
        self._size = self._need = 0
        self._head: head.Head | None = None
        self._endpoint: Endpoint | None = None
        self._busy: tuple[Endpoint, Forward, Hold[Upstream], Key | None] | None = None
        self._deadline: Deadline | None = None
        self._handler: Handler | None = None
        self._lent = self._alone = False
        self.since = time.monotonic()
        self.lost: asyncio.Future[None] = gate.loop.create_future()

    def close(self) -> None:
        """End the connection, and what is under way on it."""
        self._leave()
        self.transport.close()

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come."""
        self.transport = cast("asyncio.Transport", transport)
        self._gate.doors.add(self)
        self._deadline = self._gate.proxy.watch.admit(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone: nobody wants what is under way."""
        self._gate.doors.discard(self)
        self._gate.proxy.watch.gone(self.transport)
        self._leave()
        if self._handler is not None:
            self._handler.connection_lost(exc)
        self.lost.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        if self._deadline is None:  # one connection too many, which is being closed
            return
        self._deadline.arrived(len(data), self._gate.loop.time())
        if self._lent and not self._comes_back():
            cast("Handler", self._handler).data_received(data)
            return
        if not self._parts:
            self.since = time.monotonic()
        self._parts.append(data)
        self._size += len(data)
        if self._busy is None:
            self._read()
        elif self._size > _EARLY:  # until the answer under way is written
            self.transport.pause_reading()

    def pause_writing(self) -> None:
        """The client reads slowly."""
        super().pause_writing()
        if self._handler is not None:
            self._handler.pause_writing()

    def resume_writing(self) -> None:
        """The client has caught up."""
        super().resume_writing()
        if self._handler is not None:
            self._handler.resume_writing()

    # Requests

    def _read(self) -> None:
        """See whether a plain request is complete."""
        if self._head is None and not self._read_head():
            return
        if self._size > self._need:
            self._lend(alone=False)
        elif self._size == self._need and self._head is not None and self._endpoint is not None:
            self._begin(self._head, self._endpoint)

    def _read_head(self) -> bool:
        """Read the head; whether it has come, and is one of a plain request."""
        self._parts = [data := b"".join(self._parts)]
        at = data.find(head.END, 0, head.LIMIT)
        if at < 0 and self._size < head.LIMIT:
            return False
        end = at + len(head.END)
        judged = self._gate.judge(data[:end]) if at >= 0 else None
        if judged is None:
            self._lend(alone=False)
            return False
        self._head, self._endpoint = judged
        self._need = end + self._head.length
        if self._endpoint is None:
            self._lend(alone=self._size == self._need)
            return False
        if self._deadline is not None:
            self._deadline.head_whole(self._gate.loop.time(), self._is_whole)
        return True

    def _is_whole(self) -> bool:
        """Whether the body is."""
        return self._busy is not None or self._size >= self._need

    def _begin(self, seen: head.Head, endpoint: Endpoint) -> None:
        """Ask the engine, if there is nothing to wait for."""
        body = b"".join(self._parts)[self._need - seen.length :]
        proxy = self._gate.proxy
        try:
            forward = forward_of(proxy, endpoint, body, chunks=seen.chunks, keep=seen.keep, began=self.since)
            fetches = media.remote(forward.body) is not None
        except Problem:
            self._lend(alone=True)
            return
        hold = None if fetches else proxy.scheduler.take(forward.model)
        if hold is None:
            self._lend(alone=True)
            return
        key = proxy.guard.key(seen.headers)
        if proxy.guard.enter(key, forward.model) is not None:  # which aiohttp is told again, and tells
            proxy.scheduler.give_back(hold)
            self._lend(alone=True)
            return
        self._forget()
        self._busy = endpoint, forward, hold, key
        Carry(forward, hold.engine, self, self._over)

    def _over(self, how: int | Problem) -> None:
        """The answer is written, or there is none."""
        if self._busy is None:
            return
        endpoint, forward, hold, key = self._busy
        if self._deadline is not None:
            self._deadline.answered(self._gate.loop.time())
        self._busy = None
        self._gate.proxy.scheduler.give_back(hold)
        self._gate.proxy.guard.leave(key)
        if isinstance(how, Problem):
            self.transport.write(answer_of(how, forward))
        status = how.status if isinstance(how, Problem) else how
        note(self._gate.proxy, endpoint, forward, status, forward.began)
        if not forward.keep:
            self.transport.close()
        elif self._parts:
            self.since = time.monotonic()
            self.transport.resume_reading()
            self._read()

    def _leave(self) -> None:
        """Give up what is under way."""
        if self.carry is not None:
            self.carry.abandon()
        if self._busy is not None:
            endpoint, forward, hold, key = self._busy
            self._busy = None
            self._gate.proxy.scheduler.give_back(hold)
            self._gate.proxy.guard.leave(key)
            note(self._gate.proxy, endpoint, forward, GONE, forward.began)

    def _forget(self) -> None:
        """Be ready for the next request."""
        self._parts, self._size, self._head = [], 0, None

    # aiohttp

    def _lend(self, *, alone: bool) -> None:
        """Give aiohttp the connection and what has come.

        Args:
            alone: Whether that is one request, and nothing more: then the connection comes back.
        """
        if self._handler is None:
            self._handler = Handler(self._gate.server, self._gate.loop)
            self._handler.connection_made(self.transport)
            if self.stuck:
                self._handler.pause_writing()
        self._lent, self._alone = True, alone
        parts = self._parts
        self._forget()
        for part in parts:
            self._handler.data_received(part)

    def _comes_back(self) -> bool:
        """Whether aiohttp is done with the connection, now that more bytes have come."""
        idle = self._handler is not None and self._handler.idle
        # What comes while it answers is aiohttp's too, and where that ends nobody else can know.
        self._alone = self._alone and idle
        self._lent = not self._alone
        return self._alone
