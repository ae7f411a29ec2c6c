"""A web server that does as a test tells it: honest, slow, confused or hostile, down to the byte."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest
from support.accepting import Talks, accepting

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass(frozen=True)
class Asked:
    """A request: its path, its headers with lower-case names, and its range."""

    path: str
    headers: dict[str, str]

    @property
    def range(self) -> tuple[int, int | None] | None:
        match = _RANGE.fullmatch(self.headers.get("range", ""))
        return None if match is None else (int(match[1]), int(match[2]) + 1 if match[2] else None)


@dataclass
class Wire:
    """The connection that an answer is written to."""

    sock: socket.socket
    server: Server

    def head(self, status: int, **headers: object) -> None:
        lines = [f"HTTP/1.1 {status} Whatever"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.sock.sendall("\r\n".join([*lines, "", ""]).encode())

    def body(self, data: bytes, *, portion: int = 1 << 16, pause: float = 0) -> None:
        """Send bytes, and count them; with a pause after each portion."""
        for at in range(0, len(data), portion):
            part = data[at : at + portion]
            self.sock.sendall(part)
            self.server.count(len(part))
            if pause:
                self.server.closing.wait(pause)

    def hang(self) -> None:
        """Say nothing more until the test is over."""
        self.server.closing.wait()

    def cut(self) -> None:
        """End the connection."""
        raise ConnectionAbortedError


Answer = Callable[[Asked, Wire], None]


@dataclass
class Server:
    """Answers at each path as it was told to, and remembers what it was asked."""

    port: int
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    sent: int = 0
    closing: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def url(self, path: str, *, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def on(self, path: str, answer: Answer) -> str:
        """Answer so at this path; gives its URL."""
        self.answers[path] = answer
        return self.url(path)

    def count(self, number: int) -> None:
        with self.lock:
            self.sent += number


@contextmanager
def serving(*, send_buffer: int | None = None) -> Iterator[Server]:
    """Run a server for as long as the context lasts."""

    def welcome(talks: Talks, sock: socket.socket) -> None:
        # Head and body are sent apart: the second must not wait until the first is acknowledged.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if send_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        talks.begin(_talk, sock, server)  # nobody comes before it is made

    with accepting(welcome) as port:
        server = Server(port)
        try:
            yield server
        finally:
            server.closing.set()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def _talk(sock: socket.socket, server: Server) -> None:
    waiting = b""
    with sock, suppress(OSError):
        while True:
            while b"\r\n\r\n" not in waiting:
                if not (data := sock.recv(1 << 16)):
                    return
                waiting += data
            head, _, waiting = waiting.partition(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")
            pairs = (line.partition(":") for line in lines)
            asked = Asked(first.split(" ")[1], {name.lower(): value.strip() for name, _, value in pairs})
            with server.lock:
                server.asked.append(asked)
            server.answers.get(asked.path, missing)(asked, Wire(sock, server))


def missing(asked: Asked, wire: Wire) -> None:
    """There is nothing at this path."""
    wire.head(404, Content_Length=0)


def honest(data: bytes, *, etag: str = '"1"', portion: int = 1 << 16, pause: float = 0) -> Answer:
    """Give the file, and ranges of it."""

    def answer(asked: Asked, wire: Wire) -> None:
        start, stop = asked.range or (0, len(data))
        stop = len(data) if stop is None else min(stop, len(data))
        if start >= len(data) > 0:
            wire.head(416, Content_Length=0, Content_Range=f"bytes */{len(data)}")
            return
        extra = {} if asked.range is None else {"Content_Range": f"bytes {start}-{stop - 1}/{len(data)}"}
        wire.head(200 if asked.range is None else 206, Content_Length=stop - start, ETag=etag, **extra)
        wire.body(data[start:stop], portion=portion, pause=pause)

    return answer


def rangeless(data: bytes) -> Answer:
    """Give all of the file, whatever is asked for."""

    def answer(asked: Asked, wire: Wire) -> None:
        wire.head(200, Content_Length=len(data))
        wire.body(data)

    return answer


def chunked(data: bytes) -> Answer:
    """Give all of the file, whatever is asked for, without its length: so GitHub gives source code."""

    def answer(asked: Asked, wire: Wire) -> None:
        wire.head(200, Transfer_Encoding="chunked", ETag='W/"1"')
        wire.body(b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data))

    return answer


def cut_after(data: bytes, count: int) -> Answer:
    """Announce what was asked for, and end the connection after so many bytes of it."""

    def answer(asked: Asked, wire: Wire) -> None:
        start, stop = asked.range or (0, len(data))
        stop = len(data) if stop is None else stop
        wire.head(
            206 if asked.range else 200,
            Content_Length=stop - start,
            Content_Range=f"bytes {start}-{stop - 1}/{len(data)}",
            ETag='"1"',
        )
        wire.body(data[start : min(stop, start + count)])
        wire.cut()

    return answer


def status(code: int, **headers: object) -> Answer:
    """Answer with a status and no body."""

    def answer(asked: Asked, wire: Wire) -> None:
        wire.head(code, Content_Length=0, **headers)

    return answer


def redirect(url: str, code: int = 302) -> Answer:
    """Send the client elsewhere."""
    return status(code, Location=url)


def in_turn(*answers: Answer) -> Answer:
    """Answer with each in turn, and with the last from then on."""
    left, lock = list(answers), threading.Lock()

    def answer(asked: Asked, wire: Wire) -> None:
        with lock:
            chosen = left.pop(0) if len(left) > 1 else left[0]
        chosen(asked, wire)

    return answer
