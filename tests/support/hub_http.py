"""The HTTP of the local Hub: see `support.hub`."""

from __future__ import annotations

import hashlib
import json
import re
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import parse_qs, quote, unquote, urlsplit

if TYPE_CHECKING:
    from support.hub import Hub, Repo

LFS = (".gguf", ".bin", ".safetensors")
PAGE = 1000
_RESOLVE = re.compile(r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)")
_API = re.compile(r"/api/models/(?P<repo>[^/]+/[^/]+)(?P<rest>(?:/.*)?)")
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


class Handler(BaseHTTPRequestHandler):
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
            server=self.server_name,
            method=self.command,
            path=url.path,
            query=parse_qs(url.query),
            headers={key.lower(): value for key, value in self.headers.items()},
            status=status,
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
