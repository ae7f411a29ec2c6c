"""The connections to a shared store: how many there may be, and which of their troubles are ours."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from zoo.serve.limits import HEADERS, LINE, Connections, Limits

_CROWDED = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
)
_NO_LOG: Any = None  # aiohttp takes it, but does not declare so
_THEIRS = (HttpProcessingError, web.RequestPayloadError, ConnectionError)


def handlers(server: web.Server, limits: Limits) -> Callable[[], web.RequestHandler]:
    """Give what makes the handler of each new connection, for `loop.create_server`.

    Args:
        server: aiohttp's.
        limits: How many connections there may be, and how long one may be silent.
    """
    loop, connections = asyncio.get_running_loop(), Connections(limits)
    return lambda: _Handler(server, loop, connections, limits)


class _Handler(web.RequestHandler):
    def __init__(
        self, server: web.Server, loop: asyncio.AbstractEventLoop, connections: Connections, limits: Limits
    ) -> None:
        # aiohttp counts from the last answer: a request must have come whole by then.
        super().__init__(
            server,
            loop=loop,
            keepalive_timeout=limits.idle,
            access_log=_NO_LOG,
            max_line_size=LINE,
            max_field_size=LINE,
            max_headers=HEADERS,
        )
        self._connections, self._stall = connections, limits.stall
        self._address: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let a client in, if there may be one more."""
        super().connection_made(transport)
        name = transport.get_extra_info("peername")
        address = str(name[0]) if isinstance(name, tuple) else ""
        if self._connections.enter(address):
            self._address = address
            _let_go_of_the_silent(transport, self._stall)
            return
        cast("asyncio.Transport", transport).write(_CROWDED)
        self.force_close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """A client has gone."""
        if self._address is not None:
            self._connections.leave(self._address)
            self._address = None
        super().connection_lost(exc)

    def log_exception(self, *args: object, **kw: object) -> None:
        """Log what went wrong; not that a client left, or sent something that is no HTTP."""
        if not isinstance(kw.get("exc_info"), _THEIRS):
            super().log_exception(*args, **kw)


def _let_go_of_the_silent(transport: asyncio.BaseTransport, seconds: float) -> None:
    """End the connection where a client takes nothing so long; nobody else watches while the system sends."""
    sock = transport.get_extra_info("socket")
    if sock is not None and hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux has it
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))
