"""The connections to a shared store: how many there may be, and which of their troubles are ours."""

from __future__ import annotations

import asyncio
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
    return lambda: _Handler(server, loop, connections, limits.idle)


class _Handler(web.RequestHandler):
    def __init__(
        self, server: web.Server, loop: asyncio.AbstractEventLoop, connections: Connections, idle: float
    ) -> None:
        # aiohttp counts from the last answer: a request must have come whole by then.
        super().__init__(
            server,
            loop=loop,
            keepalive_timeout=idle,
            access_log=_NO_LOG,
            max_line_size=LINE,
            max_field_size=LINE,
            max_headers=HEADERS,
        )
        self._connections = connections
        self._address: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let a client in, if there may be one more."""
        super().connection_made(transport)
        name = transport.get_extra_info("peername")
        address = str(name[0]) if isinstance(name, tuple) else ""
        if self._connections.enter(address):
            self._address = address
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
