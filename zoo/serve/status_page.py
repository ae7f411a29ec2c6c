"""The status page: its files, and the events that keep it up to date."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from zoo.serve.answers import Problem
from zoo.serve.proxy import Proxy
from zoo.serve.pulse import Pulse

_FILES = Path(__file__).parent / "page"
_INDEX = "index.html"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",  # asked about each time, sent when it has changed
}
_STREAM = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    etag: str
    headers: dict[str, str]


class Page:
    """Answers with the page's files, which are read when it is first asked for."""

    def __init__(self) -> None:
        self._read: dict[str, _File] = {}

    async def index(self, request: web.Request) -> web.Response:
        """Give the page itself."""
        return self._answer(request, _INDEX)

    async def file(self, request: web.Request) -> web.Response:
        """Give one of its files."""
        return self._answer(request, request.match_info["name"])

    def _answer(self, request: web.Request, name: str) -> web.Response:
        self._read = self._read or {path.name: _load(path) for path in _FILES.iterdir()}
        file = self._read.get(name)
        if file is None:
            raise web.HTTPNotFound
        given = request.headers.get("If-None-Match", "")
        if file.etag in {tag.strip().removeprefix("W/") for tag in given.split(",")}:
            return web.Response(status=304, headers={**_HEADERS, "ETag": file.etag})
        return web.Response(body=file.body, headers=file.headers)


def _load(path: Path) -> _File:
    body = path.read_bytes()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    return _File(body, etag, {**_HEADERS, "Content-Type": _TYPES[path.suffix], "ETag": etag})


class Events:
    """Answers with what happens, as it happens.

    Args:
        pulse: Tells it.
    """

    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Tell what there is, and then what is new, until the client leaves or does not keep up."""
        listener = self._pulse.join()
        if listener is None:
            raise Problem(503, "too_many_listeners", "too many watch already", headers={"Retry-After": "5"})
        response = web.StreamResponse(headers=_STREAM)
        try:
            await response.prepare(request)
            while (event := await listener.get()) is not None:
                await response.write(event)
        finally:
            self._pulse.leave(listener)
        return response


def add(app: web.Application, proxy: Proxy) -> None:
    """Add the page to the proxy's application, and keep it informed for as long as that runs."""
    page, pulse = Page(), Pulse(proxy)
    app.router.add_get("/", page.index)
    app.router.add_get("/page/{name}", page.file)
    app.router.add_get("/api/events", Events(pulse).__call__)

    async def let_go(_: web.Application) -> None:
        pulse.close()

    app.on_shutdown.append(let_go)
    app.cleanup_ctx.append(pulse.beating)
