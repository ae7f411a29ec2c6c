"""The store over HTTP: single blocks and CARs by CID, and whole objects by digest with ranges.

Spec: ipfs/specs, http-gateways/trustless-gateway.md. Nothing is listed, and nothing can be changed. What
is asked for and not there is refused at once. Whoever gets something must verify it, as eai does.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aiohttp import ETag, web
from aiohttp.abc import AbstractStreamWriter

from zoo.digest import Digest
from zoo.errors import Malformed, SourceChanged
from zoo.ipfs import carheader
from zoo.ipfs import cid as cids
from zoo.ipfs.builder import Block
from zoo.ipfs.cid import Cid
from zoo.ipfs.wire import varint
from zoo.serve.guard import Guard
from zoo.share.asked import Asked, Unanswerable, asked
from zoo.share.index import Index
from zoo.share.objects import Objects
from zoo.store import Store

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

STALL = 60.0
"""Seconds in which a client must take what waits for it, a block at most."""
_PORTION = 1 << 18
"""Bytes that are handed to a connection at a time: what a slow client has not taken is held twice."""
_FOREVER = {
    "Cache-Control": "public, max-age=29030400, immutable",
    "X-Content-Type-Options": "nosniff",
}
_ONLY_CACHED = "only-if-cached"
_AT_ONCE = struct.pack("ii", 1, 0)
_HEX = frozenset("0123456789abcdef")
_HEX_SIZE = 64
_REFUSED = 400


def application(store: Store, index: Index, *, host: str, stall: float = STALL) -> web.Application:
    """Make the server.

    Args:
        store: Whose objects are given by digest.
        index: What is given by CID.
        host: What the server is bound to: on loopback only those who mean it are answered.
        stall: Seconds in which a client must take a block.
    """
    app = web.Application(middlewares=[_guarded(Guard(host))])
    app.on_response_prepare.append(_forget_refusals)
    share = _Share(store, index, stall)
    app.router.add_get("/ipfs/{cid}", share.block)
    app.router.add_get("/eai/sha256/{hex}", share.object)
    return app


def _guarded(guard: Guard) -> Middleware:
    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        refusal = guard.refusal(request.method, request.path, request.headers)
        if refusal is not None:
            return web.Response(status=refusal.status, text=f"{refusal.message}\n")
        return await handler(request)

    return check


async def _forget_refusals(_: web.Request, response: web.StreamResponse) -> None:
    """See that no cache keeps a refusal as long as what was asked for."""
    if response.status >= _REFUSED:
        response.headers.pop("Cache-Control", None)


class _Whole(web.FileResponse):
    """A file, or a part of it; the connection ends where it becomes another file meanwhile."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send it."""
        try:
            file = self._path.open("rb", buffering=0)
        except OSError:
            return await super().prepare(request)  # which says that it is not there
        with file:
            size = os.fstat(file.fileno()).st_size
            try:
                writer = await super().prepare(request)
            except RuntimeError as error:
                # So asyncio says, before anything is sent, that the client has left.
                if request.transport is None or request.transport.is_closing():
                    raise ConnectionAbortedError from error
                raise
            if os.fstat(file.fileno()).st_size != size:
                # Less was sent than was announced: whatever comes next would be taken for the rest.
                _break(request)
        return writer


