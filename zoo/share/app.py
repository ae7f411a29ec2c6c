"""The store over HTTP: single blocks and CARs by CID, and whole objects by digest with ranges.

Spec: ipfs/specs, http-gateways/trustless-gateway.md. Nothing is listed, and nothing can be changed. What
is asked for and not there is refused at once. Whoever gets something must verify it, as eai does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from aiohttp import web

from zoo.digest import Digest
from zoo.errors import Malformed
from zoo.ipfs import carheader
from zoo.ipfs import cid as cids
from zoo.ipfs.builder import Block
from zoo.ipfs.cid import Cid
from zoo.ipfs.wire import varint
from zoo.serve.guard import Guard
from zoo.share.index import Index
from zoo.store import Store

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware
    from multidict import CIMultiDictProxy

RAW_TYPE = "application/vnd.ipld.raw"
CAR_TYPE = "application/vnd.ipld.car"
_CAR_FULL = f"{CAR_TYPE}; version=1; order=dfs; dups=n"
_FOREVER = {
    "Cache-Control": "public, max-age=29030400, immutable",
    "X-Content-Type-Options": "nosniff",
}
_ONLY_CACHED = "only-if-cached"
_HEX = frozenset("0123456789abcdef")
_HEX_SIZE = 64

Form = Literal["raw", "car"]


def application(store: Store, index: Index, *, host: str) -> web.Application:
    """Make the server.

    Args:
        store: Whose objects are given by digest.
        index: What is given by CID.
        host: What the server is bound to: on loopback only those who mean it are answered.
    """
    app = web.Application(middlewares=[_guarded(Guard(host))])
    share = _Share(store, index)
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


class _Share:
    def __init__(self, store: Store, index: Index) -> None:
        self._store, self._index = store, index

    async def object(self, request: web.Request) -> web.StreamResponse:
        """Give an object, or the range of it that is asked for."""
        name = request.match_info["hex"]
        if len(name) != _HEX_SIZE or not set(name) <= _HEX:
            return _absent()
        digest = Digest.of_hex(name)
        if not await asyncio.to_thread(self._store.has, digest):
            return _absent()
        headers = {**_FOREVER, "Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}
        return web.FileResponse(self._store.object(digest), headers=headers)

    async def block(self, request: web.Request) -> web.StreamResponse:
        """Give a block, or all blocks below it as a CAR."""
        form = wanted(request.query.get("format"), request.headers)
        if form is None or request.query.get("car-version", "1") != "1":
            return web.Response(status=406, text=f"ask for ?format=raw or car ({RAW_TYPE}, {CAR_TYPE})\n")
        try:
            cid = cids.parse(request.match_info["cid"])
        except Malformed as error:
            return web.Response(status=400, text=f"{error.message}\n")
        size = self._index.has(cid)
        if size is None:
            cached = _ONLY_CACHED in request.headers.get("Cache-Control", "")
            return web.Response(status=412, text="not here\n") if cached else _absent()
        tag = f'"{cid}.{form}"'
        headers = {**_FOREVER, "Etag": tag, "X-Ipfs-Roots": str(cid), "X-Ipfs-Path": f"/ipfs/{cid}"}
        headers["Content-Disposition"] = f'attachment; filename="{cid}.{"bin" if form == "raw" else "car"}"'
        if tag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        if form == "raw":
            return await self._raw(request, cid, size, headers)
        return await self._car(request, cid, headers)

    async def _raw(
        self, request: web.Request, cid: Cid, size: int, headers: dict[str, str]
    ) -> web.StreamResponse:
        headers = {**headers, "Content-Type": RAW_TYPE}
        if request.method == "HEAD":
            return web.Response(headers={**headers, "Content-Length": str(size)})
        data = await asyncio.to_thread(self._index.block, cid)
        return _absent() if data is None else web.Response(body=data, headers=headers)

    async def _car(self, request: web.Request, cid: Cid, headers: dict[str, str]) -> web.StreamResponse:
        headers = {**headers, "Content-Type": _CAR_FULL, "Accept-Ranges": "none"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        blocks = self._index.below(cid) if cid.inline is None else iter(())
        await response.write(carheader.encode([cid]))
        only = request.query.get("dag-scope") == "block"
        while (block := await asyncio.to_thread(_next, blocks)) is not None:
            name = bytes(block.cid)
            await response.write(varint(len(name) + len(block.data)) + name)
            await response.write(block.data)
            if only:
                break
        await response.write_eof()
        return response


def wanted(form: str | None, headers: CIMultiDictProxy[str]) -> Form | None:
    """Say in which form a block is asked for: `format` counts before `Accept` (IPIP-523)."""
    if form is not None:
        return "raw" if form == "raw" else "car" if form == "car" else None
    for each in ",".join(headers.getall("Accept", [])).split(","):
        kind, _, parameters = each.partition(";")
        if kind.strip().lower() == RAW_TYPE:
            return "raw"
        if kind.strip().lower() == CAR_TYPE and "version=2" not in parameters:
            return "car"
    return None


def _next(blocks: Iterator[Block]) -> Block | None:
    return next(blocks, None)


def _absent() -> web.Response:
    return web.Response(status=404, text="not here\n")
