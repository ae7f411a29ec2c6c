"""Passes a request to an engine and its answer back, byte for byte, as the bytes come."""

from __future__ import annotations

import asyncio
import contextlib
import io
import time
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
from aiohttp import web

from zoo.serve import complaints, responses
from zoo.serve.answers import Problem
from zoo.serve.engine import EngineProcess
from zoo.serve.flow import Flow
from zoo.serve.responses import Events

_CONNECT = 5.0
_ERROR_LIMIT = 2**20
_FATE = 1.0
_ONE_GO = 2**20
_FAILURE = 400


class Upstream:
    """A running engine and the connections to it.

    Each request has a connection of its own: llama.cpp's server closes idle ones on its own account,
    and a request that loses that race fails. Over a unix socket a new connection costs nothing to see.

    Args:
        process: The engine; from now on this owns it.
    """

    def __init__(self, process: EngineProcess) -> None:
        self.process = process
        self._session = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(str(process.socket), force_close=True, limit=0),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept-Encoding"),
        )

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        """Ask the engine; closing the response early makes it stop working on the answer.

        Raises:
            aiohttp.ClientError: It cannot be reached, or ended before it answered.
        """
        try:
            return await self._ask(path, body, headers)
        except (aiohttp.ClientConnectorError, aiohttp.ServerDisconnectedError, ConnectionResetError):
            # Not a byte of an answer has come, so nothing is lost by asking once more.
            return await self._ask(path, body, headers)

    async def _ask(self, path: str, body: bytes, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        if self._session.closed:
            raise aiohttp.ClientConnectionError("the engine is gone")
        # The client sends bytes in one go, and a file in pieces between which others have their turn.
        data = body if len(body) <= _ONE_GO else io.BytesIO(body)
        return await self._session.post(
            f"http://engine{path}", data=data, headers=headers, allow_redirects=False
        )

    async def died(self) -> str:
        """Wait until the engine is gone, and say how it ended."""
        return await self.process.died()

    async def fate(self) -> str:
        """How the engine ended, where it did just now."""
        with contextlib.suppress(TimeoutError):
            return f"it died: {await asyncio.wait_for(self.died(), _FATE)}"
        return "it closed the connection"

    async def stop(self) -> None:
        """Close every connection first, since an engine that is answering may not hear SIGTERM."""
        await self._session.close()
        await self.process.stop()


@dataclass(slots=True, kw_only=True)
class Forward:
    """One request on its way.

    Attributes:
        model: The name of the model that answers.
        path: The engine's path.
        body: Passed on as it came.
        content_type: Of the body.
        headers: Added to the answer.
        flow: Counts what streams.
        first: When the first bytes of the answer came, on the monotonic clock.
    """

    model: str
    path: str
    body: bytes
    content_type: str
    headers: Mapping[str, str]
    flow: Flow
    first: float | None = None

    async def through(self, engine: Upstream, request: web.Request) -> web.StreamResponse:
        """Ask the engine, and pass on what it says.

        Raises:
            Problem: It did not answer, or with an error.
        """
        try:
            answer = await engine.post(self.path, self.body, {"Content-Type": self.content_type})
        except (aiohttp.ClientError, ConnectionError) as error:
            raise await self._died(engine) from error
        self.first = time.monotonic()
        try:
            if answer.status >= _FAILURE:
                raise await self._refused(engine, answer)
            return await self._pass_on(engine, answer, request)
        finally:
            answer.close()

    async def _died(self, engine: Upstream) -> Problem:
        message = f"the engine of {self.model} gave no answer: {await engine.fate()}"
        return Problem(502, "engine_died", message, headers=self.headers)

    async def _refused(self, engine: Upstream, answer: aiohttp.ClientResponse) -> Problem:
        try:
            raw = await answer.content.read(_ERROR_LIMIT)
        except (aiohttp.ClientError, ConnectionError):
            return await self._died(engine)
        return complaints.problem(answer.status, raw, self.headers)

    async def _pass_on(
        self, engine: Upstream, answer: aiohttp.ClientResponse, request: web.Request
    ) -> web.StreamResponse:
        streamed = answer.content_type == "text/event-stream"
        out = web.StreamResponse(status=answer.status, headers=self.headers)
        out.headers["Content-Type"] = answer.headers.get("Content-Type", "application/octet-stream")
        if streamed:
            out.headers.update({"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        elif answer.content_length is not None:
            out.content_length = answer.content_length
        # A client that has gone away is noticed here where it was not yet by cancelling all this.
        with contextlib.suppress(ConnectionError):
            await out.prepare(request)
            if await self._copy(answer, out, streamed=streamed):
                await out.write_eof()
            else:
                await self._break_off(engine, out, request, streamed=streamed)
        return out

    async def _copy(self, answer: aiohttp.ClientResponse, out: web.StreamResponse, *, streamed: bool) -> bool:
        """Write each chunk when it comes; whether the engine's answer was whole."""
        events = Events(self.model, time.time()) if streamed and self.path == responses.PATH else None
        while True:
            try:
                chunk = await answer.content.readany()
            except (aiohttp.ClientError, ConnectionError):
                return False
            if not chunk:
                return True
            if streamed:
                self.flow.count(self.model, chunk)
            if data := chunk if events is None else events.feed(chunk):
                await out.write(data)

    async def _break_off(
        self, engine: Upstream, out: web.StreamResponse, request: web.Request, *, streamed: bool
    ) -> None:
        """The engine ended in the middle: say so where that can be said, and never end as if whole."""
        if streamed:
            message = f"the engine of {self.model} ended before its answer was whole: {await engine.fate()}"
            await out.write(b"data: " + Problem(502, "engine_died", message).body() + b"\n\n")
        if request.transport is not None:
            request.transport.close()
