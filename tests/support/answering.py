"""A web service that answers each path as a test tells it, and remembers every request with its body."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Request:
    """What was asked."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What is answered; `cut` ends the connection before all of the body was sent."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False


Answer = Callable[[Request], Reply]


def reply(value: object, status: int = 200, **headers: str) -> Reply:
    """Answer with JSON."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(json.dumps(value).encode(), status, named)


def ndjson(*values: object) -> Reply:
    """Answer with JSON values, one a line."""
    return Reply(b"".join(json.dumps(value).encode() + b"\n" for value in values))


@dataclass
class Service:
    """A running service: its address, what it answers, what it was asked."""

    url: str
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)

    def on(self, path: str, *answers: Answer | Reply) -> None:
        """Answer at a path with each of these in turn, and with the last from then on."""
        left, lock = list(answers), threading.Lock()

        def answer(request: Request) -> Reply:
            with lock:
                chosen = left.pop(0) if len(left) > 1 else left[0]
            return chosen if isinstance(chosen, Reply) else chosen(request)

        self.answers[path] = answer

    def to(self, path: str) -> list[Request]:
        """Give the requests to a path."""
        return [request for request in self.asked if request.path == path]


@contextmanager
def answering() -> Iterator[Service]:
    """Run a service for as long as the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = Request(self.command, parts.path, query, dict(self.headers), body)
            service.asked.append(request)
            answer = service.answers.get(parts.path, lambda _: Reply(status=404))
            self._send(answer(request))

        do_POST = do_GET  # noqa: N815 - as http.server looks for it

        def _send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body) + (1 if reply.cut else 0)))
            self.end_headers()
            self.wfile.write(reply.body)
            self.close_connection = self.close_connection or reply.cut

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    service = Service(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
