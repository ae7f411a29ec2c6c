"""A local package index that speaks the Simple API: JSON (PEP 691, 700) or HTML (PEP 503), with passwords."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

JSON, HTML = "application/vnd.pypi.simple.v1+json", "text/html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A file of a project, and what the index says or withholds about it."""

    filename: str
    content: bytes = b"a wheel"
    yanked: bool = False
    states_size: bool = True
    states_hash: bool = True

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass(slots=True)
class Simple:
    """What the index has, how it speaks, and what it was asked.

    Attributes:
        auth: The user and password it wants; None for none.
        files_on: Another host's address that has the files; empty: the index itself, by relative links.
        heads: Whether HEAD is answered.
        asked: Each request's method and path, and whether it held credentials.
    """

    projects: dict[str, list[Published]] = field(default_factory=dict)
    speaks: str = JSON
    auth: tuple[str, str] | None = None
    files_on: str = ""
    heads: bool = True
    status: int | None = None
    asked: list[tuple[str, str, bool]] = field(default_factory=list)
    url: str = ""

    def page(self, project: str) -> bytes:
        """A project's page; the links of files are relative where no other host has them."""
        files = self.projects[project]
        return _json(project, files, self._link) if self.speaks == JSON else _html(files, self._link)

    def _link(self, file: Published) -> str:
        return f"{self.files_on or '../../'}files/{quote(file.filename)}"

    def content(self, filename: str) -> bytes | None:
        """The bytes of a file of any project."""
        every = (file for files in self.projects.values() for file in files)
        return next((file.content for file in every if file.filename == filename), None)


def _json(project: str, files: list[Published], link: object) -> bytes:
    assert callable(link)
    entries = []
    for file in files:
        entry: dict[str, object] = {"filename": file.filename, "url": link(file), "yanked": file.yanked}
        entry["hashes"] = {"sha256": file.sha256} if file.states_hash else {}
        if file.states_size:
            entry["size"] = len(file.content)
        entries.append(entry)
    return json.dumps({"meta": {"api-version": "1.1"}, "name": project, "files": entries}).encode()


def _html(files: list[Published], link: object) -> bytes:
    assert callable(link)
    anchors = [
        f'<a href="{link(file)}{f"#sha256={file.sha256}" if file.states_hash else ""}"'
        f"{' data-yanked' if file.yanked else ''}>{file.filename}</a>"
        for file in files
    ]
    return f"<!DOCTYPE html><html><body>{''.join(anchors)}</body></html>".encode()


@contextmanager
def serving(simple: Simple) -> Iterator[Simple]:
    """Serve the index under `/simple/`, and its files under `/files/`, until the block ends."""
    server = _Server(simple)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    simple.url = f"http://127.0.0.1:{server.server_port}/"
    try:
        yield simple
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        simple, signed = self.server.simple, self.headers.get("Authorization")
        simple.asked.append((self.command, self.path, signed is not None))
        if simple.status is not None:
            self._reply(simple.status, b"", HTML, body=body)
        elif simple.auth is not None and signed != _basic(simple.auth):
            self._reply(401, b"", HTML, body=body)
        elif self.command == "HEAD" and not simple.heads:
            self._reply(405, b"", HTML, body=body)
        else:
            self._give(simple, body=body)

    def _give(self, simple: Simple, *, body: bool) -> None:
        _, kind, name, *_ = self.path.split("/")
        if kind == "simple" and name in simple.projects:
            self._reply(200, simple.page(name), simple.speaks, body=body)
        elif kind == "files" and (content := simple.content(name)) is not None:
            self._reply(200, content, "application/octet-stream", body=body)
        else:
            self._reply(404, b"", HTML, body=body)

    def _reply(self, status: int, content: bytes, kind: str, *, body: bool) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the stdlib's name
        del format, args


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, simple: Simple) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.simple = simple


def _basic(auth: tuple[str, str]) -> str:
    return "Basic " + base64.b64encode(":".join(auth).encode()).decode()