class _Share:
    def __init__(self, store: Store, index: Index, stall: float) -> None:
        self._objects, self._index, self._stall = Objects(store), index, stall

    async def object(self, request: web.Request) -> web.StreamResponse:
        """Give an object, or the range of it that is asked for."""
        name = request.match_info["hex"]
        if len(name) != _HEX_SIZE or not set(name) <= _HEX:
            return _absent()
        path = await self._objects.find(Digest.of_hex(name))
        if path is None:
            return _absent()
        headers = {**_FOREVER, "Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}
        return _Whole(path, headers=headers)

    async def block(self, request: web.Request) -> web.StreamResponse:
        """Give a block, or all blocks below it as a CAR."""
        try:
            wanted = asked(request.query, ",".join(request.headers.getall("Accept", [])) or None)
            cid = cids.parse(request.match_info["cid"])
        except Unanswerable as error:
            return web.Response(status=error.status, text=f"{error}\n")
        except Malformed as error:
            return web.Response(status=400, text=f"{error.message}\n")
        size = await asyncio.to_thread(self._index.has, cid)
        if size is None:
            cached = _ONLY_CACHED in request.headers.get("Cache-Control", "")
            return web.Response(status=412, text="not here\n") if cached else _absent()
        headers = _headers(cid, wanted)
        if _known(request, headers["Etag"]):
            return web.Response(status=304, headers=headers)
        if wanted.form == "raw":
            return await self._raw(request, cid, size, headers)
        return await self._car(request, cid, wanted, headers)

    async def _raw(
        self, request: web.Request, cid: Cid, size: int, headers: dict[str, str]
    ) -> web.StreamResponse:
        if request.method == "HEAD":
            return web.Response(headers={**headers, "Content-Length": str(size)})
        try:
            data = await asyncio.to_thread(self._index.block, cid)
        except OSError as error:
            return web.Response(status=500, text=f"it cannot be read: {error.strerror}\n")
        if data is None:
            return _absent()
        response = web.StreamResponse(headers={**headers, "Content-Length": str(len(data))})
        await response.prepare(request)
        await self._send(request, response, data)
        await response.write_eof()
        return response

    async def _car(
        self, request: web.Request, cid: Cid, wanted: Asked, headers: dict[str, str]
    ) -> web.StreamResponse:
        span = None
        if wanted.bytes is not None:
            size = self._index.size(cid) or 0
            span = wanted.bytes.of(size)
            if size and wanted.bytes.outside(size):
                return web.Response(status=400, text=f"it has {size} bytes, and none of those\n")
        if wanted.root_only:
            span = range(0)
        response = web.StreamResponse(headers={**headers, "Accept-Ranges": "none"})
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        await self._send(request, response, carheader.encode([cid]))
        blocks = self._index.below(cid, span=span, dups=wanted.dups) if cid.inline is None else iter(())
        try:
            while (block := await asyncio.to_thread(_next, blocks)) is not None:
                name = bytes(block.cid)
                await self._send(request, response, varint(len(name) + len(block.data)) + name)
                await self._send(request, response, block.data)
        except (SourceChanged, OSError):
            # What is missing must not look like an end. A client that left is an OSError, too.
            _break(request)
            return response
        await response.write_eof()
        return response

    async def _send(self, request: web.Request, response: web.StreamResponse, data: bytes) -> None:
        """Send some of an answer; one who takes none of it in time is let go.

        Raises:
            ConnectionError: The client is gone.
        """
        view = memoryview(data)
        try:
            async with asyncio.timeout(self._stall):
                for at in range(0, len(data), _PORTION):
                    await response.write(view[at : at + _PORTION])
        except TimeoutError:
            _break(request)
            raise ConnectionAbortedError from None


def _headers(cid: Cid, wanted: Asked) -> dict[str, str]:
    extension = "bin" if wanted.form == "raw" else "car"
    headers = {
        **_FOREVER,
        "Content-Type": wanted.content_type,
        "Content-Disposition": f'attachment; filename="{cid}.{extension}"',
        "Etag": f'"{wanted.query}.{cid}"',
        "Vary": "Accept",
        "X-Ipfs-Path": f"/ipfs/{cid}",
        "X-Ipfs-Roots": str(cid),
    }
    return headers | ({"Content-Location": f"/ipfs/{cid}?{wanted.query}"} if wanted.by_header else {})


def _known(request: web.Request, tag: str) -> bool:
    """Whether the client has this answer already."""
    held = request.if_none_match or ()
    return any(each == ETag("*") or f'"{each.value}"' == tag for each in held)


def _break(request: web.BaseRequest) -> None:
    """End the connection with a reset: to HTTP/1.0 any other end would look like that of a CAR."""
    if request.transport is not None:
        sock = request.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        request.transport.abort()


def _next(blocks: Iterator[Block]) -> Block | None:
    return next(blocks, None)


def _absent() -> web.Response:
    return web.Response(status=404, text="not here\n")
