"""Carries a request to an engine and its answer back, byte for byte, as the bytes come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus

from aiohttp.helpers import rfc822_formatted_time

from zoo.serve import complaints, responses
from zoo.serve.answers import Problem
from zoo.serve.flow import Flow
from zoo.serve.line import Line
from zoo.serve.upstream import Upstream

_AGAIN, _TRIES = 0.002, 2500
_KEPT = 64
_ERROR_LIMIT = 2**20
_FAILURE = 400
_NO_BODY = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}


@dataclass(slots=True, kw_only=True)
class Forward:
    """One request on its way.

    Attributes:
        model: The name of the model that answers.
        path: The engine's path.
        body: Passed on as it came.
        headers: Added to the answer.
        flow: Counts what streams.
        chunks: Whether the client understands chunks, as of HTTP/1.1.
        keep: Whether the client's connection stays open after the answer.
        began: When it came, on the monotonic clock.
        first: When the first bytes of the answer came, on the monotonic clock.
    """

    model: str
    path: str
    body: bytes
    headers: Mapping[str, str]
    flow: Flow
    chunks: bool
    keep: bool
    began: float
    first: float | None = None

    def head(self) -> bytes:
        """What an engine is told before the body; nothing of the client's own headers is in it."""
        return (
            f"POST {self.path} HTTP/1.1\r\nHost: engine\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(self.body)}\r\n\r\n"
        ).encode(errors="surrogateescape")


class Client:
    """The connection to a client, as far as the answer is concerned."""

    transport: asyncio.Transport
    carry: Carry | None = None
    stuck = False

    def pause_writing(self) -> None:
        """The client reads more slowly than the engine writes."""
        self.stuck = True
        if self.carry is not None:
            self.carry.pause()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self.stuck = False
        if self.carry is not None:
            self.carry.resume()


