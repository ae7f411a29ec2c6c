"""One connection to an engine: a socket, and llhttp that reads what comes out of it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from typing import Protocol

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

_ONE_GO = 2**16
_FINAL = 200


class Hearer(Protocol):
    """Who asked, and hears the answer."""

    def head(self, status: int, headers: Mapping[bytes, bytes]) -> None:
        """The answer begins; names of headers are lower-case."""

    def body(self, data: bytes, *, whole: bool) -> None:
        """More of it has come; where it is whole, the line may be another's already."""

    def lost(self, *, heard: bool) -> None:
        """The connection ended too early, after something had come or before any byte."""


class Line:
    """One connection to an engine: it carries one request at a time.

    There is no task and no transport: connecting to a unix socket does not wait, and a small request is
    sent in the call that asks.

    Args:
        path: The engine's socket.
        rest: Told when it has nothing more to do: it is closed, or could carry another request.

    Raises:
        OSError: The engine takes no connection.
    """

    def __init__(self, path: str, rest: Callable[[Line], None]) -> None:
        self.closed = False
        self._rest, self._loop = rest, asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(0)
            self._socket.connect(path)
        except OSError:
            self._socket.close()
            raise
        self._parser = HttpResponseParser(self)
        self._hearer: Hearer | None = None
        self._unsent: list[bytes | memoryview] = []
        self._headers: dict[bytes, bytes] = {}
        self._pieces: list[bytes] = []
        self._reading = self._writing = False
        self.resume()

    def ask(self, head: bytes, body: bytes, hearer: Hearer) -> None:
        """Send a request; the hearer is told of the answer later, never within this call."""
        self._hearer = hearer
        self._status, self._headers, self._pieces = 0, {}, []
        self._heard = self._told = self._whole = self._keep = self._to_end = False
        self._unsent = [head + body] if len(body) < _ONE_GO else [head, body]
        self._send()

    def pause(self) -> None:
        """Read no more for now: who asked cannot take it."""
        if self._reading:
            self._loop.remove_reader(self._socket)
            self._reading = False

    def resume(self) -> None:
        """Read on."""
        if not self._reading and not self.closed:
            self._loop.add_reader(self._socket, self._readable)
            self._reading = True

    def close(self) -> None:
        """Close the connection, which ends the engine's work on the answer; nobody is told of it."""
        if self.closed:
            return
        self.closed, self._hearer = True, None
        self.pause()
        self._unsent.clear()
        self._send()
        self._socket.close()
        self._rest(self)

    def break_off(self) -> None:
        """Close the connection, and tell who asked."""
        hearer = self._hearer
        self.close()
        if hearer is not None:
            hearer.lost(heard=self._heard)

    def _send(self) -> None:
        """Send what the socket takes now, and the rest when it takes more."""
        try:
            while self._unsent:
                sent = self._socket.send(self._unsent[0])
                if sent == len(self._unsent[0]):
                    del self._unsent[0]
                else:
                    self._unsent[0] = memoryview(self._unsent[0])[sent:]
        except OSError as error:
            if not isinstance(error, BlockingIOError):
                self._unsent.clear()  # reading tells what it said before it went
        if self._unsent and not self._writing:
            self._loop.add_writer(self._socket, self._send)
        elif self._writing and not self._unsent:
            self._loop.remove_writer(self._socket)
        self._writing = bool(self._unsent)

    def _readable(self) -> None:
        try:
            data = self._socket.recv(_ONE_GO)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if self._hearer is None:
            self.close()  # the engine closed it, as llama.cpp does after five seconds
        elif data:
            self._hear(data)
        elif self._to_end:
            self._whole = True
            self._tell(self._hearer)
        else:
            self.break_off()

    def _hear(self, data: bytes) -> None:
        self._heard = True
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self._keep = False
            if not self._whole:
                self.break_off()
                return
        if self._hearer is not None and self._status:
            self._tell(self._hearer)

    def _tell(self, hearer: Hearer) -> None:
        """Pass on what has come, having put the line to rest if that was all."""
        if self._whole:
            self._hearer = None
            if self._keep and not self._unsent:
                self._rest(self)
            else:
                self.close()
        if not self._told:
            self._told = True
            hearer.head(self._status, self._headers)
        data, self._pieces = b"".join(self._pieces), []
        hearer.body(data, whole=self._whole)

    # What llhttp calls; it would hide an error in here, so they only take notes.

    def on_message_begin(self) -> None:
        """Another answer begins: after 1xx the real one; after that nothing that was asked for."""
        self._keep = self._keep and not self._whole

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header has come."""
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """All headers have come."""
        status = self._parser.get_status_code()
        if status < _FINAL or self._whole:
            self._headers = {}
            return
        self._status, self._keep = status, self._parser.should_keep_alive()
        self._to_end = not {b"content-length", b"transfer-encoding"} & self._headers.keys()

    def on_body(self, data: bytes) -> None:
        """A part of the body has come, without what frames it."""
        if not self._whole:
            self._pieces.append(data)

    def on_message_complete(self) -> None:
        """An answer is whole."""
        self._whole = bool(self._status)
