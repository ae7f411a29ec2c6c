"""aiohttp's side of a connection: it gets the requests that take more than the gate does."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from zoo.serve.answers import Problem
from zoo.serve.limits import HEADERS, LINE

_FOREVER = 1e9
_NO_LOG: Any = None  # aiohttp takes it, but does not declare so


class Handler(web.RequestHandler):
    """aiohttp's protocol, for a connection that is the gate's.

    Args:
        server: aiohttp's.
        loop: The running event loop.
    """

    def __init__(self, server: web.Server, loop: asyncio.AbstractEventLoop) -> None:
        # How long a connection stays open is the gate's to say: it uses the same one for other requests.
        super().__init__(
            server,
            loop=loop,
            keepalive_timeout=_FOREVER,
            access_log=_NO_LOG,
            max_line_size=LINE,
            max_field_size=LINE,
            max_headers=HEADERS,
        )

    @property
    def idle(self) -> bool:
        """Whether every request that it was given is answered."""
        return self._waiter is not None and not self._waiter.done() and not self._messages

    def log_exception(self, *args: object, **kw: object) -> None:
        """Log what went wrong; not a body that cannot be unpacked, which its client was told."""
        if not isinstance(kw.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*args, **kw)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP as everything else that cannot be answered: it is no error of ours."""
        if status != web.HTTPBadRequest.status_code:
            return super().handle_error(request, status, exc, message)
        text = " ".join((message or "").split())[:200]
        response = Problem(status, "bad_request", f"this is no HTTP request: {text}").response()
        response.force_close()
        return response


class Written(web.StreamResponse):
    """An answer that is on the client's connection already: aiohttp has nothing to send.

    Args:
        status: Of HTTP.
        keep: Whether the connection stays open.
    """

    def __init__(self, status: int, *, keep: bool) -> None:
        super().__init__(status=status)
        self._keep = keep

    @property
    def keep_alive(self) -> bool | None:
        """Whether the connection stays open."""
        return self._keep

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send no head."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Send no end."""