class Carry:
    """Asks an engine, and writes its answer to the client's connection.

    Args:
        forward: What to ask; the caller has a hold on the engine until all is over.
        engine: Whom.
        client: Who gets the answer.
        over: Told how it ended: with a status where an answer was written, with a problem where nothing
            was, so that the caller can.
    """

    _line: Line | None = None
    _waiting: asyncio.TimerHandle | asyncio.Task[None] | None = None
    _retried = _streamed = _chunked = False
    _status, _start, _error = 0, b"", b""
    _tries = 0
    _events: responses.Events | None = None

    def __init__(
        self, forward: Forward, engine: Upstream, client: Client, over: Callable[[int | Problem], None]
    ) -> None:
        self._forward, self._engine, self._client, self._over = forward, engine, client, over
        client.carry = self
        self._ask()

    def pause(self) -> None:
        """Let the engine wait: the client reads slowly."""
        if self._line is not None:
            self._line.pause()

    def resume(self) -> None:
        """Let it go on."""
        if self._line is not None:
            self._line.resume()

    def abandon(self) -> None:
        """The client has gone, or all is over: the engine need not go on."""
        if self._client.carry is self:
            self._client.carry = None
        if self._waiting is not None:
            self._waiting.cancel()
        if self._line is not None:
            self._line.close()
            self._line = None

    # Asking

    def _ask(self) -> None:
        try:
            line = self._engine.line(fresh=self._retried)
        except (BlockingIOError, ConnectionRefusedError):
            # llama.cpp lets only five wait to be accepted; the second is what that looks like on macOS.
            self._tries += 1
            if self._tries < _TRIES:
                self._waiting = asyncio.get_running_loop().call_later(_AGAIN, self._ask)
            else:
                self._spawn(self._died())
        except OSError:
            self._spawn(self._died())
        else:
            self._line = line
            if self._client.stuck:
                line.pause()
            line.ask(self._forward.head(), self._forward.body, self)

    # Hearing

    def head(self, status: int, headers: Mapping[bytes, bytes]) -> None:
        """Make the head of the client's answer, unless it is an error."""
        self._forward.first = time.monotonic()
        self._status = status
        if status >= _FAILURE:
            return
        kind = headers.get(b"content-type", b"application/octet-stream").decode("latin-1")
        self._streamed = kind.startswith("text/event-stream")
        length = headers.get(b"content-length", b"0" if status in _NO_BODY else None)
        if self._streamed and self._forward.path == responses.PATH:
            self._events, length = responses.Events(self._forward.model, time.time()), None
        self._chunked = length is None and self._forward.chunks
        if length is None and not self._chunked:
            self._forward.keep = False
        self._start = _start(self._forward, status, kind, tuple(self._forward.headers.items()), length)

    def body(self, data: bytes, *, whole: bool) -> None:
        """Pass on a piece, or gather it where it is an error."""
        if whole:
            self._line = None
        if self._status >= _FAILURE:
            self._error += data[: _ERROR_LIMIT - len(self._error)]
            if whole or len(self._error) == _ERROR_LIMIT:
                self._end(complaints.problem(self._status, self._error, self._forward.headers))
            return
        if self._streamed:
            self._forward.flow.count(self._forward.model, data)
        if self._events is not None:
            data = self._events.feed(data)
        if self._chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data) if data else b""
            data += b"0\r\n\r\n" if whole else b""
        if self._start or data:
            self._client.transport.write(self._start + data)
            self._start = b""
        if whole:
            self._end(self._status)

    def lost(self, *, heard: bool) -> None:
        """The engine ended too early: ask once more where that loses nothing, else say so."""
        self._line = None
        if not heard and not self._retried:
            self._retried = True
            self._ask()
        elif self._status and self._status < _FAILURE:
            self._spawn(self._broke_off())
        else:
            self._spawn(self._died())

    async def _died(self) -> None:
        message = f"the engine of {self._forward.model} gave no answer: {await self._engine.fate()}"
        self._end(Problem(502, "engine_died", message, headers=self._forward.headers))

    async def _broke_off(self) -> None:
        """Say so where that can be said, and never end as if whole."""
        if self._streamed:
            name, fate = self._forward.model, await self._engine.fate()
            problem = Problem(
                502, "engine_died", f"the engine of {name} ended before its answer was whole: {fate}"
            )
            data = b"data: " + problem.body() + b"\n\n"
            self._client.transport.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)
        self._forward.keep = False
        self._client.transport.close()
        self._end(self._status)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        self._waiting = asyncio.get_running_loop().create_task(work)

    def _end(self, how: int | Problem) -> None:
        self._waiting = None
        self.abandon()
        self._over(how)


def answer_of(problem: Problem, forward: Forward) -> bytes:
    """The answer that tells a problem."""
    body, headers = problem.body(), tuple(problem.headers.items())
    return _start(forward, problem.status, "application/json", headers, b"%d" % len(body)) + body


def _start(
    forward: Forward, status: int, kind: str, headers: tuple[tuple[str, str], ...], length: bytes | None
) -> bytes:
    """The head of an answer; None is the length of one that comes in chunks, or ends with the connection."""
    start = _constant(status, kind, headers, chunks=forward.chunks, keep=forward.keep)
    if length is not None:
        framing = b"Content-Length: %b\r\n" % length
    else:
        framing = b"Transfer-Encoding: chunked\r\n" if forward.chunks else b""
    return b"%b%bDate: %b\r\n\r\n" % (start, framing, rfc822_formatted_time().encode())


@lru_cache(_KEPT)
def _constant(
    status: int, kind: str, headers: tuple[tuple[str, str], ...], *, chunks: bool, keep: bool
) -> bytes:
    """What is the same in the heads of many answers."""
    known = status in set(HTTPStatus)
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase if known else ''}", f"Content-Type: {kind}"]
    lines += [f"{name}: {value}" for name, value in headers]
    if kind.startswith("text/event-stream"):
        lines += ["Cache-Control: no-cache", "X-Accel-Buffering: no"]
    if keep is not chunks:
        lines.append("Connection: keep-alive" if keep else "Connection: close")
    return "\r\n".join((*lines, "")).encode(errors="surrogateescape")
