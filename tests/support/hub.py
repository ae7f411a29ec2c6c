"""A local server that speaks the Hugging Face Hub's API as it is, for the real client and for ours.

The API and the bodies of large files are served by two servers, so that a redirect to the latter crosses
hosts as it does at the Hub. What the Hub answers was taken from its client, huggingface_hub 2.4: the paths
and parameters from hf_api.py, the error codes from utils/_http.py, the headers from file_download.py.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, quote, unquote, urlsplit

LFS = (".gguf", ".bin", ".safetensors")
PAGE = 1000
_RESOLVE = re.compile(r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)")
_API = re.compile(r"/api/models/(?P<repo>[^/]+/[^/]+)(?P<rest>(?:/.*)?)")
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass
class Repo:
    """A repository: its commits by their hash, and what its branches and tags point to."""

    name: str
    gated: bool = False
    private: bool = False
    allowed: frozenset[str] = frozenset()
    """Tokens that may read it."""
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)

    def commit(self, files: dict[str, bytes], *, branch: str = "main") -> str:
        """Add a commit and point a branch to it; return its hash."""
        tree = sorted((path, hashlib.sha256(data).hexdigest()) for path, data in files.items())
        sha = hashlib.sha1(json.dumps([self.name, len(self.commits), tree]).encode()).hexdigest()
        self.commits[sha] = dict(files)
        self.refs[branch] = sha
        return sha

    def at(self, revision: str) -> str | None:
        """Resolve a revision to a commit."""
        sha = self.refs.get(revision, revision)
        return sha if sha in self.commits else None


@dataclass(frozen=True)
class Seen:
    """A request as it came in."""

    server: str
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    status: int


@dataclass(frozen=True)
class Answer:
    """An answer to give instead of the right one."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class Hub:
    """The two servers and all that they know.

    Attributes:
        url: The endpoint: what HF_ENDPOINT is set to.
        storage: Where bodies of large files come from.
        tokens: Every token that is one.
        seen: Every request, in the order in which they were answered.
        instead: Answers to give once each, by a text that the path contains.
        blobs: Whether `?blobs=true` is understood (a mirror may not).
    """

    def __init__(self, url: str, storage: str) -> None:
        self.url = url
        self.storage = storage
        self.tokens = {"hf_good", "hf_stranger"}
        self.repos: dict[str, Repo] = {}
        self.renamed: dict[str, str] = {}
        self.seen: list[Seen] = []
        self.instead: list[tuple[str, Answer]] = []
        self.changing: dict[str, bytes] = {}
        self.blobs = True
        self._lock = threading.Lock()

    def repo(
        self,
        name: str,
        files: dict[str, bytes],
        *,
        gated: bool = False,
        private: bool = False,
        allowed: frozenset[str] = frozenset(),
    ) -> Repo:
        """Add a repository with one commit on `main`."""
        repo = Repo(name, gated=gated, private=private, allowed=allowed)
        repo.commit(files)
        self.repos[name] = repo
        return repo

    def rename(self, old: str, new: str) -> None:
        """Give a repository another name; the old one is redirected."""
        repo = self.repos.pop(old)
        repo.name = new
        self.repos[new] = repo
        self.renamed[old] = new

    def answer(self, part: str, answer: Answer, *, times: int = 1) -> None:
        """Give this answer to the next requests whose path contains `part`."""
        self.instead += [(part, answer)] * times

    def change_after_first_range(self, path: str, data: bytes) -> None:
        """Serve other bytes, under another ETag, from the second request for a file on."""
        self.changing[path] = data

    def requests(self, server: str = "hub") -> list[Seen]:
        """Return what one of the two servers (`hub`, `storage`) was asked."""
        return [request for request in self.seen if request.server == server]

    def note(self, request: Seen) -> None:
        """Remember a request."""
        with self._lock:
            self.seen.append(request)

    def instead_of(self, path: str) -> Answer | None:
        """Take the next answer to give instead of the right one."""
        with self._lock:
            for index, (part, answer) in enumerate(self.instead):
                if part in path:
                    del self.instead[index]
                    return answer
        return None

    def body(self, digest: str) -> bytes | None:
        """Return what the storage has under a digest, changed where that was asked for."""
        for repo in self.repos.values():
            for files in repo.commits.values():
                for path, data in files.items():
                    if hashlib.sha256(data).hexdigest() == digest:
                        asked = sum(1 for seen in self.requests("storage") if digest in seen.path)
                        return self.changing.get(path, data) if asked else data
        return None


