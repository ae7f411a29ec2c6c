"""Pictures, and a server that has them."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


def png(width: int = 64, height: int = 48, rgb: tuple[int, int, int] = (255, 0, 0)) -> bytes:
    """A picture of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = b"".join(b"\0" + bytes(rgb) * width for _ in range(height))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def data_url(picture: bytes, kind: str = "image/png") -> str:
    """The picture inside a URL."""
    return f"data:{kind};base64,{base64.b64encode(picture).decode()}"


@dataclass
class Gallery:
    """A server of pictures.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        answers: What it answers, by path.
        asked: The headers of every request, in order.
    """

    port: int = 0
    answers: dict[str, web.Response] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def has(self, path: str, body: bytes, kind: str = "image/png", **headers: str) -> str:
        """Put something there."""
        self.answers[path] = web.Response(body=body, content_type=kind, headers=headers)
        return self.url(path)

    def leads(self, path: str, to: str) -> str:
        """Put a redirect there."""
        self.answers[path] = web.Response(status=302, headers={"Location": to, "Set-Cookie": "a=b"})
        return self.url(path)


@asynccontextmanager
async def gallery() -> AsyncIterator[Gallery]:
    """Serve pictures; one at `/red.png` to begin with."""
    made = Gallery()

    async def answer(request: web.Request) -> web.StreamResponse:
        made.asked.append(dict(request.headers))
        kept = made.answers.get(request.path)
        if kept is None:
            raise web.HTTPNotFound
        return web.Response(status=kept.status, body=kept.body, headers=kept.headers)

    app = web.Application()
    app.router.add_get("/{any:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.port = runner.addresses[0][1]
    made.has("/red.png", png())
    try:
        yield made
    finally:
        await runner.cleanup()