class _Handler(BaseHTTPRequestHandler):
    hub: ClassVar[Hub]
    server_name: ClassVar[str]
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        self.sent = b""
        if length := int(self.headers.get("content-length") or 0):
            self.sent = self.rfile.read(length)
        instead = self.hub.instead_of(self.path)
        if instead is not None:
            self._send(instead.status, instead.body, **dict(instead.headers))
        elif self.server_name == "storage":
            self._storage()
        else:
            self._hub()

    def _send(self, status: int, body: bytes = b"", **headers: str) -> None:
        url = urlsplit(self.path)
        self.hub.note(
            Seen(
                self.server_name,
                self.command,
                url.path,
                parse_qs(url.query),
                {key.lower(): value for key, value in self.headers.items()},
                status,
            )
        )
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _json(self, value: object, status: int = 200, **headers: str) -> None:
        self._send(status, json.dumps(value).encode(), content_type="application/json", **headers)

    def _error(self, status: int, code: str | None, message: str) -> None:
        headers = {"x_error_message": message} | ({} if code is None else {"x_error_code": code})
        self._json({"error": message}, status, **headers)

    # The API server

    def _hub(self) -> None:
        url = urlsplit(self.path)
        if self._token() not in {None} | self.hub.tokens:
            self._error(401, None, "Invalid credentials in Authorization header")
        elif match := _API.fullmatch(url.path):
            self._api(unquote(match["repo"]), match["rest"], parse_qs(url.query))
        elif match := _RESOLVE.fullmatch(url.path):
            self._resolve(unquote(match["repo"]), unquote(match["revision"]), unquote(match["path"]))
        else:
            self._error(404, None, "Not found")

    def _token(self) -> str | None:
        given = self.headers.get("authorization")
        return None if given is None else given.removeprefix("Bearer ")

    def _repo(self, name: str) -> Repo | None:
        if name in self.hub.renamed:
            new = self.path.replace(quote(name), quote(self.hub.renamed[name]), 1)
            self._send(307, b"Temporary Redirect", location=new)
            return None
        repo = self.hub.repos.get(name)
        if repo is None or (repo.private and self._token() not in repo.allowed):
            anonymous = self._token() is None
            self._error(
                401 if anonymous else 404,
                "RepoNotFound",
                "Invalid username or password." if anonymous else "Repository not found",
            )
            return None
        return repo

    def _api(self, name: str, rest: str, query: dict[str, list[str]]) -> None:
        repo = self._repo(name)
        if repo is None:
            return
        parts = rest.split("/")[1:] or ["revision", "main"]
        revision = unquote(parts[1]) if len(parts) > 1 else "main"
        sha = repo.at(revision)
        if sha is None:
            self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        elif parts[0] == "revision":
            self._json(self._info(repo, sha, blobs=self.hub.blobs and query.get("blobs") == ["true"]))
        elif parts[0] == "paths-info":
            asked = parse_qs(self.sent.decode()).get("paths", [])
            self._json([_entry(path, repo.commits[sha][path]) for path in asked if path in repo.commits[sha]])
        elif parts[0] == "tree":
            self._tree(repo.commits[sha], query)
        else:
            self._error(404, None, "Not found")

    def _info(self, repo: Repo, sha: str, *, blobs: bool) -> dict[str, object]:
        siblings = [
            {"rfilename": path} | (_sibling(path, data) if blobs else {})
            for path, data in sorted(repo.commits[sha].items())
        ]
        return {
            "_id": sha[:24],
            "id": repo.name,
            "modelId": repo.name,
            "author": repo.name.split("/")[0],
            "sha": sha,
            "lastModified": "2026-01-02T03:04:05.000Z",
            "private": repo.private,
            "gated": "manual" if repo.gated else False,
            "disabled": False,
            "tags": ["gguf"],
            "siblings": siblings,
        }

    def _tree(self, files: dict[str, bytes], query: dict[str, list[str]]) -> None:
        entries = [_entry(path, data) for path, data in sorted(files.items())]
        start = int(query.get("cursor", ["0"])[0])
        link = {}
        if start + PAGE < len(entries):
            path = urlsplit(self.path).path
            link["link"] = f'<{self.hub.url}{path}?recursive=true&cursor={start + PAGE}>; rel="next"'
        self._json(entries[start : start + PAGE], **link)

    def _resolve(self, name: str, revision: str, path: str) -> None:
        repo = self._repo(name)
        if repo is None:
            return
        sha = repo.at(revision)
        if sha is None:
            self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return
        if repo.gated and self._token() not in repo.allowed:
            self._error(
                401 if self._token() is None else 403,
                "GatedRepo",
                f"Access to model {name} is restricted. You must have access to it and be authenticated.",
            )
            return
        data = repo.commits[sha].get(path)
        if data is None:
            self._error(404, "EntryNotFound", "Entry not found")
            return
        if not path.endswith(LFS):
            self._ranged(data, x_repo_commit=sha, etag=f'"{_git(data)}"')
            return
        digest = hashlib.sha256(data).hexdigest()
        self._send(
            302,
            location=f"{self.hub.storage}/lfs/{digest}?X-Amz-Expires=3600&X-Amz-Signature=abc",
            x_repo_commit=sha,
            x_linked_etag=f'"{digest}"',
            x_linked_size=str(len(data)),
        )

    # The storage server

    def _storage(self) -> None:
        digest = urlsplit(self.path).path.removeprefix("/lfs/")
        data = self.hub.body(digest)
        if data is None:
            self._send(403, b"<Error><Code>AccessDenied</Code></Error>", content_type="application/xml")
        else:
            self._ranged(data, etag=f'"{hashlib.md5(data).hexdigest()}"')

    def _ranged(self, data: bytes, **headers: str) -> None:
        headers |= {"accept_ranges": "bytes", "content_type": "application/octet-stream"}
        match = _RANGE.fullmatch(self.headers.get("range") or "")
        if match is None:
            self._send(200, data, **headers)
            return
        start, stop = int(match[1]), int(match[2]) + 1 if match[2] else len(data)
        if start >= len(data):
            self._send(416, content_range=f"bytes */{len(data)}")
            return
        part = data[start:stop]
        where = f"bytes {start}-{start + len(part) - 1}/{len(data)}"
        self._send(206, part, content_range=where, **headers)


def _git(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _entry(path: str, data: bytes) -> dict[str, object]:
    """As `tree` and `paths-info` tell a file."""
    entry: dict[str, object] = {"type": "file", "path": path, "size": len(data), "oid": _git(data)}
    if path.endswith(LFS):
        entry["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
    return entry


def _sibling(path: str, data: bytes) -> dict[str, object]:
    """As `?blobs=true` tells a file: the digest has another key than in `tree`."""
    sibling: dict[str, object] = {"size": len(data), "blobId": _git(data)}
    if path.endswith(LFS):
        sibling["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
    return sibling


@contextmanager
def running() -> Iterator[Hub]:
    """Run a Hub on two free ports; the storage is another host than the endpoint, by name and by port."""
    handlers = [type(name, (_Handler,), {"server_name": name}) for name in ("hub", "storage")]
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), handler) for handler in handlers]
    ports = [server.server_address[1] for server in servers]
    hub = Hub(f"http://127.0.0.1:{ports[0]}", f"http://localhost:{ports[1]}")
    threads = []
    for handler, server in zip(handlers, servers, strict=True):
        handler.hub = hub  # type: ignore[attr-defined]
        server.daemon_threads = True
        threads.append(threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True))
        threads[-1].start()
    try:
        yield hub
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join()
